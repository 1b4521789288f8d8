"""`--json` of every verb: one document on standard output, whatever else is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest
from cli_running import commit_all, customers, edit, here, ok
from support.git import git

from release.cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from pathlib import Path

VERBS = {
    "init": ["next", "--from", "../customers.csv", "--target", "churned"],
    "schema": [],
    "estimators": [],
    "plan": [],
    "check": [],
    "train": ["churn"],
    "evaluate": ["churn"],
    "gate": ["churn"],
    "report": ["churn"],
    "power": ["churn"],
    "package": ["churn"],
    "promote": ["churn", "--to", "staging"],
    "dry-run": ["churn"],
    "status": [],
    "history": ["churn"],
}
KEYS = {
    "init": {"model", "written"},
    "schema": {"$schema", "$defs", "properties", "required"},
    "estimators": {"estimators", "features"},
    "plan": {"commit", "base", "due", "matrix"},
    "check": {"notes", "models", "test_sets"},
    "train": {"model", "commit", "model_digest", "files", "parameters"},
    "evaluate": {"model", "rows", "challenger", "champion"},
    "gate": {"verdict", "model", "challenger", "champion", "alpha", "comparisons", "reasons", "test_set"},
    "report": {"record", "markdown", "html"},
    "power": {"model", "rows", "looks", "reach", "chances", "bounds", "undetected", "assuming"},
    "package": {"model", "repository", "digest", "model_digest"},
    "promote": {"model", "environment", "outcome", "release", "deploy_branch", "deploy_commit", "diff"},
    "dry-run": {"models"},
    "status": {"releases"},
    "history": {"model", "events"},
}


@pytest.mark.parametrize("verb", VERBS)
def test_one_document_and_nothing_else(served: Path, verb: str) -> None:
    """Standard output parses as a whole and has the fields that pipelines read."""
    (served.parent / "customers.csv").write_text(customers())
    done = ok(here(served, verb, *VERBS[verb], "--json"))
    assert set(done.document) >= KEYS[verb]
    assert done.errors == []


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_explains_itself_with_an_example(verb: str, tmp_path: Path) -> None:
    """`--help` needs no repository, knows --json, and shows a command line that can be copied."""
    told = ok(here(tmp_path, verb, "--help"))
    assert told.out.startswith(f"Usage: release {verb} ")
    assert "--json" in told.out
    assert "Example" in told.out
    assert f"release {verb}" in told.out.split("Example", 1)[1]


def test_the_list_of_verbs_is_the_commands_there_are() -> None:
    """Help lists each command with the words that the command itself starts with."""
    with cli.make_context("release", [], resilient_parsing=True) as context:
        found = {name: cli.get_command(context, name) for name in COMMANDS}  # type: ignore[attr-defined]
    assert {name: command.get_short_help_str(200) for name, command in found.items()} == COMMANDS


def test_plan_prints_a_matrix_for_ci(served: Path) -> None:
    """A forge makes its jobs from `matrix`; `due` says why."""
    git(served, "switch", "-q", "-c", "change")
    edit(served, "models/spend/model.yaml", "kind: dummy", "kind: ridge")
    head = commit_all(served)
    document = ok(here(served, "plan", "--base", "main", "--json")).document
    assert document == {
        "commit": head,
        "base": git(served, "rev-parse", "main"),
        "due": [{"model": "spend", "kind": "train", "why": ["what is trained changed since the base"]}],
        "matrix": {"include": [{"model": "spend", "kind": "train"}]},
    }


def test_the_schemas_are_schemas() -> None:
    """Editors can load both."""
    from pathlib import Path  # noqa: PLC0415 (the only run-time use)

    for which in ("model", "release"):
        jsonschema.Draft202012Validator.check_schema(ok(here(Path.cwd(), "schema", which)).document)
