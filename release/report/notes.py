"""What a reader should know beside the verdict: what it does not cover, what would settle it, how the test set is used up.

Sentences only, as in `words`; no markup, nothing escaped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, assert_never

from release.records import Verdict
from release.report.cells import confidences
from release.report.format import count, listed, percent, plain
from release.report.withheld import withheld
from release.report.words import invalid_reasons, meaning, own_reasons, repackaged, subject

if TYPE_CHECKING:
    from release.records import VerdictRecord

METHODS = {
    "delong": "DeLong's method for two scores of the same rows",
    "delong-logit": "DeLong's method on the logit scale, which keeps to values below 1",
    "delong-score": "DeLong's and Newcombe's methods, the wider of both, which stay honest near 1",
    "delong-mover": "DeLong's method and the limits of each score combined, the wider of both: honest near 1, on few rows",
    "auc-extreme": "the exact limit for a faultless ranking",
    "tango": "Tango's method for paired proportions, or the exact limit where that is wider",
    "tango-weighted": "Tango's method for paired proportions, weighted rows counting as many equal ones as they are worth",
    "wilson": "Wilson's method for a proportion, or the exact limits where those are wider",
    "wilson-weighted": "Wilson's method for a proportion, weighted rows counting as many equal ones as they are worth",
    "t": "Student's t over rows, widened where a long tail makes it too hopeful",
    "t-identical": "Student's t over rows, and no more than equal predictions on so many rows can prove",
    "influence": "Student's t over how much each row moves the number; there are too many rows to draw them again",
    "same-model": "nothing to measure: both are one model",
    "blocks": "Student's t over blocks of timed requests",
    "identical": "what equal predictions on so many rows can prove",
    "identical-unbounded": "equal predictions; the metric has no bound, so nothing more can be said",
}


def notes(verdict: VerdictRecord) -> tuple[str, ...]:
    """Say what the verdict rests on, what it leaves open, and what to do next; one sentence or two each."""
    said = [*_by_verdict(verdict)]
    if verdict.champion is None and verdict.verdict is not Verdict.INVALID:
        said.append("There is no champion yet, so this first release is judged by its floors alone, not by a comparison.")
    if verdict.review:
        said.append(f"An owner may approve this after a review of {listed([plain(r, limit=80) for r in verdict.review])}.")
    if verdict.test_set.budget > 1:
        looks, budget = verdict.test_set.looks, verdict.test_set.budget
        inherited = verdict.test_set.inherited
        earlier = f" ({count(inherited)} of them at other files that share rows with this one)" if inherited else ""
        said.append(
            f"Look {count(looks)} of {count(budget)}{earlier}: so many challengers may be judged on these test rows. "
            "Each look is another chance to pass by luck, so every limit is drawn wide enough for all of them."
        )
    if verdict.comparisons and any(c.low is not None and c.level < 1 for c in verdict.comparisons):
        sure = listed(confidences(verdict.comparisons))
        said.append(
            f"With {sure} confidence: limits drawn this way miss the true value no more often than the rest to 100%. "
            "A requirement holds only if the whole interval is inside its limit."
        )
    return tuple(said)


def _by_verdict(verdict: VerdictRecord) -> list[str]:
    match verdict.verdict:
        case Verdict.PASS:
            return _not_covered(verdict)
        case Verdict.FAIL:
            shown = any(c.verdict is Verdict.FAIL and c.high_family is not None for c in verdict.comparisons)
            lasting = ["This is shown, not suspected: more test rows like these would not be expected to change it."]
            return [*_reasons(verdict), *(lasting if shown else [])]
        case Verdict.INCONCLUSIVE:
            return [*_reasons(verdict), *_unsure(verdict)]
        case Verdict.INVALID:
            why = [f"Why: {reason}." for reason in invalid_reasons(verdict)]
            return [*why, "An invalid judgement says nothing about the model. Repair what is named and judge again."]
    assert_never(verdict.verdict)


def _reasons(verdict: VerdictRecord) -> list[str]:
    return [f"Why: {reason}." for reason in own_reasons(verdict)]


def _not_covered(verdict: VerdictRecord) -> list[str]:
    """Name what PASS leaves open: unsure rows that are only noted, and kinds of requirement that nobody set."""
    unsure = [subject(c) for c in verdict.comparisons if c.verdict is Verdict.INCONCLUSIVE]
    said = _reasons(verdict)
    if repackaged(verdict):
        return [*said, "The model was not judged anew, and no look was spent. How fast it answers there, the canary shows."]
    if unsure:
        said.append(f"PASS does not cover {listed(unsure)}: the rows cannot tell, and by policy that is only noted.")
    roles = {c.role for c in verdict.comparisons}
    missing = [
        name
        for role, name in (("slice", "parts of the rows (no slices are set)"), ("latency", "speed"), ("size", "size"))
        if role not in roles
    ]
    return [
        *said,
        f"PASS does not cover {listed([*missing, 'metrics that are not listed', 'rows unlike the test rows'])}.",
        *_unseen(verdict),
    ]


def _unseen(verdict: VerdictRecord) -> list[str]:
    """Say what no test set of this size can exclude: the largest share of cases that n rows miss with probability 2.5%.

    -ln(.025)/n, about 3.7/n, from (1 - share)^n = .025.
    """
    n = max((c.n for c in verdict.comparisons if c.role not in ("size", "latency")), default=0)
    share = -math.log(0.025) / n if n else 1.0
    if share >= 1:
        return []
    missed = percent(round(share, 4) or share)
    what = f"A fault that hits fewer than {missed} of all cases may not have met any of the {count(n)} test rows"
    return [f"{what}; slices look where it would hurt."]


def _unsure(verdict: VerdictRecord) -> list[str]:
    if withheld(verdict):
        return []
    if verdict.rows_needed is None:
        return ["Neither side is shown, and no number of rows like these is known to settle it."]
    have = max((c.n for c in verdict.comparisons), default=0)
    needed = f"About {count(verdict.rows_needed)} test rows like these ({count(have)} are here)"
    return [f"Neither side is shown. {needed} would settle it four times in five, if the models are as they look."]


def glossary(verdict: VerdictRecord) -> tuple[tuple[str, str], ...]:
    """Explain each metric and method that the verdict uses, once, in order of use."""
    metrics = dict.fromkeys(c.metric for c in verdict.comparisons)
    methods = dict.fromkeys(c.method for c in verdict.comparisons)
    words = [(m, said) for m in metrics if (said := meaning(m))]
    return (*words, *((m, _method(m)) for m in methods if _method(m)))


def _method(name: str) -> str:
    if name == "bootstrap-groups":
        return "the groups of test rows drawn again, many times over, to see how far the number moves"
    if name.startswith("bootstrap"):
        return "the test rows drawn again, many times over, to see how far the number moves"
    return METHODS.get(name, "")
