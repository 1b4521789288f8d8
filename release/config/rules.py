"""Rules of `model.yaml` and `release.yaml` that span fields, and names that must never reach Python.

What single fields may hold is declared in `release.config.model` and `release.config.project`; what the data hold is not
looked at here.
"""

from __future__ import annotations

import json
import math
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from pydantic import ValidationError

from release.config.estimators import ESTIMATORS
from release.config.explain import described, wanted
from release.config.model import Relative, SearchRange
from release.config.names import CALIBRATION, COST, environment_name, known, offered
from release.config.nearest import one_of
from release.config.places import check_place, check_registry
from release.config.source import shown
from release.errors import BadInputError, SecurityRefusalError
from release.schedule import FORM, window

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.config.model import GateSpec, Guard, ModelSpec, Primary, Scalar, SearchSpec, Slice
    from release.config.project import ProjectSpec
    from release.config.source import Document, Path

_COSTS = "write what a wrong label costs, such as costs: {ill: {well: 50}, well: {ill: 1}}, the true class first"
_PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}", re.ASCII)

Refuse: TypeAlias = "Callable[[Path, str, str], NoReturn]"
"""Says that the field at a path is wrong: what, and what to do."""


def refuse_in(document: Document) -> Refuse:
    """Return what raises BadInputError at a path of this document."""

    def refuse(path: Path, what: str, fix: str) -> NoReturn:
        raise BadInputError(what, where=document.at(path), fix=fix)

    return refuse


def refuse_python_paths(document: Document) -> None:
    """Raise SecurityRefusalError for what asks for Python by name: `_target_` and the like, or a dotted estimator."""
    for path in document.keys:
        name = str(path[-1])
        if name.startswith("_") and not _is_column(path):
            raise SecurityRefusalError(
                f'"{shown(name)}" is no field, and names never reach Python',
                where=document.at(path, key=True),
                fix="choose from `release estimators`",
            )
    estimator = document.data.get("estimator")
    kind = estimator.get("kind") if isinstance(estimator, dict) else estimator
    if isinstance(kind, str) and any(mark in kind for mark in ".:/"):
        raise SecurityRefusalError(
            f'estimator "{shown(kind)}" looks like a Python path, which is never imported',
            where=document.at(("estimator", "kind")),
            fix="choose from `release estimators`",
        )


def _is_column(path: Path) -> bool:
    """Say whether a key is a column's name, which people choose freely."""
    return path[:-1] == ("data", "columns") or path[-2:-1] == ("where",)


def check_model(spec: ModelSpec, document: Document) -> None:
    """Apply the rules of a `model.yaml`. Raises BadInputError, or SecurityRefusalError for a path that leaves the folder."""
    refuse = refuse_in(document)
    _, tasks = ESTIMATORS[spec.estimator.kind]
    if spec.task not in tasks:
        fitting = [name for name, (_, able) in ESTIMATORS.items() if spec.task in able]
        what = f"{spec.estimator.kind} cannot do {spec.task}"
        refuse(("estimator", "kind"), what, f"one of: {', '.join(fitting)}")
    _check_files(spec, document)
    for index, step in enumerate(spec.features):
        if len(step.model_fields_set) != 1:
            refuse(("features", index), "a step has exactly one name", "write one `- step: {...}` a line")
    if spec.task != "binary" and "threshold" in spec.evaluation.model_fields_set:
        refuse(("evaluation", "threshold"), f"a threshold has no meaning for {spec.task}", "remove it")
    _check_migration(spec, refuse)
    if spec.search is not None:
        _check_search(spec, spec.search, refuse)
    check_policy(spec.gate, spec.task, refuse)


def _check_migration(spec: ModelSpec, refuse: Refuse) -> None:
    """Refuse a migration that takes a column away from the champion, or leads to none that the contract has.

    What the champion's own columns are is known where it is scored.
    """
    rename, fill = spec.evaluation.migration.rename, spec.evaluation.migration.fill
    taken: dict[str, str] = {}
    for old in (*rename, *fill):
        at: Path = ("evaluation", "migration", "rename" if old in rename else "fill", old)
        if old in rename and old in fill:
            refuse(at, f'"{shown(old)}" is renamed and filled', "keep one of the two")
        if old in spec.data.columns:
            refuse(at, f'"{shown(old)}" is still a column, and the champion reads it as it is', "remove it here")
    for old, new in rename.items():
        at = ("evaluation", "migration", "rename", old)
        if not any(new == name or fnmatchcase(new, name) for name in spec.data.columns):
            refuse(at, f'"{shown(new)}" is no column of the data contract', one_of(spec.data.columns, new))
        if new in taken:
            refuse(at, f'"{shown(new)}" is given for "{shown(taken[new])}" already', "name another column, or fill")
        taken[new] = old


