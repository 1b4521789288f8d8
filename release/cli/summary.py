"""What a terminal shows of a judgement: the verdict in words, both models' numbers, the digests, the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.config.names import reported

if TYPE_CHECKING:
    from pathlib import Path

    from release.records import EvaluateRecord, PackageRecord, PromoteRecord, Scored, VerdictRecord

_SOURCES = {
    "store": "its bytes from this machine",
    "registry": "its bytes from the registry",
    "rebuild": "rebuilt from its commit, the same digest",
    "recorded": "the same model, as it answered when it was released",
    "committed-predictions": "by its committed predictions",
}
_LONG = 60
_HEAD = 6
"""A new file's diff has these lines before its content: diff, mode, index, two names, one hunk."""


def verdict_text(verdict: VerdictRecord) -> str:
    """Say a verdict: one headline, then a line for each comparison."""
    from release.judging.feedback import FULL, WITHHELD  # noqa: PLC0415 (only when something is shown)
    from release.report.words import explanations, headline  # noqa: PLC0415 (only when something is shown)

    lines = [f"{verdict.model or 'challenger'}: {verdict.verdict}", f"  {headline(verdict)}"]
    told = zip(verdict.comparisons, explanations(verdict), strict=True)
    lines += [f"  {comparison.verdict:<12} {text}" for comparison, text in told]
    if verdict.feedback != FULL:
        lines.append(f"  {WITHHELD}")
    if verdict.anchor is not None:
        lines.append(f"  anchor {verdict.anchor[7:19]}: every margin must hold against it too, or small losses would add up")
    looks = verdict.test_set
    inherited = f", {looks.inherited} of them at files with the same rows" if looks.inherited else ""
    counted = "local runs counted" if verdict.model else "which nobody counts here"
    lines.append(f"  test set {looks.digest[7:19]}: look {looks.looks} of {looks.budget}{inherited}, {counted}")
    return "\n".join(lines)


def dry_run_text(
    evaluated: EvaluateRecord,
    verdict: VerdictRecord,
    packaged: PackageRecord,
    promotion: PromoteRecord | None,
    report: Path,
) -> str:
    """Say everything that a dry-run found out about one model."""
    lines = [verdict_text(verdict), "", *_numbers(evaluated), ""]
    lines += [f"  model   {packaged.model_digest}", f"  image   {packaged.repository}@{packaged.digest}"]
    lines += [f"  report  {report}/report.html", ""]
    if promotion is None:
        lines.append(f"  {verdict.verdict}: a promotion would be refused, so there is no change to show")
    elif not promotion.diff:
        lines.append(f"  {promotion.environment} serves this release already: a promotion would change nothing")
    else:
        lines += [f"  a promotion to {promotion.environment} would commit to {promotion.deploy_branch}:", ""]
        lines += [*_folded(promotion.diff), "", f"  the whole change, as `git apply` takes it: {report}/promotion.diff"]
    return "\n".join(lines)


def _folded(diff: str) -> list[str]:
    """Show a diff, but only count the lines of long new files (the chart's copy, predictions)."""
    shown = []
    for part in diff.split("diff --git ")[1:]:
        lines = ("diff --git " + part).splitlines()
        if "new file mode 100644" in lines[:2] and len(lines) > _LONG:
            shown += [lines[0], lines[1], f"# {len(lines) - _HEAD} new lines"]
        elif "/versions/" in lines[0]:
            shown += [lines[0], lines[1], f"# {max(len(lines) - _HEAD, 0)} new lines"]
        else:
            shown += lines
    return shown


def _numbers(evaluated: EvaluateRecord) -> list[str]:
    champion = evaluated.champion
    if not evaluated.challenger.metrics:
        return [f"  note: {note}" for note in evaluated.notes]
    head = f"  {'':<26} {'champion':>10} {'challenger':>10}   ({evaluated.rows} held-out rows)"
    rows = [
        f"  {name:<26} {_number(champion, name):>10} {_number(evaluated.challenger, name):>10}"
        for name in reported(evaluated.task, classes=len(evaluated.classes))
        if name in evaluated.challenger.metrics
    ]
    if champion is not None:
        rows.append(f"  champion {champion.model_digest[7:19]}, {_SOURCES.get(champion.source, champion.source)}")
    return [head, *rows, *(f"  note: {note}" for note in evaluated.notes)]


def _number(scored: Scored | None, metric: str) -> str:
    return f"{scored.metrics[metric]:.4f}" if scored is not None and metric in scored.metrics else "-"
