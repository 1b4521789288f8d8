"""What `release compare` is asked for on its command line, as the policy of a gate, and which task that policy is for.

A policy from a file is `release.config.build.load_gate`'s; what the files of predictions hold is not looked at here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, cast

from release.config.margins import parse_margin
from release.config.model import GateSpec, Guard, Primary, Slice
from release.config.names import TASKS, known
from release.config.rules import check_gate, check_policy
from release.config.source import shown
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.config.model import Margin
    from release.config.rules import Refuse
    from release.config.source import Path

Task = Literal["binary", "multiclass", "regression"]
Place: TypeAlias = "Callable[[Path], str]"
"""Says where a path of the policy was written: `file:line:column`, or an option."""

_EXAMPLE = "--metric roc_auc --margin roc_auc=0.01 --metric brier_score --margin brier_score=0.02"
_LARGEST_ALPHA = 0.2
_LONGEST_NAME = 60
_COLUMN_AND_VALUE, _NAME_TOO = 2, 3
_OPTIONS = {"primary": "--metric", "guards": "--metric", "floors": "--floor", "slices": "--slice", "costs": "--metric"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options that make a policy, as they were written: metrics (the first is the primary), margins, floors, slices."""

    metrics: tuple[str, ...] = ()
    margins: tuple[str, ...] = ()
    better_by: float | None = None
    floors: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    alpha: float = 0.05


def policy_of(asked: Asked) -> GateSpec:
    """Return the gate that options describe, for one look.

    Raises BadInputError, naming the option, for what cannot be judged by: no metric, no margin, one margin for several
    metrics, a number out of its range, a slice without a margin.
    """
    if not asked.metrics and not asked.floors:
        raise BadInputError("nothing to judge by", where="--metric", fix="add --metric and --margin, or --gate, or --floor")
    if not 0 < asked.alpha <= _LARGEST_ALPHA:
        fix = f"use one above 0, at most {_LARGEST_ALPHA}"
        raise BadInputError(f"{asked.alpha:g} is no error rate", where="--alpha", fix=fix)
    margins = _margins(asked)
    primary = None
    if asked.metrics:
        first = asked.metrics[0]
        primary = Primary(metric=first, margin=margins.get(first), better_by=_gain(asked.better_by, margins.get(first)))
    gate = GateSpec(
        primary=primary,
        guards=tuple(Guard(metric=name, margin=margins[name]) for name in asked.metrics[1:]),
        floors=dict(_floor(text) for text in asked.floors),
        slices=tuple(_slice(text, primary) for text in asked.slices),
        alpha=asked.alpha,
        looks=1,
    )
    check_policy(gate, None, _refuse_at(option_at))
    return gate


def option_at(path: Path) -> str:
    """Return the option that a path of the policy was written by."""
    return "--margin" if path[-1] == "margin" else _OPTIONS.get(str(path[1]), "--gate")


def task_for(gate: GateSpec, task: Task | None, *, by_class: bool, scored: bool, at: Place) -> Task | None:
    """Return the task that a gate's metrics and the columns of output make it, `task` if said; None: the target will tell.

    `by_class` says that each class has a column of scores, `scored` that there are scores at all, not labels alone. Raises
    BadInputError for metrics of different tasks, and for columns that do not fit; `at` names a path's place.
    """
    if task is not None:
        check_gate(gate, task, _refuse_at(at))
    names = metrics_of(gate)
    fitting = [one for one in TASKS if all(known(name, one) for name in names)] if task is None else [task]
    if not fitting:
        for name in names[1:]:
            if not any(known(names[0], one) and known(name, one) for one in TASKS):
                what = f"{names[0]} and {name} are metrics of different tasks"
                raise BadInputError(what, where="--metric", fix="compare once for each")
        raise BadInputError(f"no task has all of {', '.join(names)}", where="--metric", fix="compare once for each task")
    shapes = ("multiclass",) if by_class else ("binary", "regression") if scored else ("binary", "multiclass")
    left = [one for one in fitting if one in shapes]
    if not left:
        what, fix = _unfit(fitting[0], by_class=by_class, said=", ".join(names))
        raise BadInputError(what, where="--score" if scored else "--label", fix=fix)
    return cast("Task", left[0]) if len(left) == 1 else None


def metrics_of(gate: GateSpec) -> tuple[str, ...]:
    """Return the names of the metrics that a gate judges predictions by, the primary's first, each once."""
    parts: list[Primary | Guard | Slice] = [*([gate.primary] if gate.primary else []), *gate.guards, *gate.slices]
    return tuple(dict.fromkeys([*(part.metric for part in parts), *gate.floors]))


