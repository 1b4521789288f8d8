"""Each stage as a job of its own: separate processes, resumed on another machine, quiet when nobody watches."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from cli_running import DEADLINE, NO_RUNTIME, RELEASE, edit, files, here, ledger, ok, process
from support.git import git

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

REUSED = re.compile(r"churn: (\w+) reused, same inputs \([0-9a-f]{12}\)\Z")


def reused(err: str) -> list[str]:
    """Return the stages that standard error says were looked up; it must say nothing else, but that there is no runtime."""
    found = [REUSED.match(line) for line in err.splitlines() if line != NO_RUNTIME]
    assert all(found), err
    return [one[1] for one in found if one]


def test_the_stages_of_a_release_run_one_process_each(shop: Path) -> None:
    """Train, evaluate, gate, report, package and promote find what the process before them left, and say so."""
    shutil.rmtree(shop / ".release")
    tree = files(shop, without=".release")
    trained = ok(process(shop, "train", "churn", "--json"))
    # Nobody watches: steps are not shown.
    assert trained.err == ""
    digest = trained.document["model_digest"]
    evaluated = ok(process(shop, "evaluate", "churn", "--json"))
    assert reused(evaluated.err) == ["train"]
    assert evaluated.document["challenger"]["model_digest"] == digest
    judged = ok(process(shop, "gate", "churn", "--json"))
    assert reused(judged.err) == ["train", "evaluate"]
    assert (judged.document["verdict"], judged.document["challenger"]) == ("PASS", digest)
    reported = ok(process(shop, "report", "churn", "--json"))
    assert reused(reported.err) == ["train", "evaluate", "gate"]
    assert "PASS" in (shop / ".release/reports/churn/report.md").read_text()
    packaged = ok(process(shop, "package", "churn", "--json"))
    assert reused(packaged.err) == ["train"]
    assert packaged.document["model_digest"] == digest
    assert files(shop, without=".release") == tree
    promoted = ok(process(shop, "promote", "churn", "--to", "staging", "--json"))
    assert promoted.document["release"]["image_digest"] == packaged.document["digest"]
    assert [event["release"]["model_digest"] for event in ledger(shop)] == [digest]


def test_a_job_goes_on_from_what_another_machine_wrote(shop: Path, tmp_path: Path) -> None:
    """`.release/` of one clone, copied into another at the same commit, is taken up there by digest."""
    first, second = tmp_path / "first", tmp_path / "second"
    for clone in (first, second):
        git(tmp_path, "clone", "-q", str(shop), str(clone))
    digest = ok(here(first, "train", "churn", "--json")).document["model_digest"]
    shutil.copytree(first / ".release", second / ".release")
    evaluated = ok(here(second, "evaluate", "churn", "--json"))
    assert reused(evaluated.err) == ["train"]
    assert evaluated.document["challenger"]["model_digest"] == digest
    assert here(first, "gate", "churn").code == 2


def test_a_stage_again_is_free_and_says_the_same(shop: Path) -> None:
    """Running a stage twice looks it up; the documents are equal."""
    for stage in ("train", "evaluate", "gate", "package", "report"):
        one, two = (ok(here(shop, stage, "churn", "--json")) for _ in range(2))
        assert one.document == two.document
        assert reused(two.err)[-1] == stage


def test_damaged_memory_is_made_again(shop: Path) -> None:
    """A blob that no longer has its digest does not count; training again gives the same digest."""
    record = ok(here(shop, "train", "churn", "--json")).document
    blob = shop / ".release/blobs" / record["files"]["model.skops"].removeprefix("sha256:")
    blob.write_bytes(b"damaged")
    again = ok(here(shop, "train", "churn", "--json"))
    assert again.err == ""
    assert again.document["model_digest"] == record["model_digest"]
    assert blob.read_bytes() != b"damaged"


def test_without_names_a_stage_takes_what_is_due(served: Path) -> None:
    """Nothing due is nothing to do; an edit brings that model alone."""
    assert ok(here(served, "train")).out == "nothing to release\n"
    edit(served, "models/spend/model.yaml", "kind: dummy", "kind: ridge")
    git(served, "commit", "-qam", "Change")
    [record] = ok(here(served, "train", "--json")).document
    assert (record["model"], record["estimator"]) == ("spend", "ridge")


def test_reports_are_printed_as_markdown_on_request(shop: Path) -> None:
    """`report --markdown` is what a pull request's comment is made of."""
    told = ok(here(shop, "report", "churn", "--markdown"))
    assert told.out.strip() == (shop / ".release/reports/churn/report.md").read_text().strip()
    page = (shop / ".release/reports/churn/report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert not re.findall(r"(?:src|href)=[\"']?\w+:", page)


def test_on_a_terminal_steps_show_how_long_they_took(shop: Path) -> None:
    """Standard error on a terminal tells each long step and its seconds; standard output stays one document."""
    shutil.rmtree(shop / ".release")
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [RELEASE, "train", "churn", "--json"],
            cwd=shop,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=DEADLINE,
            check=True,
        )
    finally:
        os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        shown = terminal.read(65536).decode()
    assert re.search(r"✓ churn: [^\r\n]+ \(\d+\.\d s\)\r\n", shown), shown
    assert json.loads(done.stdout)["model"] == "churn"
