"""Init: a first `model.yaml` for data that nobody has described yet.

The draft is a plain estimator on all columns, and floors that it clears with room by cross-validation on the training rows;
the held-out rows are not looked at. People are meant to edit what comes out.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from release.config.build import load_model
from release.config.names import loss
from release.data import contract
from release.judging.reachable import provable
from release.learning.fitting import out_of_fold
from release.learning.search import divided
from release.stats.compare import single
from release.stats.contrast import Unjudged
from release.stats.metrics import METRICS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from release.config.model import Column
    from release.data.contract import Table
    from release.data.infer import Draft
    from release.records import ModelName

ALPHA = 0.05
_DRAWS = 400
_FEW_DRAWS = 60
_SMALL = 1_000
_PRIMARY = {"binary": ("roc_auc",), "multiclass": ("accuracy",), "regression": ("rmse", "mae")}
"""The metric to draft by task, and what to fall back on where so few rows seldom carry a judgement of it."""
_USUAL = 0.02
_MARGIN = {"roc_auc": f"margin: {_USUAL}", "accuracy": f"margin: {_USUAL}", "rmse": "margin: {relative: 5%}"}
_MARGIN["mae"] = _MARGIN["rmse"]
_RESAMPLES = 999
_ROLLOUT = """
# Canaries are judged by held-out rows, whose features are then in the image; or, with traffic: live, by what clients send:
# say how many requests a second that is, as rps.
rollout: {traffic: replay}
"""
"""Nobody has said yet how much traffic there is, and live traffic that is too little judges nothing."""
_SURE = 0.8
"""The share of the deciding rows that the held-out rows are expected to have which they are sure to have."""
_SELDOM = 0.02
"""The share of test sets without a judgement that is too large for a metric to be drafted."""


def model_yaml(
    draft: Draft,
    train: pd.DataFrame,
    *,
    model: ModelName,
    target: str,
    row_id: str,
    group: str | None,
    seed: int,
    held_out: int,
    owner: str,
) -> str:
    """Draft a `model.yaml` for training rows as they were read; `held_out` counts the rows the floors will be judged on.

    Raises BadInputError when the rows cannot be learned from.
    """
    where = f"models/{model}/model.yaml"
    # Each look widens every interval, and a small test set has little to spare.
    looks = 5 if held_out < _SMALL else 20
    head = _text(draft, model=model, target=target, row_id=row_id, group=group, seed=seed, owner=owner)
    metrics = _PRIMARY[draft.task]
    guess = load_model((head + _gate(metrics[0], _MARGIN[metrics[0]], 0.0, "", looks)).encode(), where=where)
    table = contract.conform(train, guess.data, guess.task, where=f"models/{model}/data/train.csv")
    values = out_of_fold(guess, table, divided(guess, table, where=where), where=where)
    for metric in metrics:
        lowest, draws = _lowest(metric, table, values, held_out, looks)
        if len(lowest) >= draws * (1 - _SELDOM):
            break
    floor, said = _floor(metric, table, values, lowest)
    text = head + _gate(metric, _margin(metric, table, held_out, looks), floor, said, looks) + _ROLLOUT
    load_model(text.encode(), where=where)
    return text


def _lowest(metric: str, table: Table, values: Any, held_out: int, looks: int) -> tuple[list[float], int]:
    """Return the lower limits that test sets would give to a model as good as cross-validation says, and how many.

    Test sets of the held-out size are drawn from the out-of-fold predictions and judged as the gate will judge them; those
    that carry no judgement have no limit.
    """
    one = METRICS[metric]
    outputs = one.reads(values, threshold=0.5)
    exact = table.groups is None and one.kind in (Kind.AUC, Kind.PROPORTION)
    draws = _DRAWS if exact else _FEW_DRAWS
    generator = np.random.default_rng(0)
    lowest = []
    for _ in range(draws):
        rows, groups = _drawn(table, held_out, generator)
        # Few rows show less of a perfect ranking than of one with an error in it: that must not be the first surprise.
        scored = [outputs[rows], table.y[rows].astype(float)] if one.kind is Kind.AUC else [outputs[rows]]
        found = [single(one, table.y[rows], each, seed=0, resamples=_RESAMPLES, groups=groups) for each in scored]
        limits = [each.lower(ALPHA / (2 * looks)) for each in found if not isinstance(each, Unjudged)]
        if len(limits) == len(found):
            lowest.append(min(limits))
    return lowest, draws


def _floor(metric: str, table: Table, values: Any, lowest: Sequence[float]) -> tuple[float, str]:
    """Return a floor below almost all of the lower limits, which the first release will so nearly always clear, and why."""
    if not lowest:
        return (float(np.std(table.y)) * 2 if loss(metric) else 0.0), "cross-validation cannot tell: choose a floor"
    scored = METRICS[metric].compute(table.y, METRICS[metric].reads(values, threshold=0.5))
    cleared = float(np.quantile(lowest, 0.01))
    floor = _rounded_down(-cleared if loss(metric) else cleared, up=loss(metric))
    better = floor < _guessing(table, metric) if loss(metric) else floor > _guessing(table, metric)
    if not better:
        return floor, f"cross-validation scored {scored:.3g}: on so few rows that is not surely better than guessing"
    advice = f"{'lower' if loss(metric) else 'raise'} this to what the model must always keep"
    return floor, f"cross-validation scored {scored:.3g}; {advice}"


def _drawn(table: Table, size: int, generator: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp] | None]:
    """Draw rows with replacement as the split holds them out: whole groups, or each class in its own share."""
    if table.groups is not None:
        _, group = np.unique(table.groups, return_inverse=True)
        count = max(2, round(size * (group.max() + 1) / table.rows))
        parts = [np.flatnonzero(group == one) for one in generator.choice(group.max() + 1, count)]
        # The same group drawn twice stands for two groups.
        return np.concatenate(parts), np.repeat(np.arange(count), [len(part) for part in parts])
    strata = [np.flatnonzero(table.y == code) for code in range(len(table.classes))] or [np.arange(table.rows)]
    counts = [max(1, round(size * len(rows) / table.rows)) for rows in strata]
    return np.concatenate([generator.choice(rows, count) for rows, count in zip(strata, counts, strict=True)]), None


def _guessing(table: Table, metric: str) -> float:
    """Return what a model that looks at no feature scores."""
    if metric == "roc_auc":
        return 0.5
    if metric == "accuracy":
        return float(np.bincount(table.y).max() / table.rows)
    centre = np.median(table.y) if metric == "mae" else np.mean(table.y)
    return METRICS[metric].compute(table.y, np.full(table.rows, centre))


def _rounded_down(value: float, *, up: bool) -> float:
    """Keep two significant digits, on the easier side."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    steps = math.ceil(value / unit) if up else math.floor(value / unit)
    return float(f"{steps * unit:.6g}")


