"""The verdict in plain words: what holds, what does not, what cannot be told, and what to do about it.

Sentences only, free of markup and not escaped; names inside come from people. Statistics are named with what they mean.
Nothing is judged here, except that "better" is only said where the evidence allows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from release.config.names import quantile, top
from release.records import Verdict
from release.report.cells import ANCHOR, interval, value
from release.report.format import count, listed, number, percent, plain
from release.report.judged import UNITS, Form, alone, bar, limit
from release.stats.multiplicity import holm

if TYPE_CHECKING:
    from release.records import Comparison, VerdictRecord
    from release.report.judged import Limit

METRICS = {
    "roc_auc": "how often a positive row gets a higher score than a negative one",
    "average_precision": "precision averaged over every threshold that finds one more positive row",
    "accuracy": "the share of rows labelled right",
    "balanced_accuracy": "the share labelled right, averaged over the classes",
    "precision": "of the rows called positive, the share that is",
    "recall": "of the positive rows, the share found",
    "specificity": "of the negative rows, the share left alone",
    "f1": "precision and recall in one number, low when either is",
    "macro_precision": "of the rows given a class, the share that is of it, averaged over the classes",
    "macro_recall": "of the rows of a class, the share found, averaged over the classes",
    "macro_f1": "precision and recall in one number, averaged over the classes",
    "weighted_f1": "precision and recall in one number, averaged over the classes by how often each occurs",
    "mcc": "how labels and truth go together: 1 always, 0 no more than by chance",
    "cost": "the mean cost of a label, by the costs in model.yaml; less is better",
    "expected_calibration_error": "how far probabilities are from how often they come true; never judged; less is better",
    "brier_score": "the mean squared error of the probabilities, from 0 to 1; less is better",
    "log_loss": "how surprised the probabilities are by what happened; less is better",
    "rmse": "the typical error, large errors counting more, in the target's unit; less is better",
    "mae": "the mean absolute error, in the target's unit; less is better",
    "median_absolute_error": "the error that half of the rows stay below, in the target's unit; less is better",
    "mape": "the mean absolute error as a share of the target; less is better",
    "r2": "the share of the target's variation that is explained",
    "latency_ms": "the time to answer one request; less is better",
    "size_mb": "the size of the model's files; less is better",
    "predictions": "what the model says of each row, to the last digit that was recorded",
}


def meaning(metric: str) -> str | None:
    """Say what a metric measures; None for one that has no words."""
    if (k := top(metric)) is not None:
        return f"how often the true class is among the {k} most probable"
    if (q := quantile(metric)) is not None:
        return f"how far predictions are from the value that {q:.6g} of the rows stay below; less is better"
    return METRICS.get(metric)


def subject(comparison: Comparison) -> str:
    """Name what a comparison is about: the metric, the slice if it is one, and the anchor if that is the other model."""
    metric = plain(comparison.metric, limit=60)
    part = "" if comparison.slice is None else f" on \u201c{plain(comparison.slice, limit=60)}\u201d"
    return f"{metric}{part}{' (than the anchor)' if comparison.against == ANCHOR else ''}"


def headline(verdict: VerdictRecord) -> str:
    """Say the verdict in one sentence that starts with its word."""
    model = "the challenger" if verdict.model is None else plain(verdict.model, limit=60)
    match verdict.verdict:
        case Verdict.PASS:
            if verdict.champion is None:
                return f"PASS: {model} may be released for the first time; it clears its floors."
            if repackaged(verdict):
                return f"PASS: {model} may be put on the other runtime; it answers there as it did."
            better = list(dict.fromkeys(subject(c) for c in verdict.comparisons if c in shown_better(verdict)))
            return f"PASS: {model} may replace the champion; {_tail_of_pass(better)}."
        case Verdict.FAIL:
            failed = list(dict.fromkeys(subject(c) for c in verdict.comparisons if c.verdict is Verdict.FAIL))
            return f"FAIL: {model} misses what the gate requires{_after(failed)}."
        case Verdict.INCONCLUSIVE:
            unsure = list(
                dict.fromkeys(
                    subject(c) for c in verdict.comparisons if c.verdict is Verdict.INCONCLUSIVE and c.when_unsure != "note"
                )
            )
            return (
                f"INCONCLUSIVE: the test rows cannot tell yet whether {model} holds what the gate requires{_after(unsure)}."
            )
        case Verdict.INVALID:
            return f"INVALID: {model} could not be judged{_after(invalid_reasons(verdict)[:1])}."
    assert_never(verdict.verdict)


def repackaged(verdict: VerdictRecord) -> bool:
    """Say whether a model was compared with what it said itself, because only what it runs on is another."""
    return bool(verdict.comparisons) and all(c.role == "identical" for c in verdict.comparisons)


def _tail_of_pass(better: list[str]) -> str:
    return f"it is better on {listed(better)}, and every requirement holds" if better else "every requirement holds"


def _after(names: list[str]) -> str:
    return f": {listed(names)}" if names else ""


def own_reasons(verdict: VerdictRecord) -> list[str]:
    """Return the record's reasons without those of judged comparisons, which say themselves why."""
    said = [c.reason for c in verdict.comparisons if c.reason and c.verdict is not Verdict.INVALID]
    return [plain(r, limit=400).rstrip(".") for r in verdict.reasons if not any(r.endswith(f": {one}") for one in said)]


