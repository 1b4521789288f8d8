"""How commands talk: the `--json` option, one document on standard output, progress on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

import click

from release.artifact.serial import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

R = TypeVar("R")


def _remember(context: click.Context, _: click.Parameter, as_json: bool) -> bool:  # noqa: FBT001 (click passes it)
    """Tell the error boundary, which prints errors in the same form, however the option was set."""
    if isinstance(context.obj, dict):
        context.obj["json"] = as_json
    return as_json


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,
    callback=_remember,
    help="One JSON document on standard output, nothing else there.",
)
models_argument = click.argument("models", nargs=-1, metavar="[MODEL]...")


def emit(value: object, text: Callable[[], str], *, as_json: bool) -> None:
    """Print one value: as JSON, or as the text that `text` makes."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=1) if as_json else text().rstrip("\n"))


def show(done: Sequence[R], text: Callable[[R], str], *, one: bool, as_json: bool) -> None:
    """Print what a stage made of each model; where `one` was named, its record alone is the JSON document."""
    emit(done[0] if one else list(done), lambda: "\n".join(map(text, done)) or "nothing to release", as_json=as_json)


class TerminalProgress:
    """Progress on standard error: on a terminal long steps show their elapsed time; elsewhere they are quiet."""

    def __init__(self, stream: Any = None) -> None:
        """Write to `stream`, standard error unless given."""
        self._stream = stream if stream is not None else sys.stderr
        self._live = bool(self._stream.isatty())

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show a long step: what it is, seconds as they pass, and how long it took."""
        if not self._live:
            yield
            return
        import threading  # noqa: PLC0415 (terminals only)

        start, done = time.monotonic(), threading.Event()

        def tick() -> None:
            while not done.wait(0.5):
                self._stream.write(f"\r\x1b[K  … {what} {time.monotonic() - start:.0f} s")
                self._stream.flush()

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        ended = "stopped"
        try:
            yield
            ended = "done"
        finally:
            done.set()
            ticker.join()
            mark = "✓" if ended == "done" else "✗"
            self._stream.write(f"\r\x1b[K  {mark} {what} ({time.monotonic() - start:.1f} s)\n")
            self._stream.flush()

    def note(self, what: str) -> None:
        """Say one line, terminal or not: notes are what a log must keep."""
        click.echo(f"  · {what}" if self._live else what, file=self._stream)
