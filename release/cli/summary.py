"""What a terminal shows of a judgement: the verdict in words, both models' numbers, the digests, the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from release.records import EvaluateRecord, PackageRecord, PromoteRecord, VerdictRecord


def verdict_text(verdict: VerdictRecord) -> str:
    """Say a verdict: one headline, then a line for each comparison."""
    from release.report.words import explain, headline  # noqa: PLC0415 (only when something is shown)

    lines = [f"{verdict.model or 'challenger'}: {verdict.verdict}", f"  {headline(verdict)}"]
    lines += [f"  {comparison.verdict:<12} {explain(comparison)}" for comparison in verdict.comparisons]
    looks = verdict.test_set
    lines.append(f"  test set {looks.digest[7:19]}: look {looks.looks} of {looks.budget}, local runs counted")
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
        lines += [f"  a promotion to {promotion.environment} would commit to {promotion.deploy_branch}:", "", promotion.diff.rstrip()]
    return "\n".join(lines)


def _numbers(evaluated: EvaluateRecord) -> list[str]:
    champion = evaluated.champion
    head = f"  {'':<18} {'champion':>10} {'challenger':>10}   ({evaluated.rows} held-out rows)"
    rows = [
        f"  {name:<18} {f'{champion.metrics[name]:.4f}' if champion and name in champion.metrics else '-':>10} {value:>10.4f}"
        for name, value in evaluated.challenger.metrics.items()
    ]
    if champion is not None:
        rows.append(f"  champion {champion.model_digest[7:19]} from {champion.source}")
    return [head, *rows]
