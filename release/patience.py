"""How long to wait for a server, and how often to ask again.

What counts as passing trouble is for whoever speaks to it to say: no protocol is known here. Waits by the function it is
given, so that tests need not.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from release.errors import EnvironmentTroubleError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_FIRST_WAIT = 0.5


class TransientError(Exception):
    """Trouble that may be over in a moment; `wait` is what the server asked for, in seconds."""

    def __init__(self, what: str, wait: float = 0.0) -> None:
        """Say what the server did, as the end of a sentence."""
        super().__init__(what)
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for a server, in seconds, and how often: `timeout` is to connect, and between two reads.

    `sleep` waits, `jitter` returns a number from 0 to 1 that spreads the waits of many clients.
    """

    timeout: tuple[float, float] = (10.0, 60.0)
    attempts: int | None = None
    """None: as many as suit the kind of server."""
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def again(self, attempt: Callable[[], T], *, who: str, where: str, attempts: int, longest: float) -> T:
        """Repeat an attempt while its trouble is transient, with waits that double, and are at most `longest` seconds.

        `who` is the server in words, `where` its address, `attempts` how often unless we were made with a number. Raises
        EnvironmentTroubleError when the trouble stays.
        """
        number, most = 1, self.attempts or attempts
        while True:
            try:
                return attempt()
            except TransientError as trouble:
                if number >= most:
                    raise EnvironmentTroubleError(
                        f"{who} {trouble} ({number} attempts)", where=where, fix="run the command again later"
                    ) from trouble
                backoff = _FIRST_WAIT * 2 ** (number - 1) * (0.5 + self.jitter() / 2)
                self.sleep(min(longest, max(backoff, trouble.wait)))
                number += 1