def _check_files(spec: ModelSpec, document: Document) -> None:
    """Hold the data files to the model's folder, and to one spelling, by which Git's trees name them."""
    refuse = refuse_in(document)
    for name, text in (("train", spec.data.train), ("test", spec.data.test)):
        parts = text.split("/")
        if text.startswith("/") or ".." in parts or "\\" in text or not text.isprintable():
            raise SecurityRefusalError(
                f'data.{name} leaves the model\'s folder: "{shown(text)}"',
                where=document.at(("data", name)),
                fix="keep the file in the model's folder",
            )
        if "" in parts or "." in parts:
            plain = "/".join(part for part in parts if part not in ("", "."))
            refuse(("data", name), f'"{shown(text)}" is not written plainly', f'write "{shown(plain)}"')
        if not text.endswith((".csv", ".parquet")):
            refuse(("data", name), f'"{shown(text)}" is neither .csv nor .parquet', "convert it")
    if spec.data.train == spec.data.test:
        refuse(("data", "test"), "the test file is the training file", "hold rows out that training never sees")


def _check_search(spec: ModelSpec, search: SearchSpec, refuse: Refuse) -> None:
    params, _ = ESTIMATORS[spec.estimator.kind]
    _check_searched(search.metric, spec.task, refuse)
    if search.method == "random" and search.trials is None:
        refuse(("search",), "a random search needs to know how many trials", "add trials:")
    for name, candidates in search.params.items():
        at: Path = ("search", "params", name)
        if name not in params.model_fields:
            refuse(at, f'"{shown(name)}" is no parameter of {spec.estimator.kind}', one_of(params.model_fields, name))
        if isinstance(candidates, SearchRange):
            if search.method == "grid":
                refuse(at, "a grid needs a list of values", "list them, or use method: random")
            if candidates.low >= candidates.high or (candidates.log and candidates.low <= 0):
                refuse(at, "low must be below high, and positive for log", "correct the range")
        for value in _tried(candidates):
            try:
                params.model_validate_json(json.dumps({name: value}))
            except ValidationError as error:
                refuse(at, f"{name} must be {wanted(error.errors()[0])}, not {described(value)}", "correct the values")


def _check_searched(metric: str, task: str, refuse: Refuse) -> None:
    if metric == COST:
        what = "a search does not go by cost: what is trained would change with the gate's costs"
        refuse(("search", "metric"), what, "search by log_loss or brier_score")
    if not known(metric, task):
        refuse(("search", "metric"), *_no_metric(metric, task))


def _tried(candidates: tuple[Scalar | None, ...] | SearchRange) -> tuple[Scalar | None, ...]:
    """Return the listed values, or the ends of a range as they would be drawn."""
    if not isinstance(candidates, SearchRange):
        return candidates
    ends = (candidates.low, candidates.high)
    return tuple(map(int, ends)) if candidates.int else ends


def check_policy(gate: GateSpec, task: str | None, refuse: Refuse) -> None:
    """Apply the rules of a gate that is complete, costs included; as `check_gate` otherwise."""
    check_gate(gate, task, refuse)
    _check_costs(gate, refuse)


def check_gate(gate: GateSpec, task: str | None, refuse: Refuse) -> None:
    """Apply the rules of a gate, whose metrics are to be those of `task` (None: of any); `refuse` says what is wrong."""
    if gate.primary is not None:
        at: Path = ("gate", "primary")
        if (gate.primary.margin is None) == (gate.primary.better_by is None):
            refuse(at, "primary needs either margin or better_by", "write one of the two")
        _check_requirement(gate.primary, at, task, refuse)
    for index, guard in enumerate(gate.guards):
        _check_requirement(guard, ("gate", "guards", index), task, refuse)
    for index, part in enumerate(gate.slices):
        _check_requirement(part, ("gate", "slices", index), task, refuse)
    for metric in gate.floors:
        if not known(metric, task):
            refuse(("gate", "floors", metric), *_no_metric(metric, task))
    for index, part in enumerate(gate.slices):
        if part.name in [one.name for one in gate.slices[:index]]:
            what = f'a second slice called "{shown(part.name)}"'
            refuse(("gate", "slices", index, "name"), what, "rename one of the two")


