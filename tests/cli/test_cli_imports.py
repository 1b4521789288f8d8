"""What fast commands must not import: a help text must not wait for scikit-learn, a plan not for pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_running import commit_all, edit, ok, process_without
from support.git import git

from release.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = "numpy,scipy,pandas,sklearn,skops,mlflow,requests,pyarrow"


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["plan", "--help"], ["dry-run", "--help"]])
def test_help_and_version_import_no_library(tmp_path: Path, args: list[str]) -> None:
    """They work in any folder, without YAML, git or anything heavier."""
    told = ok(process_without(f"{HEAVY},yaml,pydantic,release.adapters.git,release.cli.wiring", tmp_path, *args))
    assert told.err == ""
    assert told.out == f"release {__version__}\n" if args == ["--version"] else told.out.startswith("Usage: release ")


def test_a_plan_against_a_base_reads_git_and_yaml_only(served: Path) -> None:
    """A pull request's plan imports neither pydantic nor numpy, although a model changed."""
    git(served, "switch", "-q", "-c", "change")
    edit(served, "models/churn/model.yaml", "seed: 1", "seed: 2")
    commit_all(served)
    told = ok(process_without(f"{HEAVY},pydantic", served, "plan", "--base", "main"))
    assert (told.out, told.err) == ("churn  train       what is trained changed since the base\n", "")


@pytest.mark.parametrize("args", [["plan"], ["status"], ["history", "churn"], ["promote", "churn", "--to", "staging"]])
def test_reading_the_ledger_imports_nothing_that_computes(served: Path, args: list[str]) -> None:
    """What serves, and that it serves already, is known from git alone."""
    ok(process_without(HEAVY, served, *args))
