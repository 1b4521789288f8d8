"""Tables of simulated cells as Markdown: shares with their Monte-Carlo error, and a note of every share that is too high.

What is simulated is plan.py's choice; nothing is simulated here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from characteristics.cells import error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from characteristics.cells import Cell, Found

SURE = 3
"""A share is too high when it lies above what is promised by more than so many Monte-Carlo errors."""

EXACTLY = 0.1
"""Where probabilities are added up, by more than this share of what is promised: counts are coarse."""


@dataclass(frozen=True)
class Column:
    """One column: its heading, which of a row's cells it reads, and how.

    A `promised` share is marked when it is too high.
    """

    heading: str
    read: Callable[[Sequence[Found]], str | Share]


@dataclass(frozen=True)
class Share:
    """So many of so many draws (0: added up exactly, `count` being the probability), and what was promised at most."""

    count: float
    draws: float
    promised: float | None = None

    @property
    def value(self) -> float:
        """The share itself."""
        return self.count / self.draws if self.draws else self.count

    @property
    def beyond(self) -> bool:
        """Whether it lies above what was promised by more than chance explains."""
        if self.promised is None:
            return False
        room = SURE * error(self.promised, self.draws) if self.draws else EXACTLY * self.promised
        return self.value > self.promised + room

    def __str__(self) -> str:
        """Write it as people read it, with its error, in bold when it is beyond."""
        text = decimal(self.value)
        if self.draws:
            text += f" ± {decimal(error(self.value, self.draws))}"
        return f"**{text}**" if self.beyond else text


@dataclass(frozen=True)
class Table:
    """One table: a title, what it is about, headings of the labels, columns, and rows of labels and cells."""

    title: str
    about: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Cell, ...]], ...]
    after: str = ""

    def cells(self) -> Iterator[Cell]:
        """Return everything that must be simulated for it."""
        for _, row in self.rows:
            yield from row

    def lines(self, results: Mapping[Cell, Found], beyond: list[Beyond]) -> Iterator[str]:
        """Write it, adding what is too high to `beyond`."""
        yield from (f"### {self.title}", "", self.about.strip(), "")
        yield f"| {' | '.join([*self.labels, *(column.heading for column in self.columns)])} |"
        yield "|" + "---|" * (len(self.labels) + len(self.columns))
        for labels, row in self.rows:
            found = [results[cell] for cell in row]
            shown = []
            for column in self.columns:
                value = column.read(found)
                if isinstance(value, Share) and value.beyond:
                    beyond.append(Beyond(self.title, labels, column.heading, value))
                shown.append(str(value))
            yield f"| {' | '.join([*labels, *shown])} |"
        if self.after:
            yield from ("", self.after.strip())
        yield ""


@dataclass(frozen=True)
class Beyond:
    """A share that is too high: where it stands."""

    table: str
    labels: tuple[str, ...]
    column: str
    share: Share


@dataclass(frozen=True)
class Section:
    """A heading, prose, and tables."""

    heading: str
    prose: str = ""
    tables: tuple[Table, ...] = field(default_factory=tuple)


def decimal(value: float) -> str:
    """Write a share with three digits and no zero before the point."""
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text


def share(heading: str, key: str, *, cell: int = 0, promised: float | None = None) -> Column:
    """Show one count of one cell as a share of its draws."""
    return Column(heading, lambda found: Share(found[cell][key], found[cell].get("draws", 0), promised))


def draws() -> Column:
    """Show how often each cell of the row was drawn."""
    return Column("draws", lambda found: " / ".join(dict.fromkeys(f"{one['draws']:,.0f}" for one in found)))


def refused() -> Column:
    """Show the largest share of draws that was not judged, over the row's cells."""
    return Column("refused", lambda found: decimal(max(one["refused"] / one["draws"] for one in found)))


def judged_by() -> Column:
    """Show which methods judged the row's cells."""

    def read(found: Sequence[Found]) -> str:
        counted: Counter[str] = Counter()
        for one in found:
            counted.update({key[7:]: int(value) for key, value in one.items() if key.startswith("method ")})
        total = sum(counted.values())
        often = [
            name for name, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])) if 50 * count >= total
        ]
        return ", ".join(often)

    return Column("judged by", read)
