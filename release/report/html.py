"""The full report as one HTML file that needs nothing but itself: no network, no script, styles and charts inline.

Its content security policy allows the one style sheet it carries, by digest, and nothing else. Every text that is not
written here goes through `release.report.escape.attribute`.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from release.artifact.manifest_change import UNKNOWN, Manifests
from release.records import Verdict
from release.report import deployed
from release.report.cells import MARKS, difference, interval, interval_heading, value, verdict_words
from release.report.escape import attribute, slug
from release.report.facts import provenance
from release.report.figures import figures
from release.report.format import count, number, plain
from release.report.judged import bar, limit
from release.report.notes import glossary, notes
from release.report.plots import About, strip
from release.report.style import sheet
from release.report.tags import definitions, items, row, table
from release.report.words import explanations, headline, requirement, subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Comparison, EvaluateRecord, PackageRecord, TrainRecord, VerdictRecord
    from release.report.curves import Curves

KINDS = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.INCONCLUSIVE: "unsure", Verdict.INVALID: "invalid"}
_GROUPS = (
    ("primary", "Primary"),
    ("guard", "Guards"),
    ("floor", "Floors"),
    ("slice", "Slices"),
    ("latency", "Budgets"),
    ("size", "Budgets"),
)


def render(
    train: TrainRecord,
    evaluate: EvaluateRecord | None,
    verdict: VerdictRecord,
    *,
    curves: Curves | None = None,
    package: PackageRecord | None = None,
    changes: Sequence[str] = (),
    manifests: Manifests = UNKNOWN,
) -> str:
    """Render a verdict as one HTML document.

    `curves` holds the predictions to draw, None leaves the charts out; `manifests` is what would be deployed.
    """
    style = sheet()
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    model = plain(verdict.model or "comparison", limit=60)
    title = attribute(f"{verdict.verdict.value}: {model}")
    sections = [
        _section("Requirements", _table(verdict) + _words(verdict)),
        _section("Intervals", _forest(verdict)),
        _section("What changed", items(changes) if changes else ""),
        _section(deployed.TITLE, deployed.html(manifests)),
        _section("Predictions on the test rows", figures(curves) if curves is not None else ""),
        _section("All metrics on the test rows", _metrics(evaluate)),
        _section("What the words mean", definitions(glossary(verdict))),
        _section("Where this comes from", _provenance(train, evaluate, verdict, package)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n{_header(evaluate, verdict, model)}\n<main>\n"
        + "\n".join(s for s in sections if s)
        + f"\n</main>\n{_footer(train)}\n</body>\n</html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>\n{body}\n</section>" if body else ""


def _header(evaluate: EvaluateRecord | None, verdict: VerdictRecord, model: str) -> str:
    word, kind = verdict.verdict.value, KINDS[verdict.verdict]
    rows = f"{count(evaluate.rows)} test rows" if evaluate else "No test rows scored"
    looks = f"look {count(verdict.test_set.looks)} of {count(verdict.test_set.budget)}"
    # The badge has said the word already; a model's name keeps its own first letter.
    sentence = headline(verdict).removeprefix(f"{word}: ")
    sentence = sentence if sentence.startswith(model) else sentence[:1].upper() + sentence[1:]
    said = "".join(f"<li>{attribute(note)}</li>" for note in (*notes(verdict), *(evaluate.notes if evaluate else ())))
    return (
        f'<header><h1><span class="badge {kind}">{MARKS[verdict.verdict]} {word}</span> {attribute(model)}</h1>'
        f'<p class="lead">{attribute(sentence, limit=1200)}</p>'
        f'<p class="muted">{rows}, {looks}.</p><ul>{said}</ul></header>'
    )


def _grouped(verdict: VerdictRecord) -> list[tuple[str, list[Comparison]]]:
    """Group comparisons by role, in the order people judge them; unknown roles come last under their own name."""
    names = dict(_GROUPS)
    groups: dict[str, list[Comparison]] = {name: [] for _, name in _GROUPS}
    for c in verdict.comparisons:
        groups.setdefault(names.get(c.role, plain(c.role, limit=40).capitalize()), []).append(c)
    return [(name, members) for name, members in groups.items() if members]


def _table(verdict: VerdictRecord) -> str:
    if not verdict.comparisons:
        return ""
    first = verdict.champion is None
    sure = interval_heading(verdict.comparisons)
    numeric = ["Challenger", sure] if first else ["Champion", "Challenger", "Difference", sure]
    heads = ["Requirement", "Verdict", *numeric, "Limit", "Rows"]
    body = ""
    for group, members in _grouped(verdict):
        body += f'<tbody><tr><th scope="colgroup" colspan="{len(heads)}" class="muted">{attribute(group)}</th></tr>'
        body += "".join(_row(c, numeric) for c in members) + "</tbody>"
    alone = "The challenger by itself: there is no champion yet."
    caption = alone if first else "Differences are challenger minus champion, turned so that more is always better."
    return table(caption, heads, body, numeric=(*numeric, "Rows"))


def _row(comparison: Comparison, columns: Sequence[str]) -> str:
    required = attribute(requirement(limit(comparison), comparison.role))
    known = {
        "Champion": value(comparison, comparison.champion),
        "Challenger": value(comparison, comparison.challenger),
        "Difference": difference(comparison),
    }
    numbers = "".join(f'<td class="n">{known.get(column, interval(comparison))}</td>' for column in columns)
    return (
        f'<tr><th scope="row">{attribute(subject(comparison))}</th><td>{_word(comparison)}</td>{numbers}'
        f'<td class="w">{required}</td><td class="n">{count(comparison.n)}</td></tr>'
    )


def _word(comparison: Comparison) -> str:
    said = f"{MARKS[comparison.verdict]} {verdict_words(comparison)}"
    return f'<span class="word {KINDS[comparison.verdict]}">{said}</span>'


def _words(verdict: VerdictRecord) -> str:
    return f"<h3>In words</h3>{items(explanations(verdict))}" if verdict.comparisons else ""


_HOW_TO_READ = (
    "The thick line is the limit; right of it is allowed, and better. The band is the interval: wholly right of the limit, "
    "the requirement holds; across it, the rows cannot tell. The light tail is the stricter end that decides a failure: "
    "band and tail wholly left of the limit. Dashed: no difference. Each row has its own scale."
)


def _forest(verdict: VerdictRecord) -> str:
    if not verdict.comparisons:
        return ""
    rows = "".join(_strip(i, c) for i, c in enumerate(verdict.comparisons))
    return f'<p class="muted">{_HOW_TO_READ}</p><ul class="forest">{rows}</ul>'


def _strip(index: int, comparison: Comparison) -> str:
    name, drawn = subject(comparison), bar(comparison)
    required = requirement(limit(comparison), comparison.role)
    role = "" if comparison.role in ("slice", "floor") else f"{plain(comparison.role, limit=40)}, "
    if drawn is None:
        picture = f'<span class="none muted">Not drawn: {attribute(comparison.reason or "no interval is recorded")}</span>'
    else:
        text = f"{interval(comparison)}, {required}: {comparison.verdict.value}"
        about = About(name=f"i{index}", title=f"Interval of {name}", description=text)
        picture = strip(about, drawn, KINDS[comparison.verdict])
    label = f"<span><b>{attribute(name)}</b><small>{attribute(role + required)}</small></span>"
    return f"<li>{label}{picture}<span>{_word(comparison)}<small>{interval(comparison)}</small></span></li>"


def _metrics(evaluate: EvaluateRecord | None) -> str:
    models = [] if evaluate is None else [m for m in (evaluate.champion, evaluate.challenger) if m is not None]
    names = sorted({name for m in models for name in m.metrics})
    if not names:
        return ""
    heads = ["Champion", "Challenger"][-len(models) :]
    body = "".join(row(name, [number(m.metrics.get(name)) for m in models]) for name in names)
    caption = "Point values without intervals: for orientation, not for judging."
    return table(caption, ["Metric", *heads], f"<tbody>{body}</tbody>", numeric=heads)


def _provenance(
    train: TrainRecord, evaluate: EvaluateRecord | None, verdict: VerdictRecord, package: PackageRecord | None
) -> str:
    groups = provenance(train, evaluate, verdict, package)
    return "".join(f"<h3>{attribute(group.title)}</h3>{definitions(group.facts)}" for group in groups)


def _footer(train: TrainRecord) -> str:
    # Two slugs: nothing here needs escaping, and nothing here can be a second command.
    commands = f"git checkout {slug(train.commit)}\nrelease dry-run {slug(train.model)}"
    return f"<footer><h2>See it again</h2><pre><code>{commands}</code></pre></footer>"
