"""Takes the model's layer of every new image out of a registry, so that nodes cannot pull what a release names."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import Self

import requests

_SECONDS = 30
_EVERY = 0.1
_ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"}


@dataclass
class Thief:
    """Watches one repository while the block lasts; `taken` are the digests of the layers that are gone."""

    registry: str
    repository: str
    taken: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Begin to watch."""
        host, _, prefix = self.registry.partition("/")
        self._url = f"http://{host}/v2/{prefix}/{self.repository}"
        self._known = self._tags()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no more."""
        self.over.set()
        self._thread.join()

    def _tags(self) -> set[str]:
        return set(requests.get(f"{self._url}/tags/list", timeout=_SECONDS).json().get("tags") or [])

    def _watch(self) -> None:
        while not self.over.wait(_EVERY):
            with contextlib.suppress(requests.RequestException):
                for tag in self._tags() - self._known:
                    self._take(tag)
                    self._known.add(tag)

    def _take(self, tag: str) -> None:
        manifest = requests.get(f"{self._url}/manifests/{tag}", headers=_ACCEPT, timeout=_SECONDS).json()
        layer = manifest["layers"][-1]["digest"]
        answer = requests.delete(f"{self._url}/blobs/{layer}", timeout=_SECONDS)
        answer.raise_for_status()
        self.taken.append(layer)
