"""The verdict as one comment on a pull request, for GitHub, GitLab and Gitea alike.

No image, no SVG, no HTML beyond what all three keep. The first line is a hidden marker, so that one comment can be kept up
to date. Everything that people wrote goes through `release.report.escape`; a comment never exceeds `MOST_BYTES`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from release.artifact.manifest_change import UNKNOWN, Manifests
from release.records import Verdict
from release.report import deployed, differing, mermaid, recipes
from release.report.cells import ANCHOR, MARKS, difference, interval, interval_heading, theirs, value, verdict_words
from release.report.escape import code, prose, slug
from release.report.facts import looked, provenance
from release.report.format import count, short
from release.report.judged import limit
from release.report.notes import glossary, notes
from release.report.textplot import draw
from release.report.withheld import withheld
from release.report.words import explanations, headline, requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from release.records import (
        Comparison,
        EvaluateRecord,
        InspectRecord,
        PackageRecord,
        RecipeRecord,
        TrainRecord,
        VerdictRecord,
    )
    from release.report.curves import Curves
    from release.report.disagreement import Disagreement

T = TypeVar("T")

MOST_BYTES = 60_000
"""GitHub refuses comments over 65,536 characters; what posts the comment may add to it."""

_ORDER = {Verdict.INVALID: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2, Verdict.PASS: 3}
_ITEM = 300


def render(
    train: TrainRecord,
    evaluate: EvaluateRecord | None,
    verdict: VerdictRecord,
    *,
    package: PackageRecord | None = None,
    changes: Sequence[str] = (),
    curves: Curves | None = None,
    differ: Disagreement | None = None,
    manifests: Manifests = UNKNOWN,
    inspected: InspectRecord | None = None,
    recipe: RecipeRecord | None = None,
) -> str:
    """Render a verdict as Markdown, at most `MOST_BYTES` bytes of UTF-8.

    `evaluate` is None where nothing was scored (a spent test set), `changes` are lines of words about what differs from the
    champion, `curves` and `inspected` add Mermaid charts, `differ` where the models differ, `recipe` how the recipes
    compare, `manifests` what would be deployed. Lists and diffs are cut, with a note, as far as the size needs it.
    """
    if withheld(verdict):
        curves = differ = None
    facts = provenance(train, evaluate, verdict, package)
    name = code(verdict.model or "comparison", limit=60)
    drawn = mermaid.charts(verdict, curves, _told(verdict, inspected))
    for most in (100, 40, 15, 5):
        sections = [
            f"{marker(verdict.model)}\n## {MARKS[verdict.verdict]} {verdict.verdict.value}: {name}",
            prose(headline(verdict), limit=1200),
            *_judged(verdict, most),
            _bullets((*notes(verdict), *(evaluate.notes if evaluate else ())), most, _sentence),
            _in_brief(evaluate, verdict),
            _folded("What changed", _changed(changes, inspected, most)),
            *deployed.markdown(manifests, most),
            *(_folded(title, chart) for title, chart in drawn),
            _folded("Where the models differ", differing.markdown(differ, most)),
            _folded("The recipe, apart from this model", recipes.markdown(recipe, most)),
            _folded("What the words mean", _glossary(verdict)),
            _folded(
                "Where this comes from", "\n\n".join(f"**{g.title}**\n\n{_bullets(g.facts, most, _fact)}" for g in facts)
            ),
            _again(train),
        ]
        text = "\n\n".join(section for section in sections if section) + "\n"
        if len(text.encode()) <= MOST_BYTES:
            return text
    return "\n\n".join([*sections[:2], "The rest is too long for a comment; it is in the full report."]) + "\n"


def marker(model: str | None) -> str:
    """Return the hidden first line by which a model's comment is found again."""
    return f"<!-- release:{slug(model)} -->" if model else "<!-- release -->"


def _judged(verdict: VerdictRecord, most: int) -> list[str]:
    """Show table, picture and explanations of the comparisons; the least favourable are kept where there are too many."""
    every = verdict.comparisons
    if not every:
        return []
    ranked = sorted(range(len(every)), key=lambda i: (_ORDER[every[i].verdict], i))
    kept = sorted(ranked[:most])
    left = f"\n\n{count(len(every) - most)} more are in the full report." if len(every) > most else ""
    words = explanations(verdict)
    shown = [every[i] for i in kept]
    return [
        _table(shown, verdict) + left,
        f"```text\n{draw(shown)}\n```",
        _folded("In words", _bullets([words[i] for i in kept], most, _sentence)),
    ]