def _text(draft: Draft, *, model: ModelName, target: str, row_id: str, group: str | None, seed: int, owner: str) -> str:
    positive = f", positive: {_scalar(draft.positive)}" if draft.positive is not None else ""
    lines = [
        "# Everything that decides what is trained and judged; `release schema` documents each field.",
        f"description: {_scalar(f'{target} by {model}')}",
        f"owner: {_scalar(owner)}",
        f"task: {draft.task}",
        "",
        "data:",
        "  train: data/train.csv",
        "  test: data/test.csv                 # held out once; never train on it",
        f"  target: {{column: {_scalar(target)}{positive}}}",
        f"  id: {_scalar(row_id)}",
        *([f"  group: {_scalar(group)}"] if group else []),
        "  columns:",
        *(f"    {_scalar(name)}: {_column(column)}" for name, column in draft.columns.items()),
        *([f"  ignore: [{', '.join(map(_scalar, draft.ignore))}]"] if draft.ignore else []),
        "",
        *_features(draft.columns),
        "",
        "estimator:",
        f"  kind: {'ridge' if draft.task == 'regression' else 'logistic-regression'}",
        f"seed: {seed}",
        "",
    ]
    return "\n".join(lines)


def _margin(metric: str, table: Table, held_out: int, looks: int) -> str:
    """Return the usual margin, or where so few rows cannot show it, not even for the same predictions, one they can show."""
    one = METRICS[metric]
    if not one.bounded:
        return _MARGIN[metric]
    chosen = one.deciding_rows(table.y)
    deciding = int(chosen.sum()) if table.groups is None else len(np.unique(table.groups[chosen]))
    # The split keeps the classes' shares, give or take a row; groups are of different sizes.
    expected = _SURE * deciding * held_out / table.rows
    least = provable(one, int(expected), ALPHA / (2 * looks))
    if least < _USUAL:
        return _MARGIN[metric]
    return f"margin: {math.ceil(least * 100) / 100:g}"


def _gate(metric: str, margin: str, floor: float, said: str, looks: int) -> str:
    return "\n".join([
        "gate:",
        f"  primary: {{metric: {metric}, {margin}}}",
        f"  floors: {{{metric}: {floor:g}}}" + (f"   # {said}" if said else ""),
        f"  looks: {looks:<27} # how many challengers the held-out rows may judge",
        "",
    ])  # fmt: skip


def _features(columns: Mapping[str, Column]) -> Sequence[str]:
    kinds = {column.type for column in columns.values()}
    missing = {column.type for column in columns.values() if column.missing > 0}
    steps = []
    if kinds & {"float", "int"}:
        if missing & {"float", "int", "bool"}:
            steps.append("  - impute: {columns: numeric, strategy: median}")
        steps.append("  - scale: {columns: numeric, method: standard}")
    if "category" in kinds:
        if "category" in missing:
            steps.append("  - impute: {columns: categorical, strategy: most-frequent}")
        steps.append("  - one-hot: {columns: categorical}")
    steps += [f"  - tf-idf: {{columns: {_scalar(name)}}}" for name, column in columns.items() if column.type == "text"]
    return ["features:", *steps] if steps else ["features: []"]


def _column(column: Column) -> str:
    said = column.model_dump(exclude_none=True, exclude_defaults=True)
    parts = [f"type: {column.type}"]
    parts += [f"{name}: {_value(value)}" for name, value in said.items() if name != "type"]
    return "{" + ", ".join(parts) + "}"


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_scalar, value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    """Write a value as YAML; text in double quotes unless it is a plain word, because JSON's quoting is YAML's too."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.12g}"
    text = str(value)
    plain = text.isascii() and text.replace("_", "a").replace("-", "a").isalnum() and text[0].isalpha()
    if plain and text.lower() not in {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}:
        return text
    return json.dumps(text, ensure_ascii=False)
