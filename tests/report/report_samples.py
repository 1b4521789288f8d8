"""Records and predictions as the stages write them, small and the same on every machine, for the tests of the report."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from typing import Any

import numpy as np

from release.records import (
    Commit,
    Comparison,
    Digest,
    EvaluateRecord,
    Importance,
    InspectRecord,
    LearningPoint,
    ModelName,
    PackageRecord,
    RecipeRecord,
    Scored,
    SignatureChange,
    TestSet,
    TrainRecord,
    Verdict,
    VerdictRecord,
)
from release.report.curves import Curves
from release.report.disagreement import Disagreement, Known, disagreement

TASKS = ("binary", "multiclass", "regression")
CASES = ("pass", "fail", "inconclusive", "invalid", "first")
MODELS = {"binary": "breast-cancer", "multiclass": "digits", "regression": "diabetes"}
PRIMARY = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}
GUARD = {"binary": "brier_score", "multiclass": "log_loss", "regression": "mae"}


def digest(text: str) -> Digest:
    return Digest("sha256:" + hashlib.sha256(text.encode()).hexdigest())


COMMIT = Commit(hashlib.sha1(b"commit", usedforsecurity=False).hexdigest())


def comparison(metric: str = "roc_auc", **changes: Any) -> Comparison:
    """Return a primary that holds its margin of .02, changed as asked."""
    base = Comparison(
        metric=metric,
        role="primary",
        slice=None,
        n=285,
        champion=0.9512,
        challenger=0.9951,
        difference=0.0439,
        low=0.021,
        high=0.067,
        level=0.99,
        high_family=0.071,
        margin=0.02,
        p_value=0.0001,
        p_margin=0.00001,
        method="delong",
        verdict=Verdict.PASS,
        rows_needed=None,
    )
    return dataclasses.replace(base, **changes)


def guard(metric: str, **changes: Any) -> Comparison:
    """Return a guard that holds but shows no gain, changed as asked."""
    values: dict[str, Any] = {
        "role": "guard",
        "champion": 0.061,
        "challenger": 0.0588,
        "difference": 0.0022,
        "low": -0.0131,
        "high": 0.0175,
        "high_family": 0.0193,
        "p_value": 0.61,
        "p_margin": 0.0004,
        "method": "bootstrap-bca",
    }
    return comparison(metric, **{**values, **changes})


def unsure(metric: str, **changes: Any) -> Comparison:
    """Return a slice that cannot be told, changed as asked."""
    values: dict[str, Any] = {
        "role": "slice",
        "slice": "large tumours",
        "n": 61,
        "champion": 0.95,
        "challenger": 0.94,
        "difference": -0.01,
        "low": -0.083,
        "high": 0.061,
        "high_family": 0.07,
        "margin": 0.05,
        "p_value": 0.72,
        "p_margin": 0.08,
        "method": "tango",
        "verdict": Verdict.INCONCLUSIVE,
        "rows_needed": 412,
        "when_unsure": "review",
        "reason": "could be -0.083, which does not clear -0.05, or as good as +0.07",
    }
    return comparison(metric, **{**values, **changes})


def floor(metric: str, **changes: Any) -> Comparison:
    """Return a floor that holds, changed as asked."""
    values: dict[str, Any] = {
        "role": "floor",
        "champion": None,
        "difference": 0.9951,
        "low": 0.981,
        "high": 0.9996,
        "high_family": 0.9998,
        "margin": 0.9,
        "p_value": None,
        "method": "delong-logit",
    }
    return comparison(metric, **{**values, **changes})


def size(**changes: Any) -> Comparison:
    """Return the model's size within its budget, changed as asked."""
    values: dict[str, Any] = {
        "role": "size",
        "n": 1,
        "champion": None,
        "challenger": 0.0184,
        "difference": 49.9816,
        "low": 49.9816,
        "high": 49.9816,
        "high_family": 49.9816,
        "level": 1.0,
        "margin": 50.0,
        "p_value": None,
        "p_margin": None,
        "method": "exact",
    }
    return comparison("size_mb", **{**values, **changes})


