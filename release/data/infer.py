"""A first column contract, drafted from rows that nobody has described yet; people correct it before it counts.

Bounds get slack, because the next file is never the same: a contract that today's rows just fit would refuse tomorrow's.
Columns that no feature step can use (dates, names, almost empty ones) go to `ignore`. Nothing is typed or trained here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from release.config.model import Column
from release.data.families import Profile, collapse
from release.data.typed import Cells
from release.data.values import NUMBER, WHOLE, few, is_datetime, label
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from release.data.target import Task

_ID = re.compile(r"(?i:id|uuid|key|index)\Z|.*[_ .-](?i:id|uuid)\Z|.*[a-z]I[dD]\Z")
_GONE = frozenset({"na", "n/a", "nan", "null", "none", "?", "-", "."})
_TRUTHS = {"true", "false"}
_POSITIVE = ("1", "true", "yes", "y", "positive", "pos", "t")
_LISTED = 20  # categories a contract can list and a reader still read
_CLASSES = 20
_ROWS_A_CLASS = 10
_ALMOST_EMPTY = 0.9
_WORDS = 3
_MOSTLY = 0.5
_TWO = 2


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What `model.yaml` could say: `columns` by name or glob; `id` is None when no column names the rows.

    `positive` is None unless the task is binary and the positive value is other than 1 or true.
    """

    task: Task
    positive: str | None
    id: str | None
    columns: Mapping[str, Column]
    ignore: tuple[str, ...]


def draft_columns(
    frame: pd.DataFrame, *, target: str, where: str, row_id: str | None = None, group: str | None = None
) -> Draft:
    """Draft a contract that the frame, and parts of it drawn at random, keep.

    `row_id` names the id column when the caller knows it. Raises BadInputError for a column that is not there, a target
    with missing cells, one value only or text that is different in every row, and for cells that spell "missing" in words.
    """
    for name in (target, row_id, group):
        if name is not None and name not in frame.columns:
            raise BadInputError(
                f'there is no column "{name}"', where=where, fix=f"choose from: {few([str(one) for one in frame.columns])}"
            )
    task, positive = _task(Cells(frame[target], target, where))
    free = [str(name) for name in frame.columns if name not in (target, row_id, group)]
    if row_id is None:
        row_id = next((name for name in free if _ID.match(name) and _names_rows(frame[name])), None)
    described = {name: _profile(Cells(frame[name], name, where)) for name in free if name != row_id}
    profiles = {name: profile for name, profile in described.items() if profile is not None}
    if not profiles:
        raise BadInputError("no column is left to learn from", where=where, fix="add columns that say something")
    families = collapse(profiles, reserved=[name for name in frame.columns if str(name) not in profiles])
    return Draft(
        task=task,
        positive=positive,
        id=row_id,
        columns={pattern: _column(profile) for pattern, profile in families.items()},
        ignore=tuple(name for name, profile in described.items() if profile is None),
    )


def _task(cells: Cells) -> tuple[Task, str | None]:
    cells.refuse_missing("the target")
    texts = _texts(cells)
    found = sorted(set(texts))
    if len(found) < _TWO:
        raise BadInputError(
            f'target "{cells.name}" is {found[0]} in every row', where=cells.where, fix="add rows of another value"
        )
    _refuse_words_for_missing(cells, texts)
    if len(found) == _TWO:
        return "binary", _positive(texts, found)
    numeric = all(NUMBER.match(text) for text in found)
    enough = len(texts) >= _ROWS_A_CLASS * len(found)
    if numeric and not (all(WHOLE.match(text) for text in found) and len(found) <= _CLASSES and enough):
        return "regression", None
    if not numeric and len(found) > len(texts) * _MOSTLY:
        raise BadInputError(
            f'target "{cells.name}" has {len(found)} different texts in {len(texts)} rows',
            where=cells.where,
            fix="choose a column of numbers or of few classes",
        )
    return "multiclass", None


def _positive(texts: Sequence[str], found: Sequence[str]) -> str | None:
    """Prefer the word that says yes; of two neutral ones the rarer is what people look for."""
    if "1" in found or "true" in found:
        return None
    known = [name for name in found if name.lower() in _POSITIVE]
    return known[0] if len(known) == 1 else min(found, key=lambda name: (texts.count(name), name))


