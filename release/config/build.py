"""The one place where YAML becomes typed records: every complaint gets its file, line, column, and the nearest name.

Rules that span fields are here too; rules about what the data hold are not.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from release.config.estimators import ESTIMATORS
from release.config.model import ModelSpec, Primary, Relative
from release.config.names import METRICS, environment_name
from release.config.project import ProjectSpec
from release.config.source import Document, parse
from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from release.config.model import GateSpec, Margin

Spec = TypeVar("Spec", bound=BaseModel)
Path = tuple[str | int, ...]


def load_model(content: bytes, *, where: str) -> ModelSpec:
    """Read a `model.yaml`. Raises BadInputError or SecurityRefusalError naming file, line and column of the first mistake."""
    document = parse(content, where=where)
    _refuse_python_paths(document)
    spec = _build(ModelSpec, document)
    _check_model(spec, document)
    return spec


def load_project(content: bytes, *, where: str) -> ProjectSpec:
    """Read a `release.yaml`. Raises as `load_model` does."""
    document = parse(content, where=where)
    spec = _build(ProjectSpec, document)
    names = [environment_name(environment.name) for environment in spec.environments]
    for index, environment in enumerate(spec.environments):
        at: Path = ("environments", index)
        if environment.name in names[:index]:
            _refuse(document, (*at, "name"), f'a second environment called "{environment.name}"', "rename one of the two")
        if environment.after is not None and environment.after not in names[:index]:
            _refuse(
                document,
                (*at, "after"),
                f'"{environment.after}" is no environment listed before this one',
                _one_of(names[:index], environment.after) or "list the earlier environment first",
            )
    if not names:
        _refuse(document, ("environments",), "no environment is listed", "add one, such as {name: staging}")
    return spec


def effective_gate(spec: ModelSpec, project: ProjectSpec, *, where: str) -> GateSpec:
    """Fill a model's gate from the project's defaults and hold it to the limits. Raises BadInputError where it is looser."""
    own = spec.gate.model_fields_set
    given = {name: getattr(project.gates.defaults, name) for name in project.gates.defaults.model_fields_set - own}
    gate = spec.gate.model_copy(update=given)
    requirements = [*([gate.primary] if gate.primary else []), *gate.guards, *gate.slices]
    for requirement in requirements:
        limit = project.gates.limits.margin.get(requirement.metric)
        margin = requirement.margin
        if limit is None or margin is None:
            continue
        if isinstance(margin, Relative) or margin > limit:
            raise BadInputError(
                f"the margin of {requirement.metric} exceeds the limit of {limit:g} in release.yaml",
                where=where,
                fix=f"use a margin of at most {limit:g}",
            )
    return gate


def _build(kind: type[Spec], document: Document) -> Spec:
    # JSON rather than Python validation: there strict mode still takes a list where a tuple is declared.
    try:
        return kind.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        _explain(kind, document, error.errors())


def _explain(kind: type[BaseModel], document: Document, errors: Iterable[Any]) -> NoReturn:
    """Turn the library's first complaint into one of ours."""
    found = [(_in_document(document, error["loc"]), error) for error in errors]
    found = [pair for pair in found if not _beside_the_point(document, pair, found)]
    # An unknown field explains the missing one beside it, so it is told first; then in the order of the file.
    path, error = min(found, key=lambda pair: (pair[1]["type"] != "extra_forbidden", document.values.get(pair[0], (0, 0))))
    alternatives = [one for at, one in found if at == path and one is not error]
    parent = ".".join(str(part) for part in path[:-1]) or "the file"
    name = str(path[-1]) if path else ""
    match error["type"]:
        case "extra_forbidden":
            known = _fields(kind, error["loc"][:-1])
            what, fix = f'unknown field "{name}" in {parent}', _one_of(known, name)
            raise BadInputError(what, where=document.at(path, key=True), fix=fix)
        case "missing":
            missing = str(error["loc"][-1])
            holder = ".".join(str(part) for part in path) or "the file"
            raise BadInputError(f'field "{missing}" is missing in {holder}', where=document.at(path), fix=f"add {missing}:")
        case "union_tag_invalid":
            given, known = error["ctx"]["tag"], [tag.strip().strip("'") for tag in error["ctx"]["expected_tags"].split(",")]
            what = f'unknown {name} "{given}"'
            raise BadInputError(what, where=document.at((*path, "kind")), fix=_one_of(known, given, all_of_them=True))
        case "union_tag_not_found":
            raise BadInputError(f'field "kind" is missing in {name}', where=document.at(path), fix="add kind:")
        case _:
            value = _value(document.data, path)
            wanted = " or ".join(dict.fromkeys(_wanted(one) for one in (error, *alternatives)))
            literal = next((one for one in (error, *alternatives) if one["type"] == "literal_error"), None)
            fix = ""
            if literal is not None and isinstance(value, str):
                fix = _one_of(
                    [part.strip(" '") for part in literal["ctx"]["expected"].replace(" or ", ",").split(",")], value
                )
            raise BadInputError(
                f"{name} must be {wanted}, not {_shown(value)}", where=document.at(path), fix=fix or "correct it"
            )


