"""Which columns a feature step means, and what is known of each column as the steps go by.

A column's state says what is in it after the steps so far, so that a step that cannot work is refused before anything is
trained. Turning steps into scikit-learn objects is `release.learning.steps`'s.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from release.config.estimators import Bin, Impute, OneHot, Ordinal, Pca, Polynomial, Scale, Select, TfIdf
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from release.config.model import DataSpec

Named = Impute | Scale | OneHot | Ordinal | Polynomial | Bin | TfIdf
"""Steps that say which columns they mean."""
Whole = Select | Pca
"""Steps on everything so far."""

Content = Literal["float", "int", "bool", "category", "text", "datetime", "encoded", "terms"]
"""A declared type, or what steps made: `encoded` numbers, `terms` weighted words."""

NUMERIC = ("float", "int", "bool")
NUMBERS = (*NUMERIC, "encoded")
_KEYWORDS = {
    "numeric": NUMERIC,
    "categorical": ("category",),
    "text": ("text",),
    "all": (*NUMERIC, "category", "text", "datetime"),
}
_MOST = 6


@dataclass(frozen=True)
class State:
    """What a column holds now, and whether values may be missing in it."""

    content: Content
    gaps: bool


def title(step: Named | Whole) -> str:
    """Return the step's name as `model.yaml` spells it."""
    return {OneHot: "one-hot", TfIdf: "tf-idf"}.get(type(step), type(step).__name__.lower())


def listed(names: Iterable[str]) -> str:
    """List the first names, and how many more there are."""
    names = list(names)
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")


def resolve(step: Named, kinds: Mapping[str, str], *, where: str) -> list[str]:
    """Return the columns a step means, in the table's order. Raises BadInputError when an item means none."""
    items = (step.columns,) if isinstance(step.columns, str) else step.columns
    chosen: set[str] = set()
    for item in items:
        found = [name for name, kind in kinds.items() if _means(item, name, kind)]
        if not found:
            near = difflib.get_close_matches(item, [*kinds, *_KEYWORDS], n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise BadInputError(f'{title(step)}: no column is "{item}"', where=where, fix=f"{hint}there are {listed(kinds)}")
        chosen.update(found)
    return [name for name in kinds if name in chosen]


def start(data: DataSpec, kinds: Mapping[str, str]) -> dict[str, State]:
    """Return the state of every column before the first step; gaps are those that the contract allows."""
    return {name: State(_content(kind), gaps=_may_miss(name, data) and kind != "text") for name, kind in kinds.items()}


def after(step: Named, state: State, name: str, *, where: str) -> State:
    """Return a column's state after a step. Raises BadInputError when the step cannot work on what the column holds."""
    match step:
        case Impute():
            _check_impute(step, state, name, where)
            return State(state.content, gaps=False)
        case Scale():
            _need(step, state, name, NUMBERS, where)
            return State("float", state.gaps)
        case Polynomial() | Bin():
            _need(step, state, name, NUMBERS, where)
            if state.gaps:
                _refuse(step, name, "may be missing", f"add `- impute: {{columns: {name}}}` before it", where)
            return State("float" if isinstance(step, Polynomial) else "encoded", gaps=False)
        case OneHot() | Ordinal():
            _need(step, state, name, ("category", "int", "bool"), where)
            return State("encoded", gaps=False)
        case TfIdf():
            _need(step, state, name, ("text",), where)
            return State("terms", gaps=False)


def refuse_unusable(states: Mapping[str, State], *, where: str) -> None:
    """Raise BadInputError for columns that are still no numbers when the steps are done."""
    remedies = {
        "category": "add one-hot or ordinal for it",
        "text": "add tf-idf for it, or declare a category",
        "datetime": "no step reads dates yet: move it to data.ignore",
    }
    for content, remedy in remedies.items():
        names = [name for name, state in states.items() if state.content == content]
        if names:
            raise BadInputError(f"no feature step makes numbers of {content} {listed(names)}", where=where, fix=remedy)


def refuse_gaps(states: Mapping[str, State], reader: str, *, where: str) -> None:
    """Raise BadInputError for columns whose contract allows missing values that `reader` cannot learn from."""
    names = [name for name, state in states.items() if state.gaps]
    if names:
        raise BadInputError(
            f"{listed(names)} may be missing, and {reader} cannot learn from missing values",
            where=where,
            fix="add an impute step for it",
        )


def _means(item: str, name: str, kind: str) -> bool:
    return kind in _KEYWORDS[item] if item in _KEYWORDS else name == item or fnmatchcase(name, item)


def _content(kind: str) -> Content:
    known: dict[str, Content] = {
        "float": "float",
        "int": "int",
        "bool": "bool",
        "category": "category",
        "text": "text",
        "datetime": "datetime",
    }
    return known[kind]


def _may_miss(name: str, data: DataSpec) -> bool:
    for pattern, column in data.columns.items():
        if name == pattern or fnmatchcase(name, pattern):
            return column.missing > 0
    return False


def _check_impute(step: Impute, state: State, name: str, where: str) -> None:
    allowed = NUMBERS if step.strategy in ("mean", "median") else (*NUMBERS, "category")
    _need(step, state, name, allowed, where)
    if step.strategy == "constant":
        wanted = "text" if state.content == "category" else "a number"
        if isinstance(step.value, str) != (wanted == "text") or step.value is None:
            _refuse(step, name, f"needs {wanted} as value", "correct value:", where)
    elif step.value is not None:
        _refuse(step, name, f"is filled by {step.strategy}, value is not used", "remove value:, or use constant", where)


def _need(step: Named, state: State, name: str, contents: tuple[str, ...], where: str) -> None:
    if state.content in contents:
        return
    remedies = {
        "category": "put one-hot or ordinal before it",
        "text": "use tf-idf for text",
        "terms": "make tf-idf the last step of its column",
        "encoded": "encode it once",
    }
    holds = {"encoded": "is encoded already", "terms": "is words already"}.get(state.content, f"is {state.content}")
    _refuse(step, name, holds, remedies.get(state.content, "name other columns"), where)


def _refuse(step: Named, name: str, problem: str, fix: str, where: str) -> None:
    raise BadInputError(f'{title(step)}: column "{name}" {problem}', where=where, fix=fix)