def _profile(cells: Cells) -> Profile | None:
    """Describe a column, None when no feature step could use it."""
    texts = _texts(cells)
    missing = float(cells.missing.mean())
    if not texts or missing >= _ALMOST_EMPTY:
        return None
    _refuse_words_for_missing(cells, texts)
    found = set(texts)
    share = _with_slack(missing, len(cells.series))
    numeric = _numeric(found, share)
    if numeric is not None:
        return numeric
    if {text.lower() for text in found} == _TRUTHS:
        return Profile(kind="bool", missing=share)
    if all(is_datetime(text) for text in found):
        return None
    return _textual(texts, share)


def _numeric(found: set[str], share: float) -> Profile | None:
    # 007 is a name, not a number.
    if not all(NUMBER.match(text) for text in found) or any(re.match(r"[+-]?0[0-9]", text) for text in found):
        return None
    values = [float(text) for text in found]
    whole = all(value.is_integer() and abs(value) < 2**53 for value in values)
    return Profile(kind="int" if whole else "float", low=min(values), high=max(values), missing=share)


def _textual(texts: Sequence[str], share: float) -> Profile | None:
    found = set(texts)
    if len(found) <= _LISTED:
        return Profile(kind="category", values=tuple(sorted(found)), missing=share)
    if sum(len(text.split()) for text in texts) >= _WORDS * len(texts):
        return Profile(kind="text", missing=share)
    return Profile(kind="category", missing=share) if len(found) <= _MOSTLY * len(texts) else None


def _column(profile: Profile) -> Column:
    if profile.kind == "int" and (profile.low, profile.high) == (0, 1):
        return Column(type="bool", values=None, missing=profile.missing)
    if profile.low is None or profile.high is None:
        return Column(type=profile.kind, values=profile.values, missing=profile.missing)
    low, high = _bounds(profile.low, profile.high)
    if profile.kind == "int":
        low, high = math.floor(low), math.ceil(high)
    return Column(type=profile.kind, min=low, max=high, values=None, missing=profile.missing)


def _bounds(low: float, high: float) -> tuple[float, float]:
    """Widen a range by a quarter on each side, to two significant digits; what was never negative stays so."""
    slack = (high - low) / 4 or abs(high) / 2 or 1.0
    lower = 0.0 if low >= 0 and low - slack < 0 else _two_digits(low - slack, up=False)
    upper = 0.0 if high <= 0 and high + slack > 0 else _two_digits(high + slack, up=True)
    return lower, upper


def _two_digits(value: float, *, up: bool) -> float:
    if value == 0:
        return 0.0
    unit = math.floor(math.log10(abs(value))) - 1
    # Through text, so that 0.30000000000000004 never gets into a file that people read.
    steps = (math.ceil if up else math.floor)(float(f"{value:.15g}e{-unit}") if abs(value) < 1 else value / 10.0**unit)
    return float(f"{steps}e{unit}")


def _with_slack(missing: float, rows: int) -> float:
    """Round a share up to a twentieth, after three standard errors of a third of the rows."""
    if missing == 0:
        return 0.0
    noise = 3 * math.sqrt(missing * (1 - missing) / max(1.0, rows / 3))
    return min(1.0, math.ceil((missing + noise) * 20) / 20)


def _names_rows(series: pd.Series[Any]) -> bool:
    return bool(series.notna().all() and series.is_unique)


def _texts(cells: Cells) -> list[str]:
    return [label(value) for value, gone in zip(cells.series.tolist(), cells.missing.tolist(), strict=True) if not gone]


def _refuse_words_for_missing(cells: Cells, texts: Sequence[str]) -> None:
    words = {text for text in texts if not NUMBER.match(text)}
    if words and len(words) < len(set(texts)) and all(word.lower() in _GONE for word in words):
        present = (~cells.missing).nonzero()[0]
        position = int(present[next(number for number, text in enumerate(texts) if text in words)])
        cells.refuse(position, "stands among numbers", "leave the cell empty if the value is missing")
