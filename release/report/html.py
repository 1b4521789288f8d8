"""The full report as one HTML file that needs nothing but itself: no network, no script, styles and charts inline.

Its content security policy allows the one style sheet it carries, by digest, and nothing else. Every text that is not
written here goes through `release.report.escape.attribute`.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from release.artifact.manifest_change import UNKNOWN, Manifests
from release.report import deployed, differing, gatefigures, inspecting, recipes
from release.report.cells import MARKS
from release.report.escape import attribute, slug
from release.report.facts import ENVIRONMENT, looked, provenance, scalars
from release.report.figures import figures
from release.report.format import count, number, plain
from release.report.notes import glossary, notes
from release.report.requirements import KINDS, requirements
from release.report.style import sheet
from release.report.tags import definitions, items, pre, row, table
from release.report.withheld import withheld
from release.report.words import headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import (
        EvaluateRecord,
        InspectRecord,
        PackageRecord,
        RecipeRecord,
        TrainRecord,
        VerdictRecord,
    )
    from release.report.curves import Curves
    from release.report.disagreement import Disagreement


def render(
    train: TrainRecord,
    evaluate: EvaluateRecord | None,
    verdict: VerdictRecord,
    *,
    curves: Curves | None = None,
    differ: Disagreement | None = None,
    package: PackageRecord | None = None,
    changes: Sequence[str] = (),
    manifests: Manifests = UNKNOWN,
    inspected: InspectRecord | None = None,
    recipe: RecipeRecord | None = None,
) -> str:
    """Render a verdict as one HTML document.

    `curves` holds the predictions to draw, None leaves the charts out; `differ` says where the models differ, `manifests`
    what would be deployed, `inspected` what explains the models, `recipe` how the recipes compare. Where the gate withholds
    numbers nothing is drawn or listed that was computed from the test rows.
    """
    hidden = withheld(verdict)
    style = sheet()
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    model = plain(verdict.model or "comparison", limit=60)
    title = attribute(f"{verdict.verdict.value}: {model}")
    seen = _from_test_rows(evaluate, verdict, curves, differ, inspected) if hidden is None else _hidden(verdict, hidden)
    sections = [
        *seen,
        ("What changed", inspecting.changed(changes, inspected)),
        (deployed.TITLE, deployed.html(manifests)),
        ("How much data the recipe needs", inspecting.learning(inspected)),
        ("The recipe, apart from this model", recipes.html(recipe)),
        ("Remarks", items(inspected.notes) if inspected else ""),
        ("What the words mean", definitions(glossary(verdict))),
        ("Where this comes from", _provenance(train, evaluate, verdict, package)),
        (ENVIRONMENT, definitions(scalars(train.versions))),
    ]
    parts = [(f"s{i}", name, body) for i, (name, body) in enumerate(sections) if body]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n{_header(evaluate, verdict, model)}\n"
        + _contents([(name, text) for name, text, _ in parts])
        + "\n<main>\n"
        + "\n".join(_section(*part) for part in parts)
        + f"\n</main>\n{_footer(train)}\n</body>\n</html>\n"
    )


def _from_test_rows(
    evaluate: EvaluateRecord | None,
    verdict: VerdictRecord,
    curves: Curves | None,
    differ: Disagreement | None,
    inspected: InspectRecord | None,
) -> list[tuple[str, str]]:
    """Return what was computed from the test rows: judged, drawn, compared row by row, and measured for orientation."""
    return [
        ("Requirements", requirements(verdict)),
        ("The difference that leads", gatefigures.differences(verdict)),
        ("Intervals", gatefigures.forest(verdict)),
        ("Slices", gatefigures.slices(verdict)),
        ("Predictions on the test rows", figures(curves) if curves is not None else ""),
        ("Where the models differ", differing.html(differ)),
        ("What the models look at", inspecting.importance(inspected)),
        ("All metrics on the test rows", _metrics(evaluate)),
    ]


def _hidden(verdict: VerdictRecord, why: str) -> list[tuple[str, str]]:
    """Return what may be shown in their place."""
    return [("Requirements", requirements(verdict)), ("Numbers", f"<p>{attribute(why)}</p>")]


def _contents(sections: Sequence[tuple[str, str]]) -> str:
    links = "".join(f'<li><a href="#{name}">{attribute(text)}</a></li>' for name, text in sections)
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'


def _section(name: str, title: str, body_html: str) -> str:
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{attribute(title)}</h2>\n{body_html}\n</section>'


def _header(evaluate: EvaluateRecord | None, verdict: VerdictRecord, model: str) -> str:
    word, kind = verdict.verdict.value, KINDS[verdict.verdict]
    rows = f"{count(evaluate.rows)} test rows" if evaluate else "No test rows scored"
    looks = looked(verdict)
    # The badge has said the word already; a model's name keeps its own first letter.
    sentence = headline(verdict).removeprefix(f"{word}: ")
    sentence = sentence if sentence.startswith(model) else sentence[:1].upper() + sentence[1:]
    said = "".join(f"<li>{attribute(note)}</li>" for note in (*notes(verdict), *(evaluate.notes if evaluate else ())))
    return (
        f'<header><h1><span class="badge {kind}">{MARKS[verdict.verdict]} {word}</span> {attribute(model)}</h1>'
        f'<p class="lead">{attribute(sentence, limit=1200)}</p>'
        f'<p class="muted">{rows}, {looks}.</p><ul>{said}</ul></header>'
    )


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
    shown = [group for group in groups if group.title != ENVIRONMENT]
    return "".join(f"<h3>{attribute(group.title)}</h3>{definitions(group.facts)}" for group in shown)


def _footer(train: TrainRecord) -> str:
    # Two slugs: nothing here needs escaping, and nothing here can be a second command.
    commands = f"git checkout {slug(train.commit)}\nrelease dry-run {slug(train.model)}"
    return f"<footer><h2>See it again</h2>{pre('Commands', commands)}</footer>"
