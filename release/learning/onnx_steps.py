"""Fitted feature steps as ONNX: one function a transformer, the same arithmetic in the same precision.

The steps of a branch follow each other on its columns; categories and texts stay columns of their own until a step makes
numbers of them. Which steps there are is `release.learning.steps`'s business.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from release.errors import BadInputError
from release.learning.onnx_encoders import gap, gaps, one_hot, ordinal
from release.learning.onnx_graph import Texts, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from release.learning.onnx_graph import Builder, Column


def through(builder: Builder, step: Any, columns: list[Column]) -> list[Column]:
    """Return the columns that a fitted step makes of others, numbers that belong together as one value.

    Raises BadInputError for a step that has no ONNX form.
    """
    if isinstance(step, Pipeline):
        for _, part in step.steps:
            columns = through(builder, part, columns)
        return columns
    apart = APART.get(type(step))
    if apart is not None:
        return apart(builder, step, _each(builder, columns))
    together = TOGETHER.get(type(step))
    if together is None:
        raise BadInputError(f"{type(step).__name__} has no ONNX form")
    return [together(builder, step, numbers(builder, columns))]


def numbers(builder: Builder, columns: Sequence[Column]) -> Value:
    """Return columns of numbers as one value. Raises BadInputError when one still holds texts."""
    values = [column for column in columns if isinstance(column, Value)]
    if len(values) != len(columns):
        raise BadInputError("a step that reads numbers is given texts")
    # A single category that is dropped leaves nothing at all.
    return builder.joined(values) if values else Value("", 0)


def _each(builder: Builder, columns: list[Column]) -> list[Column]:
    """Return columns one by one."""
    found: list[Column] = []
    for column in columns:
        if isinstance(column, Value) and column.width > 1:
            found += [builder.picked(column, [place]) for place in range(column.width)]
        else:
            found.append(column)
    return found


def _impute(builder: Builder, step: Any, columns: list[Column]) -> list[Column]:
    filled: list[Column] = []
    if not any(isinstance(column, Texts) for column in columns):
        whole = numbers(builder, columns)
        filled.append(_fill(builder, whole, step.statistics_))
        marks = [builder.picked(gaps(builder, whole), step.indicator_.features_)] if _marked(step) else []
        return [*filled, *marks]
    for column, value in zip(columns, step.statistics_, strict=True):
        if isinstance(column, Texts):
            filled.append(replace(column, filled=str(value)))
        else:
            filled.append(_fill(builder, column, [value]))
    features = step.indicator_.features_ if _marked(step) else ()
    return filled + [gap(builder, columns[int(place)]) for place in features]


def _marked(step: Any) -> bool:
    return step.add_indicator and len(step.indicator_.features_) > 0


def _fill(builder: Builder, value: Value, statistics: Any) -> Value:
    row = builder.constant(np.asarray(statistics, dtype=np.float64))
    gone = builder.node("IsNaN", value.name, width=value.width)
    return builder.node("Where", gone.name, row, value.name, width=value.width)


def _standard(builder: Builder, step: Any, value: Value) -> Value:
    if step.with_mean:
        value = builder.with_row("Sub", value, step.mean_)
    return builder.with_row("Div", value, step.scale_) if step.with_std else value


def _min_max(builder: Builder, step: Any, value: Value) -> Value:
    return builder.with_row("Add", builder.with_row("Mul", value, step.scale_), step.min_)


def _robust(builder: Builder, step: Any, value: Value) -> Value:
    return builder.with_row("Div", builder.with_row("Sub", value, step.center_), step.scale_)


def _polynomial(builder: Builder, step: Any, value: Value) -> Value:
    factors = [np.repeat(np.arange(value.width), row) for row in step.powers_]
    parts = []
    for degree in range(1, step.degree + 1):
        alike = [one for one in factors if len(one) == degree]
        if alike:  # interaction_only: no more factors than columns
            product = builder.picked(value, [one[0] for one in alike])
            for place in range(1, degree):
                other = builder.picked(value, [one[place] for one in alike])
                product = builder.node("Mul", product.name, other.name, width=len(alike))
            parts.append(product)
    return builder.joined(parts)


def _bins(builder: Builder, step: Any, value: Value) -> Value:
    parts = []
    for place, edges in enumerate(step.bin_edges_):
        column = builder.picked(value, [place])
        inner = edges[1:-1]
        if not len(inner):
            code = builder.as_numbers(builder.node("Less", column.name, column.name, width=1))
        else:
            code = builder.total(builder.as_numbers(builder.with_row("GreaterOrEqual", column, inner)))
        parts.append(builder.as_numbers(builder.with_row("Equal", code, np.arange(len(edges) - 1))))
    return builder.joined(parts)


def _select(builder: Builder, step: Any, value: Value) -> Value:
    return builder.picked(value, step.get_support(indices=True))


def _pca(builder: Builder, step: Any, value: Value) -> Value:
    return builder.with_row("Sub", builder.times(value, step.components_.T), step.mean_ @ step.components_.T)


def _tf_idf(builder: Builder, step: Any, columns: list[Column]) -> list[Column]:
    """Count known words and runs of words; the input holds a text's words already, as `onnx_session.words` splits it."""
    (column,) = columns
    if not isinstance(column, Texts):
        raise BadInputError("a step that reads words is given numbers")
    longest = step.ngram_range[1]
    by_length: list[list[str]] = [[] for _ in range(longest)]
    for term in step.vocabulary_:
        by_length[term.count(" ")].append(term)
    terms = [term for alike in by_length for term in sorted(alike)]
    sizes = [number * len(alike) for number, alike in enumerate(by_length, start=1)]
    width = len(terms)
    counts = builder.node(
        "TfIdfVectorizer",
        column.name,
        width=width,
        mode="TF",
        min_gram_length=1,
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=tuple(int(one) for one in np.cumsum([0, *sizes[:-1]])),
        ngram_indexes=tuple(int(step.vocabulary_[term]) for term in terms),
        pool_strings=tuple(word for term in terms for word in term.split(" ")),
    )
    weighted = builder.with_row("Mul", builder.as_numbers(counts), step.idf_)
    squares = builder.node("Mul", weighted.name, weighted.name, width=width)
    length = builder.node("Sqrt", builder.total(squares).name, width=1)
    # A text without a known word has length 0, and stays all zeros.
    none = builder.with_row("Equal", length, 0.0)
    divisor = builder.node("Where", none.name, builder.constant(np.ones(1)), length.name, width=1)
    return [builder.node("Div", weighted.name, divisor.name, width=width)]


APART: dict[type, Callable[[Builder, Any, list[Column]], list[Column]]] = {
    SimpleImputer: _impute,
    OneHotEncoder: one_hot,
    OrdinalEncoder: ordinal,
    TfidfVectorizer: _tf_idf,
}
"""Steps that may read categories or texts."""
TOGETHER: dict[type, Callable[[Builder, Any, Value], Value]] = {
    StandardScaler: _standard,
    MinMaxScaler: _min_max,
    RobustScaler: _robust,
    PolynomialFeatures: _polynomial,
    KBinsDiscretizer: _bins,
    SelectKBest: _select,
    PCA: _pca,
}
"""Steps that read numbers only."""
