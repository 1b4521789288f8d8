"""Unified diffs in git's own format, so that what a dry-run shows can be given to `git apply`.

Pure text: no git is asked, and nothing here knows what the files mean.
"""

from __future__ import annotations

import difflib
import hashlib

_CONTEXT = 3
_MODE = "100644"


def unified(path: str, old: bytes | None, new: bytes) -> str:
    """Return the diff that takes a file from `old` (None: not there) to `new`, empty when they are equal.

    Line ends and a missing last one are kept. What is not UTF-8 is only named, as `git diff` does without `--binary`.
    """
    if old == new:
        return ""
    before, after = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    names = f"{_blob(old)}..{_blob(new)}"
    head = f"diff --git {before} {after}\n"
    head += f"new file mode {_MODE}\nindex {names}\n" if old is None else f"index {names} {_MODE}\n"
    source = "/dev/null" if old is None else before
    texts = _text(old or b""), _text(new)
    if texts[0] is None or texts[1] is None:
        return f"{head}Binary files {source} and {after} differ\n"
    body = _hunks(_lines(texts[0]), _lines(texts[1]))
    return f"{head}--- {_named(source)}\n+++ {_named(after)}\n{body}" if body else head


def _hunks(old: list[str], new: list[str]) -> str:
    """Return the hunks. What is equal at both ends is set aside first: ledgers only grow, and may be long."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    start, end = max(start - _CONTEXT, 0), max(end - _CONTEXT, 0)
    groups = difflib.SequenceMatcher(
        None, old[start : len(old) - end], new[start : len(new) - end], autojunk=False
    ).get_grouped_opcodes(_CONTEXT)
    return "".join(_hunk(group, old, new, start) for group in groups)


def _hunk(group: list[tuple[str, int, int, int, int]], old: list[str], new: list[str], start: int) -> str:
    first, last = group[0], group[-1]
    spans = _span(first[1] + start, last[2] + start), _span(first[3] + start, last[4] + start)
    shown = [f"@@ -{spans[0]} +{spans[1]} @@\n"]
    for tag, i1, i2, j1, j2 in group:
        if tag == "equal":
            shown += [_line(" ", line) for line in old[start + i1 : start + i2]]
            continue
        shown += [_line("-", line) for line in old[start + i1 : start + i2]]
        shown += [_line("+", line) for line in new[start + j1 : start + j2]]
    return "".join(shown)


def _span(first: int, end: int) -> str:
    """Write a range of lines: counted from 1, except that an empty range names the line before it."""
    length = end - first
    if length == 1:
        return str(first + 1)
    return f"{first + 1 if length else first},{length}"


def _line(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    # Only the line feed ends a line in a diff; str.splitlines would also split at form feeds and the like.
    return [line + "\n" for line in text.split("\n")[:-1]] + ([last] if (last := text.rsplit("\n", 1)[-1]) else [])


def _text(content: bytes) -> str | None:
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def _blob(content: bytes | None) -> str:
    """Return the abbreviated name that git gives a blob."""
    if content is None:
        return "0" * 7
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()[:7]


def _named(path: str) -> str:
    # Without the tab, programs that read diffs take what follows a space for a date.
    return f"{path}\t" if " " in path and not path.startswith('"') else path


def _quoted(path: str) -> str:
    """Quote a path as git does with core.quotepath off: only for quotes, backslashes and control characters."""
    if not any(character in '"\\' or ord(character) < ord(" ") for character in path):
        return path
    escapes = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    return '"' + "".join(escapes.get(c, c if ord(c) >= ord(" ") else f"\\{ord(c):03o}") for c in path) + '"'