def _beside_the_point(document: Document, pair: tuple[Path, Any], found: list[tuple[Path, Any]]) -> bool:
    """Say whether a complaint "not a number" is about fields of which another complaint says more."""
    path, error = pair
    scalar = error["type"] in ("float_type", "int_type", "string_type", "bool_type", "literal_error")
    if not scalar or not isinstance(_value(document.data, path), dict):
        return False
    return any(other is not error and at[: len(path)] == path for at, other in found)


def _in_document(document: Document, loc: tuple[str | int, ...]) -> Path:
    """Drop from the library's location the parts (union tags, type names) that are not in the file."""
    path: list[str | int] = []
    value = document.data
    for part in loc:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            continue
        path.append(part)
    return tuple(path)


def _fields(kind: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Name the fields that would have been known at a location, by walking the JSON Schema."""
    schema = kind.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})

    def alternatives(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        if "$ref" in node:
            return alternatives(definitions[node["$ref"].rsplit("/", 1)[1]])
        nested = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
        return [one for child in nested for one in alternatives(child)] if nested else [node]

    nodes = alternatives(schema)
    for part in loc:
        below: list[Mapping[str, Any]] = []
        for node in nodes:
            if isinstance(part, int):
                below += [one for child in (node.get("items"),) if child for one in alternatives(child)]
            elif part in node.get("properties", {}):
                below += alternatives(node["properties"][part])
            elif isinstance(node.get("additionalProperties"), dict):
                below += alternatives(node["additionalProperties"])
        tagged = [node for node in nodes if node.get("properties", {}).get("kind", {}).get("const") == part]
        nodes = below or tagged or nodes
    return sorted({name for node in nodes for name in node.get("properties", {})})


def _one_of(known: Iterable[str], given: str, *, all_of_them: bool = False) -> str:
    names = list(known)
    near = difflib.get_close_matches(given, names, n=1)
    listed = f"one of: {', '.join(names)}" if names else ""
    if near and not all_of_them:
        return f'did you mean "{near[0]}"?'
    return f'did you mean "{near[0]}"? {listed}' if near else listed


_TYPES = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "fields",
    "model_type": "fields",
    "none_required": "null",
}


def _wanted(error: Mapping[str, Any]) -> str:
    if error["type"] in _TYPES:
        return _TYPES[error["type"]]
    if error["type"] == "literal_error":
        return str(error["ctx"]["expected"]).replace("'", '"')
    context = error.get("ctx", {})
    for key, words in (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most")):
        if key in context:
            return f"{words} {context[key]:g}"
    if error["type"] == "string_pattern_mismatch":
        return f"text like {context['pattern']}"
    return str(error["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {str(value).lower()}"
        case str():
            return f'the text "{value[:60]}"'
        case dict():
            return "fields"
        case list():
            return "a list"
        case _:
            return f"{value}"


def _value(data: Any, path: Path) -> object:
    for part in path:
        data = data[part]
    return data


def _refuse(document: Document, path: Path, what: str, fix: str) -> NoReturn:
    raise BadInputError(what, where=document.at(path), fix=fix)


def _refuse_python_paths(document: Document) -> None:
    for path in document.keys:
        if isinstance(path[-1], str) and path[-1].startswith("_"):
            raise SecurityRefusalError(
                f'"{path[-1]}" is no field, and names never reach Python',
                where=document.at(path, key=True),
                fix="choose from `release estimators`",
            )
    estimator = document.data.get("estimator")
    kind = estimator.get("kind") if isinstance(estimator, dict) else None
    if isinstance(kind, str) and ("." in kind or ":" in kind or "/" in kind):
        raise SecurityRefusalError(
            f'estimator kind "{kind}" looks like a Python path, which is never imported',
            where=document.at(("estimator", "kind")),
            fix="choose from `release estimators`",
        )


def _check_model(spec: ModelSpec, document: Document) -> None:
    """Apply the rules that span fields, in the order of the file."""
    _, tasks = ESTIMATORS[spec.estimator.kind]
    if spec.task not in tasks:
        fitting = [name for name, (_, able) in ESTIMATORS.items() if spec.task in able]
        _refuse(
            document, ("estimator", "kind"), f"{spec.estimator.kind} cannot do {spec.task}", f"one of: {', '.join(fitting)}"
        )
    for name in ("train", "test"):
        text = getattr(spec.data, name)
        if text.startswith("/") or ".." in text.split("/") or "\\" in text:
            raise SecurityRefusalError(
                f'data.{name} leaves the model\'s folder: "{text}"',
                where=document.at(("data", name)),
                fix="keep the file in the model's folder",
            )
        if not text.endswith((".csv", ".parquet")):
            _refuse(document, ("data", name), f'"{text}" is neither .csv nor .parquet', "convert it")
    if spec.data.train == spec.data.test:
        _refuse(document, ("data", "test"), "the test file is the training file", "hold rows out that training never sees")
    for index, step in enumerate(spec.features):
        if len(step.model_fields_set) != 1:
            _refuse(document, ("features", index), "a step has exactly one name", "write one `- step: {...}` a line")
    if spec.task != "binary" and "evaluation" in spec.model_fields_set:
        _refuse(document, ("evaluation",), f"a threshold has no meaning for {spec.task}", "remove evaluation")
    if spec.search is not None:
        _check_search(spec, document)
    _check_gate(spec, document)


def _check_search(spec: ModelSpec, document: Document) -> None:
    search = spec.search
    assert search is not None  # noqa: S101 (narrowing; the caller has looked)
    params, _ = ESTIMATORS[spec.estimator.kind]
    _check_metric(spec, document, ("search", "metric"), search.metric)
    if search.method == "random" and search.trials is None:
        _refuse(document, ("search",), "a random search needs to know how many trials", "add trials:")
    for name, candidates in search.params.items():
        at: Path = ("search", "params", name)
        if name not in params.model_fields:
            _refuse(document, at, f'"{name}" is no parameter of {spec.estimator.kind}', _one_of(params.model_fields, name))
        values: Iterable[object] = candidates if isinstance(candidates, tuple) else (candidates.low, candidates.high)
        if not isinstance(candidates, tuple):
            if search.method == "grid":
                _refuse(document, at, "a grid needs a list of values", "list them, or use method: random")
            if candidates.low >= candidates.high or (candidates.log and candidates.low <= 0):
                _refuse(document, at, "low must be below high, and positive for log", "correct the range")
            values = [int(value) for value in values] if candidates.int else values  # type: ignore[call-overload]
        for value in values:
            try:
                params.model_validate_json(json.dumps({name: value}))
            except ValidationError as error:
                first = error.errors()[0]
                _refuse(document, at, f"{name} must be {_wanted(first)}, not {_shown(value)}", "correct the values")


def _check_metric(spec: ModelSpec, document: Document, path: Path, metric: str) -> None:
    known = METRICS[spec.task]
    if metric not in known:
        _refuse(document, path, f'"{metric}" is no metric for {spec.task}', _one_of(known, metric, all_of_them=True))


def _check_margin(document: Document, path: Path, margin: Margin | None) -> None:
    if isinstance(margin, Relative):
        if margin.share <= 0:
            _refuse(document, path, "a relative margin must be above 0%", "use better_by: 0")
    elif margin is not None and margin <= 0:
        _refuse(document, path, f"a margin must be above 0, not {margin:g}", "use better_by: 0")


def _check_gate(spec: ModelSpec, document: Document) -> None:
    gate = spec.gate
    if gate.primary is not None:
        _check_primary(spec, document, gate.primary)
    for section, requirements in (("guards", gate.guards), ("slices", gate.slices)):
        for index, requirement in enumerate(requirements):
            at: Path = ("gate", section, index)
            _check_metric(spec, document, (*at, "metric"), requirement.metric)
            _check_margin(document, (*at, "margin"), requirement.margin)
    for metric in gate.floors:
        _check_metric(spec, document, ("gate", "floors", metric), metric)
    for index, part in enumerate(gate.slices):
        if part.name in [one.name for one in gate.slices[:index]]:
            _refuse(
                document, ("gate", "slices", index, "name"), f'a second slice called "{part.name}"', "rename one of the two"
            )


def _check_primary(spec: ModelSpec, document: Document, primary: Primary) -> None:
    at: Path = ("gate", "primary")
    _check_metric(spec, document, (*at, "metric"), primary.metric)
    if (primary.margin is None) == (primary.better_by is None):
        _refuse(document, at, "primary needs either margin or better_by", "write one of the two")
    _check_margin(document, (*at, "margin"), primary.margin)
