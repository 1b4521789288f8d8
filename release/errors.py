"""The errors a user can meet, one class per documented exit code.

Every message states the fact, then the remedy: `error: WHERE: WHAT; FIX`. Nothing here formats tracebacks, prints or exits:
that is the business of the one error boundary in `release.cli.boundary`.
"""

from __future__ import annotations


class ReleaseError(Exception):
    """Something a user can act on.

    `what` is the fact, `where` the file, line or address it concerns (may be empty), `fix` what to do about it (may be
    empty). `str(error)` is the one line that a terminal shows after `error: `.
    """

    code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        """Keep the three parts apart, so that `--json` can print them apart."""
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what, where, fix)

    def __str__(self) -> str:
        """Join the parts into one line."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        line = f"{head}; {self.fix}" if self.fix else head
        # What a file says ends up here: no escape sequence of its may reach a terminal.
        return "".join(
            character if character.isprintable() else ascii(character)[1:-1] for character in " ".join(line.split())
        )


class BadInputError(ReleaseError):
    """What people wrote cannot be used: configuration, options, data files."""

    code = 2


class SecurityRefusalError(ReleaseError):
    """Something that must not be trusted: a path that escapes, a forged artifact, a broken ledger chain."""

    code = 3


class GateFailedError(ReleaseError):
    """The verdict is FAIL or INVALID, or a policy forbids the promotion."""

    code = 4


class EnvironmentTroubleError(ReleaseError):
    """Network, disk, registry or remote trouble: worth running again."""

    code = 5


class OutOfReachError(EnvironmentTroubleError):
    """Nobody answers: whatever else is asked there now will not be answered either."""


class ConflictError(ReleaseError):
    """The world moved on: a newer commit serves, or somebody else's change is in the way."""

    code = 6


class InconclusiveError(ReleaseError):
    """The evidence does not suffice either way."""

    code = 7
