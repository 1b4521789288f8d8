"""The one place where YAML becomes typed records; every complaint has its file, line, column, and the nearest name.

How complaints are worded is in `release.config.explain`, rules that span fields are in `release.config.rules`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from release.config.estimators import Frozen
from release.config.explain import explain
from release.config.model import GateSpec, ModelSpec, Relative
from release.config.project import ProjectSpec
from release.config.rules import check_gate, check_model, check_policy, check_project, refuse_python_paths
from release.config.source import Document, parse
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.config.model import Guard, Primary, Slice
    from release.config.source import Path

Spec = TypeVar("Spec", bound=BaseModel)


def load_model(content: bytes, *, where: str) -> ModelSpec:
    """Read a `model.yaml`.

    Raises BadInputError or SecurityRefusalError naming file, line and column of the first mistake.
    """
    document = parse(content, where=where)
    refuse_python_paths(document)
    spec = _build(ModelSpec, document)
    check_model(spec, document)
    return spec


class _GateAlone(Frozen):
    gate: GateSpec


@dataclass(frozen=True)
class GateFile:
    """A gate as a file has it: `model` is the rest of the `model.yaml`, if it is one; `at` names the place of a path."""

    gate: GateSpec
    model: ModelSpec | None
    at: Callable[[Path], str]


def load_gate(content: bytes, *, where: str) -> GateFile:
    """Read a gate from a `model.yaml`, from a file with `gate:` alone, or from one with the fields of a gate.

    Which task its metrics are for is checked only of a whole model. Raises as `load_model` does.
    """
    document = parse(content, where=where)
    if not {"estimator", "data"}.isdisjoint(document.data):
        model = load_model(content, where=where)
        return GateFile(model.gate, model, document.at)
    whole = "gate" in document.data
    gate = _build(_GateAlone, document).gate if whole else _build(GateSpec, document)

    def at(path: Path) -> str:
        return document.at(path if whole else path[1:])

    def refuse(path: Path, what: str, fix: str) -> NoReturn:
        raise BadInputError(what, where=at(path), fix=fix)

    check_policy(gate, None, refuse)
    return GateFile(gate, None, at)


def load_project(content: bytes, *, where: str) -> ProjectSpec:
    """Read a `release.yaml`. Raises as `load_model` does."""
    document = parse(content, where=where)
    spec = _build(ProjectSpec, document)
    check_project(spec, document)
    return spec


def effective_gate(spec: ModelSpec, project: ProjectSpec, *, where: str) -> GateSpec:
    """Fill a model's gate from the project's defaults and hold it to the limits.

    Raises BadInputError where it is looser, or where a default does not fit the model's task.
    """
    own = spec.gate.model_fields_set
    given = {name: getattr(project.gates.defaults, name) for name in project.gates.defaults.model_fields_set - own}
    gate = spec.gate.model_copy(update=given)

    def refuse(path: Path, what: str, _: str) -> NoReturn:
        field = ".".join(map(str, path))
        raise BadInputError(f"{field}, from gates.defaults of release.yaml: {what}", where=where, fix=f"write {field} here")

    check_gate(gate, spec.task, refuse)
    requirements: list[Primary | Guard | Slice] = [*([gate.primary] if gate.primary else []), *gate.guards, *gate.slices]
    for requirement in requirements:
        limit = project.gates.limits.margin.get(requirement.metric)
        margin = requirement.margin
        if limit is None or margin is None:
            continue
        if isinstance(margin, Relative) or margin > limit:
            said = "is relative, and cannot be held to" if isinstance(margin, Relative) else "exceeds"
            raise BadInputError(
                f"the margin of {requirement.metric} {said} the limit of {limit:g} in release.yaml",
                where=where,
                fix=f"use a margin of at most {limit:g}",
            )
    return gate


def _build(kind: type[Spec], document: Document) -> Spec:
    # JSON rather than Python validation: there strict mode still takes a list where a tuple is declared.
    try:
        return kind.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        explain(kind, document, error.errors())