def _comparisons(task: str, case: str) -> tuple[Comparison, ...]:
    primary, other = PRIMARY[task], GUARD[task]
    if task == "regression":
        first = comparison(
            primary, champion=58.31, challenger=53.27, difference=5.04, low=1.62, high=8.71, high_family=9.4, margin=2.5
        )
        ceiling = floor(primary, challenger=53.27, difference=-53.27, low=-58.2, high=-48.9, high_family=-48.1, margin=60.0)
        second = guard(
            other,
            champion=44.2,
            challenger=43.1,
            difference=1.98,
            low=0.31,
            high=3.6,
            high_family=3.9,
            p_value=0.004,
            margin=0.02,
            asks="relative",
        )
    else:
        first, ceiling, second = comparison(primary), floor(primary), guard(other)
    worse = {"verdict": Verdict.FAIL, "reason": "at best -0.031, which does not clear -0.02"}
    if case == "first":
        return (ceiling, size())
    if case == "fail":
        bad = guard(
            other, challenger=0.121, difference=-0.06, low=-0.091, high=-0.035, high_family=-0.031, p_value=0.0001, **worse
        )
        return (first, bad, ceiling, unsure("recall"), size())
    if case == "inconclusive":
        return (first, second, ceiling, unsure("recall"), size())
    if case == "invalid":
        nothing = {"champion": None, "challenger": None, "difference": None, "low": None, "high": None, "high_family": None}
        empty = unsure(
            "recall", **nothing, n=0, verdict=Verdict.INVALID, rows_needed=None, reason="no test row is in this slice"
        )
        return (first, second, empty)
    return (first, second, ceiling, unsure("recall", when_unsure="note"), size())


_VERDICTS = {"fail": Verdict.FAIL, "inconclusive": Verdict.INCONCLUSIVE, "invalid": Verdict.INVALID}


def verdict(task: str = "binary", case: str = "pass", **changes: Any) -> VerdictRecord:
    """Return a verdict of the named case, changed as asked."""
    comparisons = _comparisons(task, case)
    base = VerdictRecord(
        verdict=_VERDICTS.get(case, Verdict.PASS),
        model=ModelName(MODELS[task]),
        challenger=digest("challenger"),
        champion=None if case == "first" else digest("champion"),
        alpha=0.05,
        comparisons=comparisons,
        reasons=tuple(f"{c.metric}: {c.reason}" for c in comparisons if c.reason and c.verdict is not Verdict.PASS),
        test_set=TestSet(digest=digest("test"), looks=2, budget=5),
        review=("recall of large tumours",) if case == "inconclusive" else (),
        rows_needed=412 if case == "inconclusive" else None,
        key=digest("verdict"),
        commit=COMMIT,
    )
    return dataclasses.replace(base, **changes)


def train(task: str = "binary", **changes: Any) -> TrainRecord:
    """Return a training of the task's model, changed as asked."""
    base = TrainRecord(
        model=ModelName(MODELS[task]),
        commit=COMMIT,
        key=digest("train key"),
        model_digest=digest("challenger"),
        files={"model.json": digest("challenger"), "model.skops": digest("skops")},
        size_bytes=18_432,
        task=task,
        estimator="ridge" if task == "regression" else "logistic-regression",
        parameters={"C": 0.7943282347242815, "class_weight": None, "max_iter": 1000, "warm_start": False},
        threshold=0.5 if task == "binary" else None,
        train_digest=digest("train"),
        rows=284,
        columns=30,
        cross_validation={"mean": 0.9921, "std": 0.0067},
        candidates=30,
        versions={"python": "3.11.9", "scikit-learn": "1.7.2", "skops": "0.13.0"},
    )
    return dataclasses.replace(base, **changes)


