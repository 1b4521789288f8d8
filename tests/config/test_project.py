"""What `release schema` prints, what the repository's own files say, and that the three agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from release.cli.commands.schema import SCHEMAS, command
from release.config.build import effective_gate, load_model, load_project
from release.config.source import parse

ROOT = Path(__file__).parents[2]
MODELS = sorted(ROOT.glob("models/*/model.yaml"))


def printed(which: str) -> str:
    done = CliRunner().invoke(command, [which])
    assert done.exit_code == 0
    return done.stdout


def complaints(which: str, data: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(json.loads(printed(which))).iter_errors(data)]


@pytest.mark.parametrize("which", SCHEMAS)
def test_the_schemas_that_editors_fetch_are_those_that_the_command_prints(which: str) -> None:
    """`release schema` > docs/schema: run it again when this fails."""
    assert (ROOT / f"docs/schema/{which}.schema.json").read_text() == printed(which)


@pytest.mark.parametrize("which", SCHEMAS)
def test_the_schemas_are_schemas(which: str) -> None:
    """They keep their own standard, which validators otherwise assume in silence."""
    Draft202012Validator.check_schema(json.loads(printed(which)))


def test_three_models_are_shipped() -> None:
    """One for each task; the tests below run over what is there."""
    tasks = [load_model(path.read_bytes(), where=path.parent.name).task for path in MODELS]
    assert sorted(tasks) == ["binary", "multiclass", "regression"]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.parent.name)
def test_shipped_models_are_right_for_editors_and_for_the_tool(path: Path) -> None:
    """The schema and the reader accept the same files, short forms included, and limits hold."""
    where = str(path.relative_to(ROOT))
    assert complaints("model", parse(path.read_bytes(), where=where).data) == []
    project = load_project((ROOT / "release.yaml").read_bytes(), where="release.yaml")
    spec = load_model(path.read_bytes(), where=where)
    gate = effective_gate(spec, project, where=where)
    assert gate.primary is not None
    assert gate.primary.metric in gate.floors


@pytest.mark.parametrize("path", [*MODELS, ROOT / "release.yaml"], ids=lambda path: path.parent.name)
def test_the_shipped_files_name_their_schema(path: Path) -> None:
    """The comment that editors look for leads to the file that is there."""
    [line] = [line for line in path.read_text().splitlines() if line.startswith("# yaml-language-server: $schema=")]
    assert (path.parent / line.partition("=")[2]).resolve() in (ROOT / "docs/schema").iterdir()


def test_the_shipped_release_yaml_is_right() -> None:
    """It is the example that people copy."""
    content = (ROOT / "release.yaml").read_bytes()
    assert complaints("release", parse(content, where="release.yaml").data) == []
    project = load_project(content, where="release.yaml")
    assert [(one.name, one.after) for one in project.environments] == [("staging", None), ("production", "staging")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner:", "ownr:"),
        ("task: binary", "task: binery"),
        ("margin: 0.05}\n  guards", "marign: 0.05}\n  guards"),
        ("type: float, min: 0, max: 10000", "type: flaot, min: 0, max: 10000"),
        ("kind: logistic-regression", "kind: logistic-regresion"),
        ("- scale:", "- scael:"),
        ("- scale: {columns: numeric, method: standard}", "- {scale: {}, impute: {}}"),
        ("folds: 5", "folds: 1"),
        ("target: {column: malignant, positive: 1}", "target: {colum: malignant}"),
        ("target: {column: malignant, positive: 1}", "target: [malignant]"),
        ("cpu: 500m", "cpu: lots"),
    ],
)
def test_editors_underline_what_the_tool_would_refuse(old: str, new: str) -> None:
    """A typo is a complaint of the schema too."""
    text = (ROOT / "models/breast-cancer/model.yaml").read_text()
    assert old in text
    assert complaints("model", parse(text.replace(old, new).encode(), where="m").data)


@pytest.mark.parametrize(
    ("old", "new"),
    [("registry:", "registri:"), ("branch: main", "branch: -x"), ("count: 1", "count: many"), ("soak: 24h", "soak: 24")],
)
def test_editors_underline_typos_in_release_yaml(old: str, new: str) -> None:
    """As for models."""
    text = (ROOT / "release.yaml").read_text()
    assert old in text
    assert complaints("release", parse(text.replace(old, new).encode(), where="r").data)


def test_every_field_that_needs_words_has_them() -> None:
    """`release schema` documents: every record has a sentence."""
    schema = json.loads(printed("model"))
    assert [name for name, one in schema["$defs"].items() if not one.get("description")] == []
