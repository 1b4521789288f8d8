"""Init: a first `model.yaml` for data that nobody has described yet.

The draft is a plain estimator on all columns, and floors that it clears with room by cross-validation on the training rows;
the held-out rows are not looked at. People are meant to edit what comes out.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from release.config.build import load_model
from release.config.names import LOSSES
from release.data import contract
from release.learning.fitting import out_of_fold
from release.learning.search import divided
from release.stats.compare import single
from release.stats.contrast import Unjudged
from release.stats.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from release.config.model import Column
    from release.data.contract import Table
    from release.data.infer import Draft
    from release.records import ModelName

LOOKS = 20
ALPHA = 0.05
_ROOM = 2.0
_PRIMARY = {
    "binary": ("roc_auc", "margin: 0.02"),
    "multiclass": ("accuracy", "margin: 0.02"),
    "regression": ("rmse", "margin: {relative: 5%}"),
}
_RESAMPLES = 1_999


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
    metric = _PRIMARY[draft.task][0]
    head = _text(draft, model=model, target=target, row_id=row_id, group=group, seed=seed, owner=owner)
    guess = load_model((head + _gate(draft, metric, 0.0, "")).encode(), where=where)
    table = contract.conform(train, guess.data, guess.task, where=f"models/{model}/data/train.csv")
    values = out_of_fold(guess, table, divided(guess, table, where=where), where=where)
    floor, said = _floor(metric, table, values, held_out)
    text = head + _gate(draft, metric, floor, said)
    load_model(text.encode(), where=where)
    return text


def _floor(metric: str, table: Table, values: Any, held_out: int) -> tuple[float, str]:
    """Return a floor that the drafted model clears with room on so many held-out rows, and how it came about."""
    one = METRICS[metric]
    found = single(one, table.y, one.reads(values, threshold=0.5), seed=0, resamples=_RESAMPLES, groups=table.groups)
    if isinstance(found, Unjudged):
        worst = 0.0 if metric not in LOSSES else float(np.abs(table.y).max()) or 1.0
        return worst, f"cross-validation could not tell ({found.reason}): choose a floor"
    a = ALPHA / (2 * LOOKS)
    error = found.se * math.sqrt(table.rows / max(held_out, 1))
    cleared = found.estimate - (_ROOM - float(ndtri(a))) * error
    floor = _rounded_down(cleared if metric not in LOSSES else -cleared, up=metric in LOSSES)
    scored = abs(found.estimate)
    better = floor < _guessing(table, metric) if metric in LOSSES else floor > _guessing(table, metric)
    said = f"cross-validation scored {scored:.3g}; raise this to what the model must never fall below"
    if not better:
        said = f"cross-validation scored {scored:.3g}: on so few rows that is not surely better than guessing"
    return floor, said


def _guessing(table: Table, metric: str) -> float:
    """Return what a model that looks at no feature scores."""
    if metric == "roc_auc":
        return 0.5
    if metric == "accuracy":
        return float(np.bincount(table.y).max() / table.rows)
    return float(np.std(table.y))


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


def _gate(draft: Draft, metric: str, floor: float, said: str) -> str:
    margin = _PRIMARY[draft.task][1]
    return "\n".join([
        "gate:",
        f"  primary: {{metric: {metric}, {margin}}}",
        f"  floors: {{{metric}: {floor:g}}}" + (f"   # {said}" if said else ""),
        f"  looks: {LOOKS}                           # how many challengers the held-out rows may judge",
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
