"""How commands that judge end: with the worst verdict's exit code, told on standard error after the document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.pipeline import exit_for
from release.errors import GateFailedError, InconclusiveError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from release.records import VerdictRecord


def finish(verdicts: Iterable[VerdictRecord]) -> None:
    """Exit with the code of the worst verdict: FAIL and INVALID (4) before INCONCLUSIVE (7) before PASS (0)."""
    worst: GateFailedError | InconclusiveError | None = None
    for verdict in verdicts:
        try:
            exit_for(verdict)
        except (GateFailedError, InconclusiveError) as error:
            click.echo(f"error: {error}", err=True)
            if worst is None or isinstance(error, GateFailedError):
                worst = error
    if worst is not None:
        click.get_current_context().exit(worst.code)
