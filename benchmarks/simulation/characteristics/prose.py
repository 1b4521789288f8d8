"""The words of the published document: what each table asks, and what each method claims and does outside its domain.

No figure of a simulation is written here: those come from the tables.
"""

from __future__ import annotations

HEAD = """\
# Operating characteristics: how often the gate is wrong

Written by `python benchmarks/simulation/operating_characteristics.py`; do not edit. {effort} run, {cells} cells.

The gate promises that a challenger which truly violates a requirement PASSes with probability at most a = alpha/(2H),
alpha being .05 and H the looks that the test set is to serve. This document is the evidence: populations of which the
truth is known, rows drawn from them again and again, each draw judged by the functions that `release gate` calls. A
reviewer can look for three things:

- **PASS where something is violated** must be at most .025. So must FAIL where nothing is.
- **low > truth** of a single interval is what a false PASS is made of: its lower limit lies above what is true. At
most .025 too, as is its mirror, **high < truth**, which a false FAIL is made of.
- **refused**: the rows could not carry an interval, and the answer was INCONCLUSIVE with the reason.

A figure ± its Monte-Carlo standard error is a share of all draws, refused ones included. A share that is above its
promise by more than {sure} such errors (of a probability that was added up exactly: by more than a tenth) is
**bold**, and is listed at the end; of {promised} promised shares chance alone would make {chance} bold. Nothing
depends on the clock, the machine's load or the number of processes: the same code gives the same bytes.

Unless a table says otherwise: two classifiers with Normal scores of equal spread in both classes ("binormal"),
calibrated; AUC .871 and .851; labels at a threshold equal to the prevalence π; r is the correlation of the two
models' scores within a class; and how many rows are positive is chance, as in a real test set.
"""

VERDICT = """\
Three requirements at once: AUC not worse by .02 (primary), recall by .05, Brier score by .01. π = .3, r = .95 unless
shown. Beside the gate's verdict, on the same draws: **new ≥ old** is the comparison of bare numbers, for the AUC or
all three; **new ≥ old - margin** grants the margins to bare numbers; **unpaired** asks for the gate's margins but
takes the two models for judged on different rows; **Holm over all** corrects the gate's p-values for their number,
which an intersection of requirements does not need."""

VIOLATED = """\
One requirement fails its margin exactly, the least that counts as a violation, while the others hold. (AUC: the
champion is bent until both Brier scores agree and the challenger's threshold moved until recall does. Recall: the
threshold alone. Brier score: the probabilities alone.) In the last rows the AUC is worse by twice its margin."""

HOLDING = """\
What the caution costs. FAIL is wrong here, whatever the rows. "AUC .01 worse" is within the margin: whoever asks for
a margin says that this is acceptable, and asks for more rows if it is to PASS often."""

PAIRING = """\
The same gate where the two models' scores have more or less in common. Models one retraining apart are at .9 and
beyond."""

REGRESSION = """\
Primary: RMSE not worse by 2% of the champion's; guard: mean absolute error not worse by .1, which holds. Errors of
spread 1, correlated by .9, Normal or Student's t with 5 degrees of freedom."""

KINDS = """\
One requirement, n = 500, r = .9. The truth is the threshold itself: a hair to one side PASS is wrong, a hair to the
other FAIL is, so that both are bounded by .025."""

NAMES = {"roc_auc": "AUC", "recall": "recall", "brier_score": "Brier score"}

METHODS = """\
Every limit is one-sided at a = .025. Which method judges which metric, and what happens outside its domain:

| method | metrics | domain | outside it |
|---|---|---|---|
| DeLong (`delong`) | ROC AUC | 200 rows of each class; max AUC ≤ .9, or 20 expected misplaced rows of the smaller \
class | one class: INVALID; fewer rows: the wider of Student's t on the smaller class and MOVER on logit limits, near \
one that of DeLong's and MOVER (`delong-mover`) |
| Tango's score, no narrower than Clopper & Pearson's on the lost or gained rows (`tango`) | \
accuracy, recall, specificity, top-k accuracy | any number of discordant pairs | none \
discordant: 0 ± (1 - a^(1/k)) (`identical`); relative margins: `t` |
| Student's t with Hall's correction (`t`) | Brier score, log loss, cost, MAE, MAPE, pinball loss; relative margins of \
proportions | no row above 30% of the squared deviations | unbounded metric: INCONCLUSIVE; bounded: no tighter than \
`identical` |
| BCa bootstrap, widened by t on row influence (`bootstrap-bca-t`) | precision, F1, macro metrics, MCC, average \
precision, RMSE, R² | 30 degrees of freedom or more; at most 1% of resamples undefined | fewer: expanded percentile \
(`bootstrap-expanded-t`); undefined, or one row above 30%: INCONCLUSIVE, or no tighter than `identical` |
| percentile bootstrap (`bootstrap-percentile`) | median absolute error | smooth in the middle | small n: see the \
table |
| t(G - 1) on the bootstrap error of groups (`bootstrap-groups`) | any metric when `group` is given | 10 groups | \
fewer, or one above half of the squared deviations: INCONCLUSIVE |
| influence function (`influence`) | bootstrapped metrics | more than 250,000 rows, 10,000 of them deciding | fewer: \
resampled |
| the wider of Wilson and Clopper & Pearson (`wilson`), logit DeLong (`delong-logit`) | \
floors of proportions, of the AUC | any n | AUC near one: the \
envelope with Newcombe's score interval (`delong-score`); exactly one: a^(1/k) |
| same predictions (`identical`) | bounded metrics, another digest | k deciding rows exclude 1 - a^(1/k) | unbounded \
metrics: [0, 0], and said so |

With fewer than ten rows of a class that a metric needs no method means much, and slices refuse ("cannot tell"). The rows
with π = .05 and n = 50 or 200 below, two or ten positives, show what the methods do by themselves."""

