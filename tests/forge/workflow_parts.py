"""The workflows of a repository under test: the shipped one that publishes, and one that stands for the judging job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from release.artifact import judgement

if TYPE_CHECKING:
    from release.artifact.judgement import Submission

ROOT = Path(__file__).parents[2]
_INSTALL = '"$RUNNER_TEMP/release/bin/pip" install --quiet -r .github/release-requirements.txt'
_PROJECT = b"""\
tool: "==0.1.*"
deploy: {repository: ., branch: deploy}
environments: [{name: staging, namespace: models}]
"""


def files() -> dict[str, bytes]:
    """Return a repository with one model, the publishing workflow as it is shipped, and a job whose verdict is a file."""
    shipped = (ROOT / ".github/workflows/release-publish.yml").read_text()
    assert _INSTALL in shipped
    # What is installed from where is not this test's business, and would take a minute.
    linked = f'ln -sf {Path(sys.executable).parent}/release "$RUNNER_TEMP/release/bin/release"'
    return {
        ".github/workflows/release-publish.yml": shipped.replace(_INSTALL, linked).encode(),
        ".github/workflows/release.yml": _JUDGE.encode(),
        "release.yaml": _PROJECT,
        "models/churn/model.yaml": b"task: binary\n",
    }


def verdict_file(submission: Submission) -> dict[str, bytes]:
    """Return the file that makes the judging job print this record."""
    return {"record.txt": judgement.to_log(submission).encode() + b"\n"}


_JUDGE = """\
name: release
on:
  pull_request:
permissions:
  contents: read
jobs:
  verdict:
    name: release / verdict
    runs-on: ubuntu-latest
    env:
      REPOSITORY: ${{ github.server_url }}/${{ github.repository }}
      REVISION: ${{ github.sha }}
      TOKEN: ${{ github.token }}
    steps:
      - run: |
          git init --quiet .
          secret=$(printf 'x-access-token:%s' "$TOKEN" | base64 | tr -d '\\n')
          git -c http.extraHeader="Authorization: Basic $secret" fetch --quiet --no-tags "$REPOSITORY" "$REVISION"
          git checkout --quiet --detach FETCH_HEAD
      - run: cat record.txt
      - run: test ! -e fails
"""
