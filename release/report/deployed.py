"""What a change does to the manifests, for both forms of the report: words by environment, and the diff, folded.

Rendering manifests and finding the words is done before; everything here is text that somebody else wrote, and escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.escape import attribute, code, fenced, lines, preformatted, prose
from release.report.format import count, listed
from release.report.tags import items, pre

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.artifact.manifest_change import ManifestChange, Manifests

TITLE = "What would be deployed"

_PER_ITEM = 120
"""Bytes of diff, of all environments together, for each item that a list of the comment may have."""
_WORDS = 500
_WIDEST = 20_000
_SIGNS = {"+": "pass", "-": "fail"}


def markdown(manifests: Manifests, most: int) -> list[str]:
    """Return the sections of the comment: a list of words, then a folded diff for each environment; none if unknown.

    `most` is how many items a list may have; diffs are cut in proportion, so that a comment stays within its size.
    """
    if not (manifests.remark or manifests.changes):
        return []
    said = [f"- {code(one.environment, limit=60)}\n{_words(one, most)}" for one in _told(manifests)]
    said += [f"- {prose(line)}" for line in _remarks(manifests)]
    differing = [one for one in manifests.changes if one.diff]
    budget = most * most * _PER_ITEM // 40 // max(len(differing), 1)
    diffs = [_folded(one.environment, _cut(one.diff, budget)) for one in differing]
    return [f"**{TITLE}**\n\n" + "\n".join(said), *diffs]


def html(manifests: Manifests) -> str:
    """Return the body of the report's section: everything, diffs in full; nothing if unknown."""
    body = "".join(f"<p>{attribute(line)}</p>" for line in _remarks(manifests))
    for one in _told(manifests):
        body += f"<h3>{attribute(one.environment)}</h3>{items((*one.words, *one.remarks))}{_pre(one.environment, one.diff)}"
    return body


def _told(manifests: Manifests) -> list[ManifestChange]:
    return [one for one in manifests.changes if one.words or one.remarks or one.diff]


def _remarks(manifests: Manifests) -> list[str]:
    """Say why nothing is shown, and where nothing would change."""
    same = [one.environment for one in manifests.changes if one not in _told(manifests)]
    stays = [f"Nothing changes in the manifests of {listed(same)}."] if same else []
    return [*([manifests.remark] if manifests.remark else []), *stays]


def _words(change: ManifestChange, most: int) -> str:
    shown = [code(word, limit=_WORDS) for word in change.words] + [prose(line, limit=_WORDS) for line in change.remarks]
    more = [f"{count(len(shown) - most)} more are in the full report."] if len(shown) > most else []
    return "\n".join(f"  - {line}" for line in [*shown[:most], *more])


def _folded(environment: str, body: str) -> str:
    return f"<details><summary>Manifests of {code(environment, limit=60)}</summary>\n\n{body}\n\n</details>"


def _cut(diff: str, budget: int) -> str:
    """Set a diff as code, cut at a line so that it takes about `budget` bytes."""
    every = lines(diff)
    kept, used = list[str](), 0
    for line in every:
        used += len(line.encode()) + 1
        if used > budget:
            break
        kept.append(line)
    left = len(every) - len(kept)
    more = f"{count(left)} {'more ' if kept else ''}lines are in the full report." if left else ""
    return "\n\n".join(part for part in (fenced(kept, "diff") if kept else "", more) if part)


def _pre(environment: str, diff: str) -> str:
    if not diff:
        return ""
    shown = pre(f"Manifests of {environment}", _coloured(lines(diff, width=_WIDEST)))
    return f"<details><summary>Manifests</summary>{shown}</details>"


def _coloured(shown: Sequence[str]) -> str:
    """Colour what came and what went; the sign in front says it too."""
    marked = []
    for line in shown:
        kind = None if line.startswith(("+++", "---")) else _SIGNS.get(line[:1])
        text = preformatted(line)
        marked.append(f'<span class="{kind}">{text}</span>' if kind else text)
    return "\n".join(marked)
