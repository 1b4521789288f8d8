"""User text made harmless for the Markdown of GitHub, GitLab and Gitea, and for HTML.

These forges share more than CommonMark: mentions (`@team`), references (`#1`, `!2`, `~label`), bare links, emoji codes
and, on GitLab, commands at the start of a line. A backslash stops the parser but not the filters that run after it, so
marks become character references, and those that filters look for get a zero-width space behind them.
"""

from __future__ import annotations

import html
import re
import unicodedata

from release.report.format import ELLIPSIS, plain

_KEPT = frozenset(" ,;?'\"%()=.:/")
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_GLUE = "&#8203;"
_REFERENCE = frozenset("@#!~$&%^+")


def prose(text: str, *, limit: int = 600) -> str:
    """Escape one line of a sentence: readable punctuation stays, nothing in it is markup, mention, reference or link."""
    line = plain(text, limit=limit)
    return "".join(_mark(line, i) for i in range(len(line)))


def _mark(line: str, i: int) -> str:
    mark, after = line[i], line[i + 1 : i + 2]
    if _harmless(line, i):
        return mark
    # What would make a link needs the break as well: link filters read the decoded text.
    broken = mark in ".:/" or (mark in _REFERENCE and after.strip())
    return f"&#{ord(mark)};{_GLUE if broken else ''}"


def _harmless(line: str, i: int) -> bool:
    mark, before, after = line[i], line[i - 1 : i], line[i + 1 : i + 2]
    if mark.isalnum() or not mark.isascii():
        return True
    if mark in "-_" and before.isalnum() and after.isalnum():
        return True
    return mark in _KEPT and not _starts_something(mark, line[:i], after)


def _starts_something(mark: str, before: str, after: str) -> bool:
    """Say whether kept punctuation would, in this place, start a list, a link, a reference, a command or an emoji code."""
    if mark in ".)" and before.isdigit() and not after.strip():
        return True
    if mark == ".":
        return after.isalpha()
    if mark == ":":
        return bool(after.strip())
    if mark == "%":
        return bool(after) and (after.isalnum() or after == '"')
    return mark in "/=" and not before.strip()


def code(text: str, *, limit: int = 120) -> str:
    """Escape a name or value and set it as code, where forges look for no mentions, references or links."""
    line = plain(text, limit=limit)
    inner = "".join(c if _harmless(line, i) else f"&#{ord(c)};" for i, c in enumerate(line))
    return f"<code>{inner or '(empty)'}</code>"


def slug(text: str | None) -> str:
    """Reduce a name to what may stand in an HTML comment or a command: lower-case letters, digits and inner hyphens."""
    return re.sub(r"[^a-z0-9-]+", "-", plain(text or "", limit=60, ellipsis="").lower()).strip("-")


def attribute(text: str, *, limit: int = 600) -> str:
    """Escape one line of text for HTML content and quoted attributes."""
    return html.escape(plain(text, limit=limit), quote=True)


def lines(text: str, *, width: int = 400) -> list[str]:
    """Return the lines of a text that keeps its layout, spaces included; nothing in them hides, turns or breaks text.

    They are not escaped: `fenced` and `preformatted` are what to put them into.
    """
    every = [line[: width + 1] for line in text.removesuffix("\n").split("\n")]
    kept = ["".join(" " if unicodedata.category(c) in _UNSEEN else c for c in line) for line in every]
    return [line if len(line) <= width else line[: width - len(ELLIPSIS)] + ELLIPSIS for line in kept]


def fenced(shown: list[str], language: str) -> str:
    """Set lines as a block of code in Markdown, by a fence that nothing in them can close."""
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *shown, fence])


def preformatted(line: str) -> str:
    """Escape one of `lines` for HTML, spaces kept."""
    return html.escape(line, quote=True)
