"""Categories as ONNX: what fitted one-hot and ordinal encoders make of texts and numbers, missing and unseen ones too.

An encoder is asked what it makes of each category it knows; nothing of how it groups or drops them is repeated here.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from release.artifact.onnx_file import tensor, texts
from release.learning.onnx_graph import Texts, Value
from release.learning.onnx_session import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.learning.onnx_graph import Builder, Column


def one_hot(builder: Builder, step: Any, columns: list[Column]) -> list[Column]:
    """Return a fitted OneHotEncoder's columns, one value for each of its inputs."""
    made: list[Column] = []
    for column, categories, table in zip(columns, step.categories_, _tables(step), strict=True):
        width = table.shape[1]
        if not width:  # a category dropped because it is the only one
            continue
        if isinstance(column, Value):
            made.append(builder.times(_equal(builder, column, categories), table))
            continue
        # Places from 1; 0 is for what becomes all zeros: unseen categories, and the one that is dropped.
        places = [row.argmax() + 1 if row.any() else 0 for row in table]
        code = _coded(builder, column.name, _codes(column, categories, places), other=0.0)
        made.append(builder.as_numbers(builder.with_row("Equal", code, np.arange(1, width + 1))))
    return made


def ordinal(builder: Builder, step: Any, columns: list[Column]) -> list[Column]:
    """Return a fitted OrdinalEncoder's numbers; missing and unseen ones are -1."""
    made: list[Column] = []
    for column, categories in zip(columns, step.categories_, strict=True):
        codes = [-1.0 if _is_gap(one) else float(place) for place, one in enumerate(categories)]
        if isinstance(column, Value):
            counted = builder.times(_equal(builder, column, categories), np.array(codes)[:, None] + 1)
            made.append(builder.with_row("Sub", counted, 1.0))
        else:
            made.append(_coded(builder, column.name, _codes(column, categories, codes), other=-1.0))
    return made


def gap(builder: Builder, column: Column) -> Value:
    """Return 1 where a column lacks its value, else 0."""
    if isinstance(column, Value):
        return gaps(builder, column)
    return _coded(builder, column.name, {MISSING: 1.0}, other=0.0)


def gaps(builder: Builder, value: Value) -> Value:
    """Return 1 where a number is missing, else 0, for each of a value's columns."""
    return builder.as_numbers(builder.node("IsNaN", value.name, width=value.width))


def _coded(builder: Builder, name: str, codes: dict[str, float], *, other: float) -> Value:
    """Return a number for each text of an input."""
    return builder.node(
        "LabelEncoder",
        name,
        width=1,
        keys_tensor=texts(tuple(codes)),
        values_tensor=tensor(np.array(list(codes.values()), dtype=np.float64)),
        default_tensor=tensor(np.array([other])),
    )


def _codes(column: Texts, categories: Sequence[Any], codes: Sequence[float]) -> dict[str, float]:
    """Return what each text of a column means, a missing one as what it is filled with."""
    found = {MISSING if _is_gap(one) else str(one): float(code) for one, code in zip(categories, codes, strict=True)}
    if column.filled is not None:
        found.pop(MISSING, None)
        if column.filled in found:
            found[MISSING] = found[column.filled]
    return found


def _is_gap(category: Any) -> bool:
    return isinstance(category, float) and bool(np.isnan(category))


def _tables(step: Any) -> list[Any]:
    """Return what the encoder makes of each category of each column, shape (categories, width), by asking it."""
    first = [categories[0] for categories in step.categories_]
    rows = [
        [*first[:place], category, *first[place + 1 :]]
        for place, categories in enumerate(step.categories_)
        for category in categories
    ]
    plain = all(categories.dtype.kind == "f" for categories in step.categories_)
    asked = np.array(rows, dtype=np.float64 if plain else object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it was trained on named columns
        made = np.asarray(step.transform(asked))
    lengths = np.cumsum([0, *(len(categories) for categories in step.categories_)])
    widths = np.cumsum([0, *step._n_features_outs])  # noqa: SLF001 (there is no public way to tell columns apart)
    bounds = zip(lengths[:-1], lengths[1:], widths[:-1], widths[1:], strict=True)
    return [made[low:high, left:right] for low, high, left, right in bounds]


def _equal(builder: Builder, column: Value, categories: Any) -> Value:
    """Return one truth as 1 or 0 for each category, a missing one among them."""
    known = [float(one) for one in categories]
    plain = [one for one in known if not np.isnan(one)]
    parts = []
    if plain:
        parts.append(builder.as_numbers(builder.with_row("Equal", column, plain)))
    if len(plain) < len(known):  # it is the last one
        parts.append(gaps(builder, column))
    return builder.joined(parts)
