"""`release dry-run`: everything that would happen, on a laptop, with `.release/` the only place that is written to."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from cli_running import NO_RUNTIME, NOT_INDEXED, commit_all, edit, files, here, ok, process
from support.git import git

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "models/churn/model.yaml"
STAGES = ["check", "train", "evaluate", "gate", "package", "report"]


def test_a_first_run_shows_everything_and_changes_nothing(shop: Path) -> None:
    """Verdict, numbers, digests and the exact change are shown; tree and git folder stay as they were, byte for byte."""
    shutil.rmtree(shop / ".release")
    before = files(shop)
    told = ok(process(shop, "dry-run", "churn"))
    assert files(shop, without=".release") == before
    assert told.err == f"{NOT_INDEXED}\n{NO_RUNTIME}\n"
    assert told.out.startswith("churn: PASS\n  PASS: churn may be released for the first time; it clears its floors.\n")
    assert re.search(r"^  roc_auc +- +0\.9\d{3}$", told.out, re.MULTILINE)
    assert re.search(r"^  model   sha256:[0-9a-f]{64}$", told.out, re.MULTILINE)
    assert re.search(r"^  image   embedded\.invalid/churn@sha256:[0-9a-f]{64}$", told.out, re.MULTILINE)
    assert "  a promotion to staging would commit to deploy:\n" in told.out
    assert '+  version: "v1"  # release\n' in told.out


def test_in_a_repository_without_a_commit_it_is_the_same(shop: Path, tmp_path: Path) -> None:
    """The first thing people do after `init` works before they have committed anything, and leaves git alone."""
    fresh = tmp_path / "fresh"
    shutil.copytree(shop, fresh, ignore=shutil.ignore_patterns(".git", ".release"))
    git(fresh, "init", "-q", "-b", "main")
    before = files(fresh)
    told = ok(here(fresh, "dry-run", "churn"))
    assert files(fresh, without=".release") == before
    assert told.err.startswith("uncommitted: charts/model/")
    assert told.out.startswith("churn: PASS\n")
    assert git(fresh, "rev-parse", "--verify", "-q", "HEAD", check=False) == ""


def test_a_second_run_reuses_every_stage_and_says_so(shop: Path) -> None:
    """On an unchanged commit each of the six stages is looked up by digest, and the documents are equal."""
    first, second = (ok(here(shop, "dry-run", "churn", "--json")) for _ in range(2))
    assert [line.split()[1] for line in second.err.splitlines() if " reused, same inputs (" in line] == STAGES
    assert second.document == first.document


def test_the_shown_change_is_the_change(shop: Path) -> None:
    """`promotion.diff` applied by git to an empty tree is what `promote` then commits."""
    document = ok(here(shop, "dry-run", "churn", "--json")).document
    diff = shop / ".release/reports/churn/promotion.diff"
    assert document["models"][0]["promotion"]["diff"] == diff.read_text()
    ok(here(shop, "promote", "churn", "--to", "staging"))
    made = git(shop, "rev-parse", "deploy^{tree}")
    git(shop, "switch", "-q", "--orphan", "by-hand")
    git(shop, "apply", "--index", str(diff))
    assert git(shop, "write-tree") == made


def test_what_was_rehearsed_uncommitted_is_known_once_committed(shop: Path) -> None:
    """The digests depend on what the files say, not on the commit: a committed proposal costs nothing more."""
    edit(shop, MODEL, "seed: 1", "seed: 2")
    rehearsed = ok(here(shop, "dry-run", "churn", "--json"))
    assert rehearsed.err.startswith(f"uncommitted: {MODEL}; ")
    commit_all(shop)
    committed = ok(here(shop, "dry-run", "churn", "--json"))
    assert "uncommitted" not in committed.err
    assert [line.split()[1] for line in committed.err.splitlines() if " reused, " in line] == STAGES
    one, two = (done.document["models"][0] for done in (rehearsed, committed))
    assert one["package"] == two["package"]
    assert one["verdict"]["challenger"] == two["verdict"]["challenger"]


def test_another_environments_change_can_be_asked_for(shop: Path) -> None:
    """`--to production` shows that environment's values, though staging has verified nothing yet."""
    told = ok(here(shop, "dry-run", "churn", "--to", "production"))
    assert "  a promotion to production would commit to deploy:\n" in told.out
    assert "diff --git a/charts/environments/production/churn.yaml" in told.out


def test_nothing_due_is_nothing_to_do(served: Path) -> None:
    """After everything was promoted a dry-run has nothing to show, and succeeds."""
    assert ok(here(served, "dry-run")).out == "nothing to release\n"
    assert ok(here(served, "dry-run", "--json")).document == {"models": []}


def test_what_serves_already_would_change_nothing(served: Path) -> None:
    """A model that is named though it is not due says that its promotion would be empty."""
    told = ok(here(served, "dry-run", "churn"))
    assert told.out.rstrip().endswith("staging serves this release already: a promotion would change nothing")
