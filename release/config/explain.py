"""The library's complaints about a file, turned into ours: what is wrong, at which line and column, and what to write.

Which values are allowed is declared in `release.config.model` and `release.config.project`, not here.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NoReturn

from release.config.model import LIKE
from release.config.nearest import one_of
from release.config.source import shown
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

    from release.config.source import Document, Path


def explain(kind: type[BaseModel], document: Document, errors: Iterable[Any]) -> NoReturn:
    """Turn the library's first complaint into one of ours. Raises BadInputError, always."""
    found = [(_in_document(document, error["loc"]), error) for error in errors]
    found = [pair for pair in found if not _beside_the_point(document, pair, found)]
    # An unknown field explains the missing one beside it, so it is told first; then in the order of the file.
    path, error = min(found, key=lambda pair: (pair[1]["type"] != "extra_forbidden", document.values.get(pair[0], (0, 0))))
    alternatives = [one for at, one in found if at == path and one is not error]
    name, holder = _named(path), _dotted(path)
    match error["type"]:
        case "extra_forbidden":
            what, near = f'unknown field "{shown(str(path[-1]))}" in {_dotted(path[:-1])}', str(path[-1])
            raise BadInputError(what, where=document.at(path, key=True), fix=one_of(_fields(kind, error["loc"][:-1]), near))
        case "missing":
            missing = error["loc"][-1]
            raise BadInputError(f'field "{missing}" is missing in {holder}', where=document.at(path), fix=f"add {missing}:")
        case "union_tag_invalid" if isinstance(given := _value(document.data, (*path, "kind")), str):
            known = [tag.strip(" '") for tag in error["ctx"]["expected_tags"].split(",")]
            what, fix = f'unknown {name} "{shown(given)}"', one_of(known, given, all_of_them=True)
            raise BadInputError(what, where=document.at((*path, "kind")), fix=fix)
        case "union_tag_invalid":
            given = _value(document.data, (*path, "kind"))
            where = document.at((*path, "kind"))
            raise BadInputError(
                f"kind must be text, not {described(given)}", where=where, fix="choose from `release estimators`"
            )
        case "union_tag_not_found":
            raise BadInputError(f'field "kind" is missing in {name}', where=document.at(path), fix="add kind:")
        case _:
            all_of_them = (error, *alternatives)
            value = _value(document.data, path)
            what = f"{name} must be {_either(map(wanted, all_of_them))}, not {described(value)}"
            raise BadInputError(what, where=document.at(path), fix=_remedy(all_of_them, value))


def _beside_the_point(document: Document, pair: tuple[Path, Any], found: list[tuple[Path, Any]]) -> bool:
    """Say whether a complaint such as "not a number" is about fields, or a list, of which another complaint says more."""
    path, error = pair
    if error["type"] not in _WRONG_KIND or not isinstance(_value(document.data, path), dict | list):
        return False
    return any(
        at[: len(path)] == path and (len(at) > len(path) or other["type"] not in _WRONG_KIND)
        for at, other in found
        if other is not error
    )


def _dotted(path: Path) -> str:
    return ".".join(shown(str(part)) for part in path) or "the file"


def _named(path: Path) -> str:
    """Return the last name of a path, with the place in the list where it ends in one."""
    last = max((place for place, part in enumerate(path) if isinstance(part, str)), default=0)
    return _dotted(path[last:])


def _in_document(document: Document, loc: tuple[str | int, ...]) -> Path:
    """Drop from the library's location the parts (union tags, type names) that are not in the file."""
    path: list[str | int] = []
    value = document.data
    for part in loc:
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if inside:
            value = value[part]
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


_TYPES = {
    "string_type": ("text", "quote it"),
    "float_type": ("a number", "write a number, without quotes"),
    "int_type": ("a whole number", "write a whole number, without quotes"),
    "int_from_float": ("a whole number", "write a whole number"),
    "bool_type": ("true or false", "write true or false, without quotes"),
    "tuple_type": ("a list", "write it like [a, b]"),
    "dict_type": ("fields", "write `field: value` lines below it"),
    "model_type": ("fields", "write `field: value` lines below it"),
    "model_attributes_type": ("fields", "write `field: value` lines below it"),
}
"""What the library's complaints about types say in words, and the remedies."""
_WRONG_KIND = (*_TYPES, "literal_error")


def wanted(error: Mapping[str, Any]) -> str:
    """Say in words what one of the library's complaints asks for."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _TYPES:
        return _TYPES[kind][0]
    if kind == "literal_error":
        return str(context["expected"]).replace("'", '"')
    if kind.startswith("string_"):
        return _wanted_text(kind, context)
    for key, words in (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most")):
        if key in context:
            return f"{words} {context[key]:.12g}"
    return str(error["msg"]).removeprefix("Input should be ")


def _wanted_text(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return f"text like {LIKE.get(context['pattern'], context['pattern'])}"
    return f"text of at most {context['max_length']} characters" if kind == "string_too_long" else "text that is not empty"


def _either(wanted: Iterable[str]) -> str:
    words = list(dict.fromkeys(wanted))
    if "a number" in words and "a whole number" in words:
        words.remove("a whole number")
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _remedy(errors: Iterable[Mapping[str, Any]], value: object) -> str:
    """Say what to do about a value of the wrong kind: the nearest word that would do, else by the first complaint."""
    errors = list(errors)
    words = [
        word.strip(" '")
        for error in errors
        if error["type"] == "literal_error"
        for word in error["ctx"]["expected"].replace(" or ", ",").split(",")
    ]
    near = difflib.get_close_matches(value, words, n=1) if isinstance(value, str) else []
    if near:
        return f'did you mean "{near[0]}"?'
    if isinstance(value, dict | list) or value is None:
        return "correct it"
    return _TYPES.get(errors[0]["type"], ("", "correct it"))[1]


def described(value: object) -> str:
    """Say in words what a file has instead."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {str(value).lower()}"
        case str():
            return f'the text "{shown(value)}"'
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