def _refuse_at(at: Place) -> Refuse:
    def refuse(path: Path, what: str, fix: str) -> NoReturn:
        raise BadInputError(what, where=at(path), fix=fix)

    return refuse


def _unfit(task: str, *, by_class: bool, said: str) -> tuple[str, str]:
    if task == "multiclass":
        return f"one column of scores does not give {said} a class", 'give one for each class: --score "p_*", or --label'
    if task == "regression":
        return f"{said} needs a number for every row", "give one column with --score, and no --label"
    what = f"{said} needs one column of scores, not one for each class" if by_class else f"{said} cannot be judged so"
    return what, "give P(positive) alone"


def _margins(asked: Asked) -> dict[str, Margin]:
    """Return the margin of each metric, written `METRIC=X`, or one for each in their order.

    One number for all would be wrong for most, since metrics differ in scale.
    """
    again = next((name for number, name in enumerate(asked.metrics) if name in asked.metrics[:number]), None)
    if again is not None:
        raise BadInputError(f'"{shown(again)}" is there twice', where="--metric", fix="name each metric once")
    named = [text.partition("=") for text in asked.margins]
    bare = [text for text, mark, _ in named if not mark]
    wanting = [name for number, name in enumerate(asked.metrics) if number or asked.better_by is None]
    if bare and len(bare) < len(named):
        raise BadInputError("some margins name their metric, some do not", where="--margin", fix=f"write {_EXAMPLE}")
    if bare and asked.better_by is not None and len(bare) == len(asked.metrics):
        fix = "leave out one of the two; the other metrics keep their margins"
        raise BadInputError(f'"{shown(asked.metrics[0])}" has a margin and --better-by', where="--better-by", fix=fix)
    if bare and len(bare) != len(wanting):
        what = f"{len(bare)} margin{'s'[: len(bare) != 1]} for {len(wanting)} metric{'s'[: len(wanting) != 1]}"
        raise BadInputError(what, where="--margin", fix=f"each has a scale of its own: write {_EXAMPLE}")
    pairs = list(zip(wanting, bare, strict=True)) if bare else [(name, text) for name, _, text in named]
    found: dict[str, Margin] = {}
    for name, text in pairs:
        if name not in asked.metrics or name in found:
            what = f'a second margin for "{shown(name)}"' if name in found else f'a margin for "{shown(name)}", no --metric'
            raise BadInputError(what, where="--margin", fix=f"write {_EXAMPLE}")
        found[name] = parse_margin(text, where="--margin")
    for name in wanting:
        if name not in found:
            fix = f"add --margin {shown(name)}=X" + (" or --better-by X" if name == asked.metrics[0] else "")
            raise BadInputError(f'"{shown(name)}" has no margin', where="--margin", fix=fix)
    return found


def _gain(better_by: float | None, margin: Margin | None) -> float | None:
    if better_by is None:
        return None
    if margin is not None:
        raise BadInputError("the primary metric has a margin and --better-by", where="--better-by", fix="keep one")
    if not 0 <= better_by < math.inf:
        raise BadInputError(f"{better_by:g} is no gain to ask for", where="--better-by", fix="use 0 or more; or --margin")
    return better_by


def _floor(text: str) -> tuple[str, float]:
    name, mark, number = text.partition("=")
    try:
        floor = float(number)
    except ValueError:
        floor = math.nan
    if not mark or not math.isfinite(floor):
        raise BadInputError(f'"{shown(text)}" is no floor', where="--floor", fix="write METRIC=NUMBER, such as roc_auc=0.9")
    return name, floor


def _slice(text: str, primary: Primary | None) -> Slice:
    """Read `COLUMN=VALUE`, or `NAME=COLUMN=VALUE`: the primary metric on these rows, with the primary's margin."""
    parts = text.split("=")
    if len(parts) not in (_COLUMN_AND_VALUE, _NAME_TOO) or not all(part.strip() for part in parts):
        fix = "write COLUMN=VALUE or NAME=COLUMN=VALUE; for more use --gate"
        raise BadInputError(f'"{shown(text)}" is no slice', where="--slice", fix=fix)
    if primary is None or primary.margin is None:
        fix = "give the first --metric a margin, or set slices in a file: --gate"
        raise BadInputError("a slice is judged by the primary metric's margin, and there is none", where="--slice", fix=fix)
    name = text if len(parts) == _COLUMN_AND_VALUE else parts[0]
    if len(name) > _LONGEST_NAME:
        fix = f"write NAME=COLUMN=VALUE with a name of at most {_LONGEST_NAME} characters"
        raise BadInputError(f'"{shown(name)}" is too long for a name', where="--slice", fix=fix)
    return Slice(name=name, where={parts[-2]: parts[-1]}, metric=primary.metric, margin=primary.margin)
