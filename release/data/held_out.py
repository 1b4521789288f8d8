"""The held-out rows as several stages of one process need them: read and checked once, as long as the file is the same.

Every stage reads the file, for it must be able to run alone; what its bytes and its contract make of it is remembered by
the bytes' digest. What is wrong with a file is not remembered. Where the rows come from is not decided here.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.data import tables
from release.data.contract import Table, conform
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from release.config.model import DataSpec
    from release.data.target import Task

_MOST = 1
"""How many files are kept: a release is of one model at a time, and its rows may be many."""
_KNOWN: OrderedDict[tuple[object, ...], Table] = OrderedDict()


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """A table that nobody may change, and the digest of the file that holds it."""

    table: Table
    digest: Digest


def held_out(path: Path, data: DataSpec, task: Task, *, where: str, classes: Sequence[str] | None = None) -> HeldOut:
    """Read a file of held-out rows and check it against its contract. Raises what `tables.read` and `conform` raise."""
    content, suffix = tables.content(path, where=where)
    digest = Digest("sha256:" + hashlib.sha256(content).hexdigest())
    key = (digest, suffix, data.model_dump_json(), task, tuple(classes or ()))
    table = _KNOWN.get(key)
    if table is None:
        table = conform(tables.parsed(content, suffix, where=where), data, task, where=where, classes=classes or None)
        _KNOWN[key] = table
        while len(_KNOWN) > _MOST:
            _KNOWN.popitem(last=False)
    return HeldOut(table=table, digest=digest)