def evaluate(task: str = "binary", case: str = "pass", **changes: Any) -> EvaluateRecord:
    """Return an evaluation of the task's two models, changed as asked."""
    names = (PRIMARY[task], GUARD[task])
    champion = Scored(
        model_digest=digest("champion"),
        predictions=digest("champion predictions"),
        source="committed-predictions",
        metrics=dict(zip(names, (0.9512, 0.061), strict=True)),
    )
    challenger = Scored(
        model_digest=digest("challenger"),
        predictions=digest("challenger predictions"),
        source="store",
        metrics={**dict(zip(names, (0.9951, 0.0588), strict=True)), "r2": 0.4412},
        size_bytes=18_432,
    )
    base = EvaluateRecord(
        model=ModelName(MODELS[task]),
        commit=COMMIT,
        key=digest("evaluate key"),
        task=task,
        test_digest=digest("test"),
        rows=285,
        threshold=0.5 if task == "binary" else None,
        classes=tuple("0123456789") if task == "multiclass" else (),
        challenger=challenger,
        champion=None if case == "first" else champion,
        notes=("Latency was not measured: the gate sets no budget for it.",),
    )
    return dataclasses.replace(base, **changes)


def package(task: str = "binary") -> PackageRecord:
    """Return the image of the task's model."""
    return PackageRecord(
        model=ModelName(MODELS[task]),
        key=digest("package key"),
        model_digest=digest("challenger"),
        repository=f"oci:.release/registry/{MODELS[task]}",
        digest=digest("image"),
        base=digest("base"),
        layer=digest("layer"),
        diff_id=digest("diff"),
        size_bytes=1_234_567,
    )


CHANGES = ("estimator.params.C: 1.0 → 0.794", "features: 1 step added")


def curves(task: str = "binary", case: str = "pass", rows: int = 285) -> Curves:
    """Return predictions of a good challenger and a poorer champion, from a generator that is the same everywhere."""
    draw = random.Random(f"{task} {rows}")
    if task == "binary":
        y = np.array([int(draw.random() < 0.4) for _ in range(rows)])
        good, poor = (
            np.array([_squash(2 * s * (v - 0.5) + noise * (draw.random() - 0.5)) for v in y]) for s, noise in _NOISE
        )
        models, classes, cut = (poor, good), (), 0.5
    elif task == "multiclass":
        y = np.array([draw.randrange(10) for _ in range(rows)])
        models = tuple(_shares(draw, y, weight) for weight in (1.1, 2.4))
        classes, cut = tuple("0123456789"), None
    else:
        y = np.array([25 + 300 * draw.random() ** 1.6 for _ in range(rows)])
        models = tuple(80 + 0.5 * y + width * (draw.random() - 0.5) + _spread(draw, rows, width) for width in (150, 100))
        classes, cut = (), None
    return Curves(
        task=task,
        y=y,
        champion=None if case == "first" else models[0],
        challenger=models[1],
        classes=classes,
        threshold=cut,
    )


_NOISE = ((2.6, 7.5), (1.5, 8.0))


def _squash(value: float) -> float:
    return round(1 / (1 + float(np.exp(-value))), 6)


def _shares(draw: random.Random, y: np.ndarray, weight: float) -> np.ndarray:
    rows = np.array([[draw.random() + weight * draw.random() * (c == v) for c in range(10)] for v in y])
    return rows / rows.sum(axis=1, keepdims=True)


def _spread(draw: random.Random, rows: int, width: float) -> np.ndarray:
    return np.array([width * (draw.random() - 0.5) for _ in range(rows)])


def known(rows: int = 285) -> Known:
    """Return ids, one numeric column with gaps, one of texts and one of few values, and two slices."""
    draw = random.Random(f"known {rows}")
    area = np.array([draw.gammavariate(3, 200) for _ in range(rows)]).round(1)
    area[::17] = np.nan
    columns = {
        "mean_area": area,
        "site": np.array([draw.choice(("left", "right")) for _ in range(rows)], dtype=object),
        "smoker": np.array([float(draw.random() < 0.3) for _ in range(rows)]),
    }
    parts = {"large tumours": np.flatnonzero(np.nan_to_num(area) > 700), "smokers": np.flatnonzero(columns["smoker"] == 1)}
    return Known(ids=np.array([f"row-{i}" for i in range(rows)], dtype=object), columns=columns, parts=parts)


