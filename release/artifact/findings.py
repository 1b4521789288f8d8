"""What a lint of rendered manifests says. Nothing here reads or judges manifests."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """An error must not be deployed; a note is worth knowing."""

    ERROR = "error"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing about one object: `where` is its kind and name, with the part of it that is meant."""

    severity: Severity
    where: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        """Join the parts into one line, as errors are."""
        line = f"{self.severity}: {self.where}: {self.what}"
        return f"{line}; {self.fix}" if self.fix else line


def error(where: str, what: str, fix: str = "") -> Finding:
    """Return what must not be deployed."""
    return Finding(severity=Severity.ERROR, where=where, what=what, fix=fix)


def note(where: str, what: str, fix: str = "") -> Finding:
    """Return what is worth knowing."""
    return Finding(severity=Severity.NOTE, where=where, what=what, fix=fix)
