"""`release schema`: the JSON Schema of what people write, for editors and for reading."""

from __future__ import annotations

import json

import click

SCHEMAS = ("model", "release")


@click.command(short_help="Print the JSON Schema of model.yaml or release.yaml.")
@click.argument("which", type=click.Choice(SCHEMAS), default="model")
@click.option("--json", "as_json", is_flag=True, help="Accepted for uniformity: a schema is JSON already.")
def command(which: str, as_json: bool) -> None:  # noqa: ARG001, FBT001 (click passes it)
    """Print the JSON Schema of model.yaml (or of release.yaml).

    \b
    Example:
      release schema > model.schema.json
      release schema release > release.schema.json
    """
    from release.config.model import ModelSpec  # noqa: PLC0415 (pydantic)
    from release.config.project import ProjectSpec  # noqa: PLC0415 (pydantic)

    kind = ModelSpec if which == "model" else ProjectSpec
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **kind.model_json_schema(by_alias=True)}
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
