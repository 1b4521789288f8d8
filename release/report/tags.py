"""The few HTML elements that the report repeats: tables that scroll by themselves, lists and definitions.

Arguments named `*_html` are markup and taken as they are; everything else is escaped here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.escape import attribute

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def table(caption: str, heads: Sequence[str], body_html: str, *, numeric: Collection[str] = ()) -> str:
    """Return a table with a caption and column headers; those in `numeric` are set to the right."""
    names = "".join(f'<th scope="col"{NUMERIC if head in numeric else ""}>{attribute(head)}</th>' for head in heads)
    return scroll(
        caption, f"<table><caption>{attribute(caption)}</caption><thead><tr>{names}</tr></thead>{body_html}</table>"
    )


NUMERIC = ' class="n"'


def row(head: str, cells: Sequence[str], *, numeric: bool = True) -> str:
    """Return a table row with a row header."""
    style = NUMERIC if numeric else ""
    return (
        f'<tr><th scope="row">{attribute(head)}</th>' + "".join(f"<td{style}>{attribute(c)}</td>" for c in cells) + "</tr>"
    )


def scroll(name: str, table_html: str) -> str:
    """Wrap a wide table so that it scrolls by itself, also by keyboard, and the page does not."""
    return f'<div class="scroll" role="group" tabindex="0" aria-label="{attribute(name)}">{table_html}</div>'


def pre(name: str, lines_html: str) -> str:
    """Return lines that keep their layout, in a box that scrolls by itself, also by keyboard."""
    return f'<pre role="group" tabindex="0" aria-label="{attribute(name)}"><code>{lines_html}</code></pre>'


def folded(summary: str, body_html: str) -> str:
    """Return what opens on request."""
    return f"<details><summary>{attribute(summary)}</summary>{body_html}</details>" if body_html else ""


def items(lines: Sequence[str]) -> str:
    """Return a bulleted list."""
    return "<ul>" + "".join(f"<li>{attribute(line)}</li>" for line in lines) + "</ul>" if lines else ""


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """Return terms with what they mean or are."""
    return "<dl>" + "".join(f"<dt>{attribute(n)}</dt><dd>{attribute(v)}</dd>" for n, v in pairs) + "</dl>" if pairs else ""
