"""Errors: one class for each documented exit code, one line for each error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from release import errors
from release.errors import BadInputError, ReleaseError

ROOT = Path(__file__).parents[1]
KINDS = [ReleaseError, *ReleaseError.__subclasses__()]
DOCUMENTED = {
    "ReleaseError": 1,
    "BadInputError": 2,
    "SecurityRefusalError": 3,
    "GateFailedError": 4,
    "EnvironmentTroubleError": 5,
    "ConflictError": 6,
    "InconclusiveError": 7,
}


def test_every_class_has_a_code_of_its_own() -> None:
    """What pipelines branch on; a test, because a table in a document was once wrong."""
    assert {kind.__name__: kind.code for kind in KINDS} == DOCUMENTED
    assert errors.OutOfReachError.code == DOCUMENTED["EnvironmentTroubleError"]  # a case of it, and no other code
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_no_code_is_one_that_a_shell_uses() -> None:
    """0 is done; from 126 on a shell says something of its own."""
    assert all(0 < kind.code < 64 for kind in KINDS)


def test_every_code_is_in_the_readme() -> None:
    """Each number stands there with its meaning."""
    text = " ".join((ROOT / "README.md").read_text().split())
    for words in ("PASS | 0", "FAIL | 4", "INCONCLUSIVE | 7", "INVALID | 4"):
        assert words in text
    others = re.search(r"Other exit codes: ([^.]*)\.", text)
    assert others is not None
    assert dict(re.findall(r"(\d) (a bug|bad input|security refusal|environment trouble|conflict)", others[1])) == {
        "1": "a bug",
        "2": "bad input",
        "3": "security refusal",
        "5": "environment trouble",
        "6": "conflict",
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_one_line_of_fact_and_remedy(kind: type[ReleaseError]) -> None:
    """WHERE: WHAT; FIX, with its parts kept apart for `--json`."""
    error = kind("it is\n  broken", where="models/a:1", fix="mend\tit")
    assert str(error) == "models/a:1: it is broken; mend it"
    assert (error.what, error.where, error.fix) == ("it is\n  broken", "models/a:1", "mend\tit")
    assert isinstance(error, ReleaseError)


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({}, "broken"),
        ({"where": "here"}, "here: broken"),
        ({"fix": "mend it"}, "broken; mend it"),
        ({"where": "here", "fix": "mend it"}, "here: broken; mend it"),
    ],
)
def test_parts_that_are_not_known_leave_no_marks(parts: dict[str, str], line: str) -> None:
    """No empty place, no empty remedy."""
    assert str(BadInputError("broken", **parts)) == line


def test_an_error_keeps_its_cause_and_its_parts_in_a_traceback() -> None:
    """For whoever debugs: `repr` shows everything."""
    assert repr(BadInputError("a", where="b", fix="c")) == "BadInputError('a', 'b', 'c')"