def _table(comparisons: Sequence[Comparison], verdict: VerdictRecord) -> str:
    names = ["Requirement", "Champion", "Challenger", "Difference", interval_heading(comparisons), "Limit", "Verdict"]
    rows = [_cells(c) for c in comparisons]
    if verdict.champion is None:
        # Columns of dashes would only ask what they mean.
        kept = [i for i, name in enumerate(names) if name not in ("Champion", "Difference")]
        names, rows = [names[i] for i in kept], [[row[i] for i in kept] for row in rows]
    align = ["---" if name in ("Requirement", "Limit", "Verdict") else "---:" for name in names]
    return "\n".join("| " + " | ".join(row) + " |" for row in (names, align, *rows))


def _cells(comparison: Comparison) -> list[str]:
    metric = code(comparison.metric, limit=60)
    name = metric if comparison.slice is None else f"{metric} on {code(comparison.slice, limit=60)}"
    said = [] if comparison.role == "slice" else [prose(comparison.role, limit=40)]
    said += ["than the anchor"] if comparison.against == ANCHOR else []
    return [
        f"{name} ({', '.join(said)})" if said else name,
        theirs(comparison),
        value(comparison, comparison.challenger),
        difference(comparison),
        interval(comparison),
        requirement(limit(comparison), comparison.role),
        f"{MARKS[comparison.verdict]} {verdict_words(comparison)}",
    ]


def _in_brief(evaluate: EvaluateRecord | None, verdict: VerdictRecord) -> str:
    champion = code(short(verdict.champion)) if verdict.champion else "none yet"
    rows = f"{count(evaluate.rows)} test rows" if evaluate else "no test rows scored"
    looks = looked(verdict)
    challenger, test = code(short(verdict.challenger)), code(short(verdict.test_set.digest))
    return f"Challenger {challenger}, champion {champion}; {rows} ({test}), {looks}."


def _told(verdict: VerdictRecord, inspected: InspectRecord | None) -> InspectRecord | None:
    """Leave out what was measured on test rows where the gate withholds numbers."""
    return replace(inspected, importance=()) if inspected is not None and withheld(verdict) else inspected


def _changed(changes: Sequence[str], inspected: InspectRecord | None, most: int) -> str:
    """List what differs from the champion: model.yaml, then parameters, data and signature."""
    if inspected is None:
        return _bullets(changes, most, code)
    signature = [(s.what, s.champion or "not there", s.challenger or "not there") for s in inspected.signature]
    parts = [("model.yaml", _bullets(changes, most, code))]
    parts += [
        (title, _bullets([f"{name}: {old} \u2192 {new}" for name, old, new in lines], most, code))
        for title, lines in (
            ("Parameters as trained", inspected.parameters),
            ("Training data", inspected.data),
            ("Signature", signature),
        )
    ]
    parts.append(("Remarks", _bullets(inspected.notes, most, _sentence)))
    return "\n\n".join(f"**{title}**\n\n{body}" for title, body in parts if body)


def _glossary(verdict: VerdictRecord) -> str:
    return "\n".join(f"- {code(name)}: {prose(meaning)}" for name, meaning in glossary(verdict))


def _fact(fact: tuple[str, str]) -> str:
    name, value = fact
    return f"{prose(name, limit=60)}: {code(short(value) if value.startswith('sha256:') else value)}"


def _sentence(text: str) -> str:
    return prose(text, limit=_ITEM * 2)


def _bullets(items: Sequence[T], most: int, write: Callable[[T], str]) -> str:
    lines = [f"- {write(item)}" for item in items[:most]]
    if len(items) > most:
        lines.append(f"- {count(len(items) - most)} more are in the full report.")
    return "\n".join(lines)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>" if body else ""


def _again(train: TrainRecord) -> str:
    model, commit = slug(train.model), slug(train.commit)
    return f"To see this again on a laptop:\n\n```sh\ngit checkout {commit[:12]}\nrelease dry-run {model}\n```"
