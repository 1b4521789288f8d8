"""Stopping without losing a request: a server says so, goes on answering, closes its port gently, and only then ends.

Closed as servers close it, a port resets connections that the kernel has made and the server has not yet seen, and one that
is kept alive is cut under a client that is just about to reuse it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LAST_SECONDS = 0.3
"""How long the last connections have to send their request."""


class Drain:
    """Delays the server's own signal handlers by some seconds, during which `draining` is true."""

    def __init__(self, seconds: float, close: Callable[[], None]) -> None:
        """Take how long to go on answering, and what closes the port afterwards."""
        self.draining = False
        self._seconds = seconds
        self._close = close

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

                def close() -> None:
                    self._close()
                    loop.call_later(_LAST_SECONDS, stop, received, None)

                # A handler interrupts whatever runs: only this call is safe to make from it.
                loop.call_soon_threadsafe(lambda: loop.call_later(self._seconds, close))

            signal.signal(number, drain)


def close_gently(servers: Iterable[asyncio.AbstractServer], protocol: Callable[[], asyncio.Protocol]) -> None:
    """Stop listening, and take every connection that was made until then. To be called in the event loop.

    A second handle keeps the port open while the server lets go of it; then nothing but one system call lies between the
    last connection that is taken and the end.
    """
    loop = asyncio.get_running_loop()
    for server in servers:
        handles = [socket.socket(fileno=os.dup(one.fileno())) for one in getattr(server, "sockets", ())]
        server.close()
        for handle in handles:
            handle.settimeout(0)
            with handle:
                for connection in _waiting(handle):
                    connection.settimeout(0)
                    _tasks.add(task := loop.create_task(_serve(loop, protocol, connection)))
                    task.add_done_callback(_tasks.discard)


_tasks: set[asyncio.Task[None]] = set()
"""The loop keeps no task alive."""


def _waiting(handle: socket.socket) -> Iterable[socket.socket]:
    while True:
        try:
            yield handle.accept()[0]
        except OSError:
            return


async def _serve(
    loop: asyncio.AbstractEventLoop, protocol: Callable[[], asyncio.Protocol], connection: socket.socket
) -> None:
    await loop.connect_accepted_socket(protocol, connection)
