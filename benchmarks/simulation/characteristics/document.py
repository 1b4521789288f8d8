"""The published document: sections, tables, claims and what is beyond its promise, as one Markdown text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from characteristics import prose
from characteristics.claims import claims
from characteristics.plan import sections
from characteristics.tables import SURE, Beyond, Share, decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from characteristics.cells import Cell, Found
    from characteristics.effort import Effort

_CHANCE = 0.00135  # of a share lying so many errors above its promise by chance


def cells(effort: Effort) -> tuple[Cell, ...]:
    """Return every cell of the document once."""
    found = [one for section in sections(effort) for table in section.tables for one in table.cells()]
    found += [one for claim in claims(effort) for one in claim.cells]
    return tuple(dict.fromkeys(found))


def document(effort: Effort, results: Mapping[Cell, Found]) -> str:
    """Write the document from what every cell gave."""
    beyond: list[Beyond] = []
    body = list(_body(effort, results, beyond))
    promised = sum(_promised(effort, results))
    head = prose.HEAD.format(
        effort=effort.name.capitalize(),
        cells=len(results),
        sure=SURE,
        promised=promised,
        chance=f"{promised * _CHANCE:.1f}",
    )
    lines = [*head.splitlines(), "", *_claimed(effort, results), *body, *_listed(beyond)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _body(effort: Effort, results: Mapping[Cell, Found], beyond: list[Beyond]) -> Iterator[str]:
    for section in sections(effort):
        yield from (f"## {section.heading}", "", *section.prose.splitlines(), "")
        for table in section.tables:
            yield from table.lines(results, beyond)


def _promised(effort: Effort, results: Mapping[Cell, Found]) -> Iterator[int]:
    for section in sections(effort):
        for table in section.tables:
            for _, row in table.rows:
                read = (column.read([results[cell] for cell in row]) for column in table.columns)
                yield sum(isinstance(one, Share) and one.promised is not None for one in read)


def _claimed(effort: Effort, results: Mapping[Cell, Found]) -> Iterator[str]:
    yield from ("## Claimed and found", "", *prose.CLAIMS.splitlines(), "")
    yield from ("| what | claimed | found |", "|---|---|---|")
    for claim in claims(effort):
        yield f"| {claim.what} | {claim.claimed} | {claim.found([results[one] for one in claim.cells])} |"
    yield ""


def _listed(beyond: list[Beyond]) -> Iterator[str]:
    yield from ("## Beyond what is promised", "")
    if not beyond:
        yield prose.NONE_BEYOND.format(sure=SURE)
        return
    yield from (*prose.BEYOND.format(sure=SURE).splitlines(), "")
    counted = Counter(one.table for one in beyond)
    yield from (", ".join(f"{name}: {count}" for name, count in sorted(counted.items())) + ".", "")
    yield from ("| table | row | column | found | promised |", "|---|---|---|---|---|")
    for one in beyond:
        promised = decimal(one.share.promised or 0.0)
        yield f"| {one.table} | {', '.join(one.labels)} | {one.column} | {str(one.share).strip('*')} | {promised} |"