def differ(task: str = "binary", case: str = "pass", rows: int = 285) -> Disagreement | None:
    """Return where the two models of `curves` differ."""
    return disagreement(curves(task, case, rows), known(rows))


def anchored(judged: VerdictRecord) -> VerdictRecord:
    """Return a verdict whose primary is judged against the anchor too, and one slice in the primary's metric."""
    first, *rest = judged.comparisons
    other = dataclasses.replace(first, against="anchor", champion=0.949, difference=0.046, low=0.022, high=0.07)
    part = dataclasses.replace(first, role="slice", slice="smokers", n=90, difference=0.02, low=-0.01, high=0.05)
    return dataclasses.replace(
        judged,
        comparisons=(first, other, part, *rest),
        anchor=digest("anchor"),
        test_set=TestSet(digest=digest("test"), looks=3, budget=5, inherited=1),
    )


def inspected(task: str = "binary", **changes: Any) -> InspectRecord:
    """Return an inspection in which every part has something to say, changed as asked."""
    columns = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "symmetry", "fractal")
    columns = (*columns, "error", "depth", "width", "age")
    base = InspectRecord(
        model=ModelName(MODELS[task]),
        key=digest("inspection"),
        metric=PRIMARY[task],
        importance=tuple(
            Importance(
                column=f"mean_{name}",
                champion=(0.03 - 0.002 * i, 0.004),
                challenger=None if name == "area" else (0.05 - 0.004 * i, 0.003),
            )
            for i, name in enumerate(columns)
        ),
        learning=tuple(
            LearningPoint(rows=rows, fitted=(1 - 0.01 * i, 0.002), held_out=(0.85 + 0.025 * i, 0.02 - 0.003 * i))
            for i, rows in enumerate((50, 100, 150, 200, 284))
        ),
        signature=(
            SignatureChange(what="texture_grade", champion=None, challenger="category: rough, smooth"),
            SignatureChange(what="mean_area", champion="float 0 to 4000", challenger="float 0 to 5000"),
        ),
        parameters=(("C", "1.0", "0.794"),),
        data=(("rows", "250", "284"), ("share of positive", "0.36", "0.37")),
        notes=("Importance is measured on 5,000 of the test rows.",),
    )
    return dataclasses.replace(base, **changes)


def recipe(task: str = "binary", **changes: Any) -> RecipeRecord:
    """Return a comparison of two recipes that shows no difference, changed as asked."""
    base = RecipeRecord(
        model=ModelName(MODELS[task]),
        key=digest("recipe"),
        metric=PRIMARY[task],
        resamples="10x10",
        champion=0.9812,
        challenger=0.9843,
        difference=0.0031,
        se=0.0042,
        df=99,
        low=-0.0052,
        high=0.0114,
        level=0.95,
        p_value=0.462,
        seeds=(1, 2, 3),
        by_seed={"champion": (0.98, 0.981, 0.979), "challenger": (0.984, 0.985, 0.9832)},
        notes=("The search runs inside every resample.",),
    )
    return dataclasses.replace(base, **changes)


HOSTILE = (
    "<script>alert(1)</script>",
    "a|b|c",
    "`code` ``` ~~~",
    "line\nbreak\r\n/close\n# heading",
    "@everyone and @team/owners",
    "--> <!-- end",
    "#12 !34 ~bug $5 %6 &7 fixes #1",
    "https://evil.example/x www.evil.example me@evil.example",
    "![image](http://evil.example/a.png) [link](javascript:alert(1))",
    '" onload="alert(1)',
    "</td></table></style><style>*{display:none}",
    "\u202eesrever\u200b \x1b[31m",
    "</details></code></pre>",
    "- [ ] task",
    "1. list",
    "\\| \\` \\<b>",
    ":rocket: $x^2$ ***bold*** __under__ ~~gone~~",
    "&lt;b&gt; &#64;team",
    "name" * 2000,
)
