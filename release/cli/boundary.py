"""The one place where errors become a line on standard error and an exit code.

Exit codes: 0 done, 1 a bug, 2 bad input, 3 security refusal, 4 gate failed, 5 environment trouble, 6 conflict,
7 inconclusive, 130 interrupted, 141 nobody reads what is printed. With `--json` the same line is one JSON document on
standard output.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import click

from release.errors import BadInputError, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
BUG = 1
CLOSED_PIPE = 141
"""What shells say of a program that SIGPIPE ended; never 0, which would pass for a PASS."""


def guarded(command: click.Command, arguments: Sequence[str]) -> int:  # noqa: PLR0911 (one return a kind of ending)
    """Run a command and return its exit code; no exception leaves here."""
    asked = {"json": "--json" in arguments}  # `json_option` adds what the environment says
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = command.main(args=list(arguments), prog_name="release", standalone_mode=False, obj=asked)
    except ReleaseError as error:
        return _tell(error, error.code, as_json=asked["json"])
    except click.UsageError as error:
        place = error.ctx.command_path if error.ctx else "release"
        told = BadInputError(error.format_message().rstrip("."), where=place, fix=f"see `{place} --help`")
        return _tell(told, told.code, as_json=asked["json"])
    except (click.Abort, KeyboardInterrupt):
        stopped = ReleaseError("interrupted", fix="running it again goes on where this stopped")
        return _tell(stopped, INTERRUPTED, as_json=asked["json"])
    except click.ClickException as error:
        return _tell(BadInputError(error.format_message()), BadInputError.code, as_json=asked["json"])
    except (BrokenPipeError, SystemExit):
        # Whoever read standard output has gone (SystemExit is click's word for it), perhaps before a verdict's exit code.
        return CLOSED_PIPE
    except Exception as error:  # noqa: BLE001 (the one catch-all: whatever is left is a bug, told in one line)
        return _tell(_bug(error), BUG, as_json=asked["json"])
    return code if isinstance(code, int) else 0


def _tell(error: ReleaseError, code: int, *, as_json: bool) -> int:
    if as_json:
        parts = {"code": code, "where": error.where, "what": error.what, "fix": error.fix}
        click.echo(json.dumps({"error": parts}, ensure_ascii=False))
    click.echo(f"error: {error}", err=True)
    return code


def _bug(error: Exception) -> ReleaseError:
    """Write the traceback to a file, since a terminal line cannot hold it; name the line of code where that fails."""
    import tempfile  # noqa: PLC0415 (only when something went wrong)
    import traceback  # noqa: PLC0415 (as above)

    what = f"this is a bug in release: {type(error).__name__}: {error}"
    try:
        with tempfile.NamedTemporaryFile("w", prefix="release-bug-", suffix=".txt", delete=False) as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        [*_, last] = traceback.extract_tb(error.__traceback__)
        return ReleaseError(what, fix=f"please report it: it happened at {last.filename}:{last.lineno}")
    return ReleaseError(what, fix=f"please report it with {file.name}")


def _interrupt(_signal: int, _frame: Any) -> None:
    raise KeyboardInterrupt