def _check_requirement(one: Primary | Guard | Slice, at: Path, task: str | None, refuse: Refuse) -> None:
    if not known(one.metric, task):
        refuse((*at, "metric"), *_no_metric(one.metric, task))
    size = one.margin.share if isinstance(one.margin, Relative) else one.margin
    if size is not None and size <= 0:
        refuse((*at, "margin"), f"a margin must be above 0, not {size:g}", "use better_by: 0")


def _check_costs(gate: GateSpec, refuse: Refuse) -> None:
    """Hold the cost matrix to what the metric `cost` can be judged by; whether its classes exist, only data can say."""
    if COST not in _judged_by(gate):
        if gate.costs:
            refuse(("gate", "costs"), "no metric of the gate is cost", "judge by it, or remove gate.costs")
        return
    if not any(size > 0 for row in gate.costs.values() for size in row.values()):
        refuse(("gate", "costs"), "cost is judged by a matrix, and gate.costs has no cost", _COSTS)
    for true, row in gate.costs.items():
        for called, size in row.items():
            if not 0 <= size < math.inf:
                what = f"a cost must be 0 or more, not {size:g}"
                refuse(("gate", "costs", true, called), what, "write a gain as what missing it costs")


def _judged_by(gate: GateSpec) -> set[str]:
    """Return the metrics that a gate names."""
    parts: list[Primary | Guard | Slice] = [*([gate.primary] if gate.primary else []), *gate.guards, *gate.slices]
    return {*(part.metric for part in parts), *gate.floors}


def _no_metric(metric: str, task: str | None) -> tuple[str, str]:
    if metric == CALIBRATION:
        return f"{CALIBRATION} is biased, and only reported", "gate on brier_score or log_loss"
    names = offered(task)
    return f'"{shown(metric)}" is no metric for {task or "any task"}', one_of(names, metric, all_of_them=True)


def check_project(spec: ProjectSpec, document: Document) -> None:
    """Apply the rules of a `release.yaml`. Raises BadInputError, or SecurityRefusalError for a name that is a path."""
    refuse = refuse_in(document)
    for metric in spec.gates.limits.margin:
        if not known(metric, None):  # a limit on a misspelt metric would hold nobody
            refuse(("gates", "limits", "margin", metric), *_no_metric(metric, None))

    def refuse_default(path: Path, what: str, fix: str) -> NoReturn:
        refuse(("gates", "defaults", *path[1:]), what, fix)

    check_gate(spec.gates.defaults, None, refuse_default)
    if spec.gates.defaults.costs or COST in _judged_by(spec.gates.defaults):
        what = "what an error costs is a model's own: its classes are"
        refuse(("gates", "defaults"), what, "write cost and costs in the gate of its model.yaml")
    _check_environments(spec, document)
    check_registry(spec, document)
    _check_images(spec, document)


def _check_images(spec: ProjectSpec, document: Document) -> None:
    """Refuse a runtime by a tag: what a model runs on must not change under its name."""
    for name in type(spec.runtime.images).model_fields:
        text = getattr(spec.runtime.images, name)
        if text is not None and not _PINNED.fullmatch(text):
            raise SecurityRefusalError(
                f'"{shown(text)}" does not name an image by its digest',
                where=document.at(("runtime", "images", name)),
                fix="write HOST/REPOSITORY@sha256:…, as `release runtime` prints it",
            )


def _check_environments(spec: ProjectSpec, document: Document) -> None:
    refuse = refuse_in(document)
    names: list[str] = []
    for index, environment in enumerate(spec.environments):
        at: Path = ("environments", index)
        name = environment_name(environment.name, where=document.at((*at, "name")))
        check_place(environment, at, refuse)
        if name in names:
            refuse((*at, "name"), f'a second environment called "{name}"', "rename one of the two")
        if environment.after is not None and environment.after not in names:
            what = f'"{shown(environment.after)}" is no environment listed before this one'
            refuse((*at, "after"), what, one_of(names, environment.after) or "list the earlier environment first")
        for place, entry in enumerate(environment.freeze):
            try:
                window(entry)
            except ValueError as error:
                refuse((*at, "freeze", place), f'"{shown(entry)}" {error}', f"write {FORM}")
        names.append(name)
    if not names:
        refuse(("environments",), "no environment is listed", "add one, such as {name: staging}")
