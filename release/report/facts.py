"""Where the models, the rows and the judgement came from, as labelled values for both renderings.

Values are raw text in full length; shortening and escaping are the renderings' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.report.cells import confidences
from release.report.format import count, megabytes, number, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.records import EvaluateRecord, JsonScalar, PackageRecord, TrainRecord, VerdictRecord


@dataclass(frozen=True, kw_only=True)
class Group:
    """A heading and its labelled values."""

    title: str
    facts: tuple[tuple[str, str], ...]


ENVIRONMENT = "Environment of the training"


def looked(verdict: VerdictRecord) -> str:
    """Say which look at the test set this was, and how many were inherited from files that share rows with it."""
    test = verdict.test_set
    inherited = f", {count(test.inherited)} inherited" if test.inherited else ""
    return f"look {count(test.looks)} of {count(test.budget)}{inherited}"


def provenance(
    train: TrainRecord, evaluate: EvaluateRecord | None, verdict: VerdictRecord, package: PackageRecord | None
) -> tuple[Group, ...]:
    """Collect what reproduces and identifies this release; groups without facts are left out."""
    groups = (
        Group(title="Models", facts=_models(train, evaluate, verdict)),
        Group(title="Data", facts=_data(train, evaluate, verdict)),
        Group(title="Training", facts=_training(train)),
        Group(title="Parameters", facts=scalars(train.parameters)),
        Group(title="Judgement", facts=_judgement(verdict)),
        Group(title="Image", facts=_image(package)),
        Group(title=ENVIRONMENT, facts=scalars(train.versions)),
    )
    return tuple(group for group in groups if group.facts)


def scalars(values: Mapping[str, JsonScalar]) -> tuple[tuple[str, str], ...]:
    """Write a mapping of plain values, sorted by name, as YAML would show them."""
    return tuple((name, _scalar(values[name])) for name in sorted(values))


def _scalar(value: JsonScalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _models(train: TrainRecord, evaluate: EvaluateRecord | None, verdict: VerdictRecord) -> tuple[tuple[str, str], ...]:
    facts = [("challenger", str(verdict.challenger))]
    facts.append(("champion", "none yet" if verdict.champion is None else str(verdict.champion)))
    if evaluate is not None and evaluate.champion is not None:
        facts.append(("champion's predictions from", evaluate.champion.source))
    if verdict.anchor is not None:
        facts.append(("anchor, the last release shown better", str(verdict.anchor)))
    if evaluate is not None and evaluate.anchor is not None:
        facts.append(("anchor's predictions from", evaluate.anchor.source))
    return (*facts, ("challenger's commit", str(train.commit)), ("challenger's size", megabytes(train.size_bytes)))


def _data(train: TrainRecord, evaluate: EvaluateRecord | None, verdict: VerdictRecord) -> tuple[tuple[str, str], ...]:
    facts = [
        ("training rows", f"{count(train.rows)}, in {count(train.columns)} columns"),
        ("training data", str(train.train_digest)),
        ("test data", str(verdict.test_set.digest)),
        ("looks at the test data", looked(verdict).removeprefix("look ")),
    ]
    if evaluate is not None:
        facts.insert(2, ("test rows", count(evaluate.rows)))
    return tuple(facts)


def _training(train: TrainRecord) -> tuple[tuple[str, str], ...]:
    facts = [("task", train.task), ("estimator", train.estimator)]
    if train.threshold is not None:
        facts.append(("threshold", number(train.threshold)))
    if train.cross_validation:
        folds = ", ".join(f"{plain(name)} {number(value)}" for name, value in sorted(train.cross_validation.items()))
        facts += [("candidates tried", count(train.candidates)), ("cross-validation of the chosen", folds)]
    return tuple(facts)


def _judgement(verdict: VerdictRecord) -> tuple[tuple[str, str], ...]:
    facts = [("alpha", f"{number(verdict.alpha)}, over {count(verdict.test_set.budget)} looks")]
    facts += [("confidence", level) for level in confidences(verdict.comparisons)]
    facts += [("policy from commit", str(verdict.commit))] if verdict.commit else []
    return (*facts, ("record", str(verdict.key))) if verdict.key else tuple(facts)


def _image(package: PackageRecord | None) -> tuple[tuple[str, str], ...]:
    if package is None:
        return ()
    return (
        ("repository", package.repository),
        ("digest", str(package.digest)),
        ("base", str(package.base)),
        ("model layer", str(package.layer)),
        ("size", megabytes(package.size_bytes)),
    )