def invalid_reasons(verdict: VerdictRecord) -> list[str]:
    """Collect why nothing could be judged, the record's own reasons first."""
    of_rows = [
        f"{subject(c)}: {plain(c.reason or 'no reason recorded')}"
        for c in verdict.comparisons
        if c.verdict is Verdict.INVALID
    ]
    return own_reasons(verdict) or of_rows


def shown_better(verdict: VerdictRecord) -> tuple[Comparison, ...]:
    """Return the comparisons of which "better" may be said, all of them after PASS only.

    The primary when its interval lies above zero; the others when Holm's adjusted p-value stays below the level that the
    looks leave, 1 - `level`. A relative contrast is no difference, so it never counts, and "better" is better than the
    champion.
    """
    if verdict.verdict is not Verdict.PASS:
        return ()
    differences = [
        c
        for c in verdict.comparisons
        if c.against != ANCHOR and (at := limit(c)) and at.form in (Form.MARGIN, Form.BETTER_BY)
    ]
    others = [c for c in differences if c.role != "primary" and c.p_value is not None]
    adjusted = holm([c.p_value for c in others if c.p_value is not None])
    sure = {id(c) for c, p in zip(others, adjusted, strict=True) if p < 1 - c.level and (c.difference or 0) > 0}
    return tuple(c for c in differences if id(c) in sure or (c.role == "primary" and c.low is not None and c.low > 0))


def explanations(verdict: VerdictRecord) -> tuple[str, ...]:
    """Explain every comparison, in the record's order."""
    better = {id(c) for c in shown_better(verdict)}
    return tuple(_explained(c, "better" if id(c) in better else "ahead") for c in verdict.comparisons)


def explain(comparison: Comparison) -> str:
    """Say in one line what the rows show about one requirement: values, difference, limits and conclusion."""
    sure = comparison.role == "primary" and comparison.verdict is Verdict.PASS and (comparison.low or 0) > 0
    return _explained(comparison, "better" if sure else "ahead")


def _explained(comparison: Comparison, gain: str) -> str:
    if comparison.verdict is Verdict.INVALID:
        return f"{subject(comparison)}: not judged; {plain(comparison.reason or 'no reason recorded')}"
    at = limit(comparison)
    values = value(comparison, comparison.challenger)
    if comparison.champion is not None:
        other = "the anchor's " if comparison.against == ANCHOR else ""
        values += f" against {other}{value(comparison, comparison.champion)}"
    if comparison.challenger is None:
        values = ""
    # Where there are numbers they say why; the record's reason says it where there are none.
    # How a budget compares with the champion in the same blocks is said nowhere else.
    silent = comparison.low is None or bar(comparison) is None or comparison.role == "latency"
    why = plain(comparison.reason) if comparison.reason and silent else ""
    parts = [values, _found(comparison, at, gain), _conclusion(comparison, at), why]
    return f"{subject(comparison)}: {'; '.join(part for part in parts if part)}"


