"""A loopback load of new connections on a Service, of which every answer is kept with its time.

Kept-alive connections would stick to one pod; new ones are spread over canary and stable pods as their numbers are.
"""

from __future__ import annotations

import csv
import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_THREADS = 4
_KNOWN = 30.0


def bodies(rows: Path, without: frozenset[str]) -> list[bytes]:
    """Return the body of a V2 request for each row of a CSV file of numbers, without some columns, in no order.

    In the file's order the first minutes of traffic would be of another kind than the next ones.
    """
    with rows.open(newline="") as file:
        found = list(csv.DictReader(file))
    random.Random(1).shuffle(found)
    return [
        json.dumps(
            {
                "inputs": [
                    {"name": name, "datatype": "FP64", "shape": [1], "data": [float(value)]}
                    for name, value in row.items()
                    if name not in without
                ]
            }
        ).encode()
        for row in found
    ]


@dataclass
class Load:
    """Requests to one address, `rate` a second while it is on; `answers` are (seconds on the monotonic clock, what came)."""

    host: str
    path: str
    bodies: list[bytes]
    rate: float
    answers: list[tuple[float, str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    on: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Begin to send, once the first pods are known to the nodes, who learn of a new Service after their readiness."""
        end = time.monotonic() + _KNOWN
        while (answer := self._ask(self.bodies[0])) != "200":
            assert time.monotonic() < end, f"{self.host} does not answer: {answer}"
            time.sleep(0.2)
        self.on.set()
        self.threads = [threading.Thread(target=self._send, args=(start,)) for start in range(_THREADS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait for what is in flight."""
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def since(self, start: float) -> Counter[str]:
        """Count what was answered since a time."""
        return Counter(what for at, what in self.answers[:] if at >= start)

    def _send(self, start: int) -> None:
        number = start * len(self.bodies) // _THREADS
        while not self.stopped.wait(_THREADS / self.rate):
            if not self.on.is_set():
                continue
            number += 1
            self.answers.append((time.monotonic(), self._ask(self.bodies[number % len(self.bodies)])))

    def _ask(self, body: bytes) -> str:
        connection = http.client.HTTPConnection(self.host, 80, timeout=20)
        try:
            connection.request("POST", self.path, body, {"Connection": "close", "Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        else:
            return str(answer.status)
        finally:
            connection.close()
