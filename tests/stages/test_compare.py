"""Compare: files of predictions that any tool may have written, aligned by id and judged by the rule of the gate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from release.artifact.serial import digest_of
from release.config.comparing import Asked, option_at, policy_of
from release.data.scored import OutputColumns
from release.errors import BadInputError
from release.judging.compared import Columns
from release.records import Verdict, VerdictRecord
from release.stages.compare import Files, compare

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [(f"r{number}", number % 2, 0.2 + 0.6 * (number % 2) + (number % 7) / 100) for number in range(60)]


def written(path: Path, rows: list[Any], header: str = "key,y,p") -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def judged(champion: Path, challenger: Path, **options: Any) -> VerdictRecord:
    """Compare by columns key, y and p; `options` are those of a policy, and of Columns."""
    output = OutputColumns(scores=("p",), label=options.pop("label", None), threshold=options.pop("threshold", 0.5))
    named = {name: options.pop(name) for name in ("group", "weight", "positive") if name in options}
    columns = Columns(id="key", target="y", challenger=output, champion=output, **named)
    given = {"metrics": ("roc_auc",), "margins": ("0.2",), **options}
    return compare(Files(challenger=challenger, champion=champion), columns, policy_of(Asked(**given)), option_at)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Give a champion's file and a challenger's with the same rows in another order, scored a little differently."""
    other = [(key, y, p + 0.001 * (number % 3)) for number, (key, y, p) in enumerate(ROWS)]
    return written(tmp_path / "a.csv", ROWS), written(tmp_path / "b.csv", list(reversed(other)))


def test_the_record_names_files_by_digest_and_rows_by_number(files: tuple[Path, Path]) -> None:
    """One comparison, one look at a budget of one."""
    record = judged(*files)
    [comparison] = record.comparisons
    assert (record.verdict, comparison.n, comparison.role, comparison.level) == (Verdict.PASS, 60, "primary", 0.95)
    assert record.champion == digest_of(files[0].read_bytes())
    assert record.challenger == digest_of(files[1].read_bytes())
    assert (record.model, record.alpha, record.test_set.looks, record.test_set.budget) == (None, 0.05, 1, 1)