def _found(comparison: Comparison, at: Limit | None, gain: str) -> str:
    """Say what was measured: an interval of the value or of the difference, in words that cannot be misread."""
    low, high = comparison.low, comparison.high
    if low is None or high is None or comparison.role == "size":
        return ""
    if comparison.method == "same-model":
        return "the challenger is the champion itself"
    sure = f"with {percent(comparison.level)} confidence"
    if at is not None and alone(at):
        return f"between {interval(comparison).replace(' to ', ' and ')} {sure}"
    return f"{_lead(comparison, at, gain)}between {_ends(low, high, comparison.difference or 0.0, at)} {sure}"


def _lead(comparison: Comparison, at: Limit | None, gain: str) -> str:
    difference = comparison.difference
    lost = "worse" if comparison.verdict is Verdict.FAIL and at is not None and at.form is Form.MARGIN else "behind"
    relative = at is not None and at.form is Form.RELATIVE
    allowed = f"after allowing {percent(at.written)} of the champion's value, " if relative and at else ""
    if difference is None:
        return allowed
    if difference == 0:
        return f"{allowed}no difference, "
    way = gain if difference > 0 else lost
    if comparison.against == ANCHOR:
        way += " than the anchor" if way in ("better", "worse") else f"{' of' if way == 'ahead' else ''} the anchor"
    return f"{allowed}{way} by {number(abs(difference))}, "


def _ends(low: float, high: float, difference: float, at: Limit | None) -> str:
    """Write an interval so that its signs cannot be misread: by size where the sentence's direction covers both ends."""
    away = None if at is None else abs(at.at)
    small, large = (number(abs(end), unlike=away) for end in (low, high))
    if low >= 0 and difference > 0:
        return f"{small} and {large}"
    if high <= 0 and difference < 0:
        return f"{large} and {small}"
    return " and ".join(_side(end, text) for end, text in ((low, small), (high, large)))


def _side(end: float, text: str) -> str:
    if end == 0:
        return text
    return f"{text} {'ahead' if end > 0 else 'behind'}"


def requirement(at: Limit | None, role: str) -> str:
    """Name a limit as its owner wrote it, such as `margin 0.02` or `budget 20 ms`."""
    if at is None:
        return "none recorded"
    written = f"{number(at.written)} {UNITS.get(role, '')}".rstrip()
    match at.form:
        case Form.MARGIN | Form.FLOOR | Form.CEILING | Form.BUDGET:
            return f"{at.form.value} {written}"
        case Form.BETTER_BY:
            return f"better by {written}" if at.written else "better"
        case Form.RELATIVE:
            return f"margin {percent(at.written)} of champion"
    assert_never(at.form)


def _conclusion(comparison: Comparison, at: Limit | None) -> str:
    asked = _asked(comparison, at)
    match comparison.verdict:
        case Verdict.PASS:
            return f"{asked} holds"
        case Verdict.FAIL:
            return f"{asked} does not hold"
        case Verdict.INCONCLUSIVE:
            unsure = f"cannot tell whether {asked} holds"
            if comparison.rows_needed is not None:
                unsure += f" (about {count(comparison.rows_needed)} rows are needed, {count(comparison.n)} are here)"
            match comparison.when_unsure:
                case "review":
                    unsure += "; an owner decides"
                case "note":
                    unsure += "; by policy this is only noted"
            return unsure
        case Verdict.INVALID:
            return "not judged"
    assert_never(comparison.verdict)


def _asked(comparison: Comparison, at: Limit | None) -> str:
    if at is None:
        return "the requirement"
    match at.form:
        case Form.BETTER_BY:
            return f"the required gain of {number(at.written)}" if at.written else "the requirement to be better"
        case Form.RELATIVE:
            return f"the margin of {percent(at.written)}"
        case Form.MARGIN | Form.FLOOR | Form.CEILING | Form.BUDGET:
            word, rest = requirement(at, comparison.role).split(" ", 1)
            return f"the {word} of {rest}"
    assert_never(at.form)
