"""Rules of `model.yaml` and `release.yaml` that span fields, and names that must never reach Python.

What single fields may hold is declared in `release.config.model` and `release.config.project`; what the data hold is not
looked at here.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from pydantic import ValidationError

from release.config.estimators import ESTIMATORS
from release.config.explain import described, wanted
from release.config.model import Relative, SearchRange
from release.config.names import METRICS, environment_name
from release.config.nearest import one_of
from release.config.places import check_place, check_registry
from release.config.source import shown
from release.errors import BadInputError, SecurityRefusalError
from release.schedule import FORM, window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from release.config.model import GateSpec, Guard, ModelSpec, Primary, Scalar, SearchSpec, Slice
    from release.config.project import ProjectSpec
    from release.config.source import Document, Path

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
    if spec.task != "binary" and "evaluation" in spec.model_fields_set:
        refuse(("evaluation",), f"a threshold has no meaning for {spec.task}", "remove evaluation")
    if spec.search is not None:
        _check_search(spec, spec.search, refuse)
    check_gate(spec.gate, METRICS[spec.task], spec.task, refuse)


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
    if search.metric not in METRICS[spec.task]:
        refuse(("search", "metric"), *_no_metric(search.metric, METRICS[spec.task], spec.task))
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


def _tried(candidates: tuple[Scalar | None, ...] | SearchRange) -> tuple[Scalar | None, ...]:
    """Return the listed values, or the ends of a range as they would be drawn."""
    if not isinstance(candidates, SearchRange):
        return candidates
    ends = (candidates.low, candidates.high)
    return tuple(map(int, ends)) if candidates.int else ends


def check_gate(gate: GateSpec, known: Collection[str], task: str, refuse: Refuse) -> None:
    """Apply the rules of a gate, whose metrics are to be among `known`, those of `task`; `refuse` says what is wrong."""
    if gate.primary is not None:
        at: Path = ("gate", "primary")
        if (gate.primary.margin is None) == (gate.primary.better_by is None):
            refuse(at, "primary needs either margin or better_by", "write one of the two")
        _check_requirement(gate.primary, at, known, task, refuse)
    for index, guard in enumerate(gate.guards):
        _check_requirement(guard, ("gate", "guards", index), known, task, refuse)
    for index, part in enumerate(gate.slices):
        _check_requirement(part, ("gate", "slices", index), known, task, refuse)
    for metric in gate.floors:
        if metric not in known:
            refuse(("gate", "floors", metric), *_no_metric(metric, known, task))
    for index, part in enumerate(gate.slices):
        if part.name in [one.name for one in gate.slices[:index]]:
            what = f'a second slice called "{shown(part.name)}"'
            refuse(("gate", "slices", index, "name"), what, "rename one of the two")


def _check_requirement(one: Primary | Guard | Slice, at: Path, known: Collection[str], task: str, refuse: Refuse) -> None:
    if one.metric not in known:
        refuse((*at, "metric"), *_no_metric(one.metric, known, task))
    size = one.margin.share if isinstance(one.margin, Relative) else one.margin
    if size is not None and size <= 0:
        refuse((*at, "margin"), f"a margin must be above 0, not {size:g}", "use better_by: 0")


def _no_metric(metric: str, known: Collection[str], task: str) -> tuple[str, str]:
    return f'"{shown(metric)}" is no metric for {task}', one_of(known, metric, all_of_them=True)


def check_project(spec: ProjectSpec, document: Document) -> None:
    """Apply the rules of a `release.yaml`. Raises BadInputError, or SecurityRefusalError for a name that is a path."""
    refuse = refuse_in(document)
    known = tuple(dict.fromkeys(name for names in METRICS.values() for name in names))
    for metric in spec.gates.limits.margin:
        if metric not in known:  # a limit on a misspelt metric would hold nobody
            refuse(("gates", "limits", "margin", metric), *_no_metric(metric, known, "any task"))

    def refuse_default(path: Path, what: str, fix: str) -> NoReturn:
        refuse(("gates", "defaults", *path[1:]), what, fix)

    check_gate(spec.gates.defaults, known, "any task", refuse_default)
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
