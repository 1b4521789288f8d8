"""A TCP relay in front of a server, for tests: what is behind it can be taken away and given back, connections and all."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class Relay:
    """Forwards connections to `target` (host, port) until it is cut; listens on every interface, on one port throughout."""

    def __init__(self, target: tuple[str, int]) -> None:
        """Find a free port; nothing is forwarded before the context is entered."""
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0

    def __enter__(self) -> Self:
        """Forward."""
        self.restore()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.cut()

    def restore(self) -> None:
        """Forward from now on."""
        self._listener = socket.create_server(("0.0.0.0", self.port))  # noqa: S104 (pods reach it, too)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            open_now, self._open = self._open, set()
        for one in open_now:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, timeout=30)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            threading.Thread(target=self._join, args=(near, far), daemon=True).start()

    def _join(self, near: socket.socket, far: socket.socket) -> None:
        with near, far:
            with self._lock:
                self._open |= {near, far}
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()
            with self._lock:
                self._open -= {near, far}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            sink.sendall(content)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
