"""What a pull request's job would have written: verdicts with the records they rest on, small and consistent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from release.artifact.judgement import Judgement, Submission
from release.records import Commit, EvaluateRecord, ModelName, Scored, TrainRecord, Verdict, VerdictRecord
from support.promotions import digest, verdict

CHURN = ModelName("churn")


def judged(name: str, *, model: str = CHURN, outcome: Verdict = Verdict.PASS, **changes: Any) -> VerdictRecord:
    """Judge the challenger called `name` against the champion called `old`."""
    found = verdict(name, champion=digest("model old"), outcome=outcome)
    return replace(found, model=ModelName(model), **changes)


def judgement(name: str, **changes: Any) -> Judgement:
    """Judge, and say how the challenger was trained and scored."""
    found = judged(name, **changes)
    model, commit = found.model or CHURN, Commit("1" * 40)
    train = TrainRecord(
        model=model,
        commit=commit,
        key=digest("train key"),
        model_digest=found.challenger,
        files={"model.json": found.challenger},
        size_bytes=1234,
        task="binary",
        estimator="logistic-regression",
        parameters={"C": 1.0},
        threshold=0.5,
        train_digest=digest("train"),
        rows=400,
        columns=30,
        cross_validation={},
        candidates=0,
        versions={"scikit-learn": "1.9"},
    )
    scored = Scored(model_digest=found.challenger, predictions=digest("p"), source="store", metrics={"roc_auc": 0.95})
    evaluate = EvaluateRecord(
        model=model,
        commit=commit,
        key=digest("evaluate key"),
        task="binary",
        test_digest=found.test_set.digest,
        rows=171,
        threshold=0.5,
        classes=("0", "1"),
        challenger=scored,
        champion=replace(scored, model_digest=digest("model old")),
    )
    return Judgement(verdict=found, train=train, evaluate=evaluate)


def submission(*judgements: Judgement) -> Submission:
    """Put judgements into one document."""
    return Submission(judgements=judgements)
