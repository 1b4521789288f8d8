"""`release estimators`: what `estimator.kind` and `features` may name, with their parameters."""

from __future__ import annotations

from typing import Any

import click

from release.cli.render import emit, json_option


@click.command(short_help="List the estimators and feature steps, with their parameters.")
@json_option
def command(as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """List every estimator and feature step, the tasks each can do, its parameters and their defaults.

    \b
    Example:
      release estimators
    """
    from release.config.estimators import ESTIMATORS, FeatureStep  # noqa: PLC0415 (pydantic)

    estimators = [
        {"kind": kind, "tasks": list(tasks), "about": _about(params.__doc__), "params": _params(params)}
        for kind, (params, tasks) in ESTIMATORS.items()
    ]
    schema = FeatureStep.model_json_schema(by_alias=True)
    steps = [
        {"step": name, "about": definition["description"], "params": _parameters(definition)}
        for name, part in schema["properties"].items()
        for definition in [schema["$defs"][part["anyOf"][0]["$ref"].rsplit("/", 1)[1]]]
    ]
    emit({"estimators": estimators, "features": steps}, lambda: _text(estimators, steps), as_json=as_json)


def _about(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _params(kind: Any) -> dict[str, Any]:
    return _parameters(kind.model_json_schema(by_alias=True))


def _parameters(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: part.get("default") for name, part in schema.get("properties", {}).items()}


def _text(estimators: list[dict[str, Any]], steps: list[dict[str, Any]]) -> str:
    lines = ["Estimators (estimator.kind)"]
    for one in estimators:
        lines += [f"  {one['kind']}  [{', '.join(one['tasks'])}]", f"      {one['about']}", f"      {_shown(one['params'])}"]
    lines += ["", "Feature steps (features)"]
    for one in steps:
        lines += [f"  {one['step']}", f"      {one['about']}", f"      {_shown(one['params'])}"]
    return "\n".join(lines)


def _shown(params: dict[str, Any]) -> str:
    words = {None: "none", True: "true", False: "false"}
    shown = {name: words[value] if value is None or isinstance(value, bool) else value for name, value in params.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items()) or "no parameters"