def test_rows_are_aligned_by_id_and_never_by_position(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Shuffling a file changes its digest and no number."""
    rows = [ROWS[place] for place in np.random.default_rng(1).permutation(60)]
    shuffled = written(tmp_path / "c.csv", rows)
    assert judged(shuffled, files[1]).comparisons == judged(*files).comparisons
    assert judged(files[0], shuffled).comparisons[0].method == "identical"


def test_the_worked_table_of_paired_proportions(tmp_path: Path) -> None:
    """Tango's interval for (59, 6; 16, 80): -.0621, (-.1240, -.0054); McNemar's mid-p .034690."""
    both = [(1, 1)] * 59 + [(1, 0)] * 6 + [(0, 1)] * 16 + [(0, 0)] * 80
    # The first of each pair is the challenger: right on 65 of 161, the champion on 75.
    champion = written(tmp_path / "a.csv", [(f"r{n}", 1, theirs) for n, (_, theirs) in enumerate(both)])
    challenger = written(tmp_path / "b.csv", [(f"r{n}", 1, ours) for n, (ours, _) in enumerate(both)])
    record = judged(champion, challenger, metrics=("accuracy",), margins=("0.13",))
    [found] = record.comparisons
    assert (found.difference, found.low, found.high) == (
        pytest.approx(-0.0621, abs=5e-5),
        pytest.approx(-0.1240, abs=5e-5),
        pytest.approx(-0.0054, abs=5e-5),
    )
    assert (found.p_value, record.verdict) == (pytest.approx(0.034690, abs=5e-7), Verdict.PASS)
    assert judged(champion, challenger, metrics=("accuracy",), margins=("0.12",)).verdict is Verdict.INCONCLUSIVE
    assert judged(champion, challenger, metrics=("accuracy",), margins=("0.005",)).verdict is Verdict.FAIL


def test_a_threshold_makes_labels_of_scores(tmp_path: Path) -> None:
    """At or above it, for metrics of labels alone."""
    champion = written(tmp_path / "a.csv", [(f"r{n}", n % 2, 0.3 + 0.2 * (n % 2)) for n in range(40)])
    challenger = written(tmp_path / "b.csv", [(f"r{n}", n % 2, 0.3 + 0.3 * (n % 2)) for n in range(40)])
    for threshold, recall in ((0.5, 1.0), (0.55, 0.0), (0.3, 1.0)):
        [found] = judged(champion, challenger, metrics=("recall",), threshold=threshold).comparisons
        assert (found.champion, found.challenger) == (recall, 1.0)
    assert judged(champion, challenger, metrics=("brier_score",), threshold=0.9).verdict is Verdict.PASS


def test_regression_has_numbers_for_truth(tmp_path: Path) -> None:
    """A paired mean, compared with the Normal interval that it nearly has."""
    draw = np.random.default_rng(2)
    y = draw.normal(size=800)
    first, second = y + draw.normal(0, 1.1, 800), y + draw.normal(0, 1.0, 800)
    champion = written(tmp_path / "a.csv", list(zip(range(800), y, first, strict=True)))
    challenger = written(tmp_path / "b.csv", list(zip(range(800), y, second, strict=True)))
    [found] = judged(champion, challenger, metrics=("mae",), margins=(), better_by=0.0).comparisons
    pairs = np.abs(first - y) - np.abs(second - y)
    se = pairs.std(ddof=1) / math.sqrt(800)
    assert found.difference == pytest.approx(pairs.mean(), abs=1e-12)
    assert found.low == pytest.approx(pairs.mean() - norm.ppf(0.975) * se, abs=0.4 * se)
    [relative] = judged(champion, challenger, metrics=("mae",), margins=("5%",)).comparisons
    assert (relative.verdict, relative.margin) == (Verdict.PASS, 0.05)


def test_a_file_against_itself_is_the_same_model(files: tuple[Path, Path]) -> None:
    """By digest: no worse, and no better."""
    assert judged(files[0], files[0]).verdict is Verdict.PASS
    assert judged(files[0], files[0], margins=(), better_by=0.0).verdict is Verdict.FAIL


def test_parquet_and_csv_of_the_same_numbers_are_judged_alike(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Typed columns and text are the same rows."""
    frame = pd.DataFrame(ROWS, columns=["key", "y", "p"])
    frame.to_parquet(tmp_path / "a.parquet")
    assert judged(tmp_path / "a.parquet", files[1]).comparisons == judged(*files).comparisons


def test_the_test_set_has_one_digest_whoever_predicts(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Ids and truth, in the order of the ids: no file's order and no model changes it, another truth does."""
    again = written(tmp_path / "c.csv", [(key, y, 0.5 + p / 9) for key, y, p in reversed(ROWS)])
    wanted = judged(*files).test_set
    assert judged(files[0], again).test_set == wanted
    assert judged(again, files[0]).test_set == wanted
    turned = written(tmp_path / "d.csv", [(key, 1 - y, p) for key, y, p in ROWS])
    assert judged(turned, turned).test_set != wanted


def noisy(folder: Path, name: str, seed: int, order: list[int]) -> Path:
    draw = np.random.default_rng(seed).normal(0, 0.6, 600)
    rows = [(f"r{n}", n % 2, float(np.clip(n % 2 * 0.4 + 0.3 + draw[n], 0, 1)), f"g{n % 40}", 1 + n % 3) for n in order]
    return written(folder / name, rows, "key,y,p,patient,w")


@pytest.mark.parametrize("options", [{}, {"group": "patient"}, {"weight": "w"}, {"group": "patient", "weight": "w"}])
def test_resampling_does_not_depend_on_the_order_of_a_file(tmp_path: Path, options: dict[str, str]) -> None:
    """To the last digit, with groups and weights too."""
    straight, shuffled = list(range(600)), np.random.default_rng(5).permutation(600).tolist()
    asked = {"metrics": ("f1", "average_precision"), "margins": ("0.1", "0.1")} | options
    champion = noisy(tmp_path, "a.csv", 1, straight)
    found = judged(champion, noisy(tmp_path, "b.csv", 2, straight), **asked)
    assert judged(champion, noisy(tmp_path, "c.csv", 2, shuffled), **asked).comparisons == found.comparisons
    assert judged(noisy(tmp_path, "d.csv", 1, shuffled), tmp_path / "c.csv", **asked).comparisons == found.comparisons
    plain = judged(champion, tmp_path / "b.csv", **(asked | {"group": None, "weight": None}))
    assert (plain.comparisons == found.comparisons) == (not options)


def test_a_weight_counts_a_row_as_often(tmp_path: Path) -> None:
    """A metric with weights is that of rows repeated; a weight of zero takes a row away."""
    order = list(range(600))
    champion, challenger = noisy(tmp_path, "a.csv", 1, order), noisy(tmp_path, "b.csv", 2, order)
    [found] = judged(champion, challenger, metrics=("brier_score",), weight="w").comparisons
    frame = pd.read_csv(challenger)
    assert found.challenger == pytest.approx(np.average((frame["p"] - frame["y"]) ** 2, weights=frame["w"]))


def test_a_slice_is_the_primary_on_its_rows(tmp_path: Path) -> None:
    """With the primary's margin; two spellings of a value are one."""
    order = list(range(600))
    champion, challenger = noisy(tmp_path, "a.csv", 1, order), noisy(tmp_path, "b.csv", 2, order)
    record = judged(champion, challenger, metrics=("accuracy",), slices=("w=2.0", "light=w=1"))
    frame = pd.read_csv(challenger)
    for comparison, weight in zip(record.comparisons[1:], (2, 1), strict=True):
        rows = frame[frame["w"] == weight]
        assert comparison.challenger == pytest.approx(((rows["p"] >= 0.5) == rows["y"]).mean())
        assert (comparison.role, comparison.margin, comparison.n) == ("slice", 0.2, len(rows))
    assert [c.slice for c in record.comparisons] == [None, "w=2.0", "light"]


def test_labels_of_a_model_come_before_its_threshold(tmp_path: Path) -> None:
    """Metrics of labels read the column of labels, metrics of scores the scores, whatever numbers they are."""
    rows = [(f"r{n}", "yes" if n % 2 else "no", 3.0 * n, "yes" if n % 3 else "no") for n in range(60)]
    both = written(tmp_path / "a.csv", rows, "key,y,p,said")
    better = written(tmp_path / "b.csv", [(key, y, p, y) for key, y, p, _ in rows], "key,y,p,said")
    asked = {"metrics": ("accuracy", "roc_auc"), "margins": ("0.1", "0.3"), "label": "said", "positive": "yes"}
    accuracy, auc, positives = judged(both, better, **asked, slices=("y=yes",)).comparisons
    assert (positives.champion, positives.challenger, positives.n) == (pytest.approx(20 / 30), 1.0, 30)
    assert (accuracy.champion, accuracy.challenger) == (sum((n % 2 > 0) == (n % 3 > 0) for n in range(60)) / 60, 1.0)
    assert auc.challenger == pytest.approx(0.5 + 0.5 / 30)


def test_one_class_is_never_a_pass_and_says_why(tmp_path: Path) -> None:
    """An AUC of one class does not exist."""
    rows = [(key, 1, p) for key, _, p in ROWS]
    record = judged(written(tmp_path / "a.csv", rows), written(tmp_path / "b.csv", [(k, y, p / 2) for k, y, p in rows]))
    assert record.verdict in (Verdict.INVALID, Verdict.INCONCLUSIVE)
    assert "only one class among the rows" in record.reasons[0]


def test_lines_count_as_an_editor_counts_them(tmp_path: Path) -> None:
    """Blank lines and quoted line breaks do not shift the place."""
    challenger = tmp_path / "b.csv"
    challenger.write_text('key,y,p\n\n"r\n0",0,0.1\nr1,1,x\n')
    champion = tmp_path / "a.csv"
    champion.write_text('key,y,p\n"r\n0",0,0.1\nr1,1,0.9\n')
    with pytest.raises(BadInputError) as caught:
        judged(champion, challenger)
    assert str(caught.value).startswith(f'{challenger}:5: "p" holds "x", no finite number')


def test_mape_with_a_zero_in_the_truth_is_invalid(tmp_path: Path) -> None:
    """It is not defined, however many rows there are."""
    rows = [(f"r{n}", float(n), n + 0.5) for n in range(40)]
    champion, challenger = (
        written(tmp_path / "a.csv", rows),
        written(tmp_path / "b.csv", [(k, y, y + 1) for k, y, _ in rows]),
    )
    record = judged(champion, challenger, metrics=("mape",))
    assert (record.verdict, "mape is not defined" in record.reasons[0]) == (Verdict.INVALID, True)