EXACT = {"roc_auc": "ROC AUC", "recall": "Recall", "accuracy": "Accuracy"}

OF_METHOD = {
    "roc_auc": "The true difference is -.02. Near one is a table of its own.",
    "recall": "Decided by the positives alone: n times π of them.",
    "accuracy": "At a threshold equal to the prevalence, so that both kinds of mistake occur.",
}

NEAR_ONE = """\
So many positives and negatives, AUC of champion and challenger, and their correlation. DeLong's limits on the plain
scale miss several times as often as they say. The gate's are wide where r is high: high < truth is rarely seen."""

FEW = """\
A challenger whose accuracy is worse by exactly the margin: both PASS and FAIL are wrong. Added up over all tables of
two counts instead of drawn; columns: the share of rows that it gains, the losses being that and the margin. Tango's
score is an approximation, and counts are coarse. It errs on the side of not passing; so that FAIL, on a few lost rows,
does not come early, its limit is no narrower than the exact one for the lost rows alone."""

BY_ROW = "r = .9. `cost` charges a missed positive five times a false alarm. Skewed at small π."

LABELS = "r = .9. Metrics of labels that are ratios or means of ratios. Few labels differ, so the distribution is coarse."

RANKS = """\
r = .9. The truth is that of the population; at few positives the estimate is biased towards more, alike for both
models."""

OF_VALUES = ("mae", "mape", "pinball_loss_0.9", "rmse", "r2", "median_absolute_error")

ERRORS = """\
The challenger's errors are 5% wider, correlated by .9 with the champion's: Normal, or Student's t with 3 degrees of
freedom, whose fourth moment does not exist, so that no method has an error for squares. There the gate refuses where
it sees one row carry the spread."""

TAILS = """\
No interval for a mean square of t(3) errors is right at any practical n: their fourth moment does not exist. The gate
refuses where one row holds over 30% of the squared deviations. For the difference of two models on the same rows that
suffices; for one model's RMSE against a floor it removes most of the misses and not all: **declare a floor on MAE or
the median absolute error where errors are heavy-tailed.** Beside it, percentile (difference) and BCa (floor) limits
that refuse nothing."""

CLASSES = "Two equally good classifiers of three classes (.5, .3, .2), r = .9: the true difference is nothing."

RATIOS = """\
challenger - .98 · champion (losses: 1.02 · champion - challenger): the contrast itself is judged, never a plugged-in
margin."""

ALONE = "What a floor asks; the champion plays no part."

TIES = "Probabilities rounded to so many values, r = .9, π = .3; ties count half."

GROUPS = """\
Groups of eight rows that err together, mean absolute error, equal models; two-sided, so that .05 is promised.
Percentiles over resampled groups are what is usually done."""

CALIBRATION = """\
The champion is calibrated, the challenger too sure of itself (log-odds half again as large). Noise within bins makes
a calibrated model look worse than it is, so the difference is biased towards the challenger, at any n. The Brier
score of the same draws has no such bias: gate on it."""

LARGE = "300,000 rows, where drawing would cost minutes: Student's t on the influence of single rows."

REUSE = """\
A test set is used up by looking at it. `gate.looks` is how many challengers it may judge; each is judged at
alpha/(2H). What is shown of a judgement is `gate.feedback`."""

RETRIES = """\
Accuracy, margin .02, n = 1,000; P(any of twenty PASSes). **independent**: twenty models that have nothing to do with
each other. **climbing**: each changes the answers on another twentieth of the rows, and is kept when the shown number
is the best so far; where no number is shown, always. The promise of a budget of 20 looks is .025 for what is not
tuned on numbers, and is exact for any use when only verdicts are shown. Climbing on full numbers breaks it, whatever
the budget."""

HABITS = (
    ("independent", "independent", "full"),
    ("climbing", "climbing", "full"),
    ("climbing", "climbing", "ladder"),
    ("climbing", "climbing", "verdict"),
)

CREEP = """\
Twenty proposals in turn, each half a margin of AUC (.02) worse than what serves then, each on fresh rows; what PASSes
serves. In margins, how much worse the last one serving is than the first. The anchor is the last release shown
better, here the first."""

LOOKS = """\
Rows that show a margin of .02 of accuracy for equal models that differ on 10% of rows, with probability .8 (`release
power`), and how often such models PASS when so many are drawn."""

HIDDEN = """\
A defect on a small kind of case can leave no trace: with probability (1 - s)^n none of n rows is of a kind with share
s. That falls under .025 at **s = 3.7/n**; nothing that looks at these rows can exclude less. A margin excludes less
still: a challenger that is the champion but for that kind of row, and wrong on all of it, PASSes an overall margin as
long as the kind is smaller than the margin. What matters in small numbers needs a slice of its own, with rows
collected for it."""

SHARES = (
    "Added up, not drawn. Accuracy, margin .02; the challenger is wrong on all rows of the kind and otherwise the champion."
)

CLAIMS = """\
Figures that the design rests on, as they were claimed beforehand, and as this run found them. Settings that the claim
does not name differ, so it is order and size that should agree. ± one Monte-Carlo error."""

BEYOND = """\
Every promised share that lies more than {sure} Monte-Carlo errors above its promise. Rows of a kind that the gate
refuses by another rule (a slice with fewer than ten rows of a class) are kept in: this is what the method does by
itself."""

NONE_BEYOND = "None: no promised share lies more than {sure} Monte-Carlo errors above its promise."
