"""Stopping without losing a request: told to stop, a server first says so, goes on answering, and only then closes.

A connection that is kept alive would otherwise be cut under a client that is just about to reuse it.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Drain:
    """Delays the server's own signal handlers by some seconds, during which `draining` is true."""

    def __init__(self, seconds: float) -> None:
        """Take how long to go on answering."""
        self.draining = False
        self._seconds = seconds

    def install(self) -> None:
        """Put itself before the handlers that are installed. To be called in the event loop, in the main thread."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            stop = signal.getsignal(number)

            def drain(received: int, frame: Any, stop: Any = stop) -> None:
                if self.draining:  # told twice: now
                    stop(received, frame)
                    return
                self.draining = True
                # A handler interrupts whatever runs: only this call is safe to make from it.
                loop.call_soon_threadsafe(lambda: loop.call_later(self._seconds, stop, received, None))

            signal.signal(number, drain)
