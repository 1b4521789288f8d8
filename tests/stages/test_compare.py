"""Compare: two files of predictions that any tool may have written, aligned by id and judged by one metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from release.artifact.serial import digest_of
from release.config.model import Relative
from release.errors import BadInputError
from release.records import TestSet, Verdict, VerdictRecord
from release.stages.compare import Columns, compare

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = Columns(id="key", target="y", score="p")
ROWS = [(f"r{number}", number % 2, 0.2 + 0.6 * (number % 2) + (number % 7) / 100) for number in range(60)]


def written(path: Path, rows: list[Any], header: str = "key,y,p") -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def judged(champion: Path, challenger: Path, **options: Any) -> VerdictRecord:
    given = {"metric": "roc_auc", "margin": 0.2, "better_by": None, "threshold": 0.5, "alpha": 0.05, **options}
    return compare(champion, challenger, given.pop("columns", COLUMNS), **given)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Give a champion's file and a challenger's with the same rows in another order, scored a little differently."""
    other = [(key, y, p + 0.001 * (number % 3)) for number, (key, y, p) in enumerate(ROWS)]
    return written(tmp_path / "a.csv", ROWS), written(tmp_path / "b.csv", list(reversed(other)))


def refused(champion: Path, challenger: Path, **options: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        judged(champion, challenger, **options)
    return str(caught.value)


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
    """Tango's interval for (59, 6; 16, 80): -.0621, (-.1240, -.0054); McNemar's asymptotic p .033006."""
    both = [(1, 1)] * 59 + [(1, 0)] * 6 + [(0, 1)] * 16 + [(0, 0)] * 80
    # The first of each pair is the challenger: right on 65 of 161, the champion on 75.
    champion = written(tmp_path / "a.csv", [(f"r{n}", 1, theirs) for n, (_, theirs) in enumerate(both)])
    challenger = written(tmp_path / "b.csv", [(f"r{n}", 1, ours) for n, (ours, _) in enumerate(both)])
    record = judged(champion, challenger, metric="accuracy", margin=0.13)
    [found] = record.comparisons
    assert (found.difference, found.low, found.high) == (
        pytest.approx(-0.0621, abs=5e-5),
        pytest.approx(-0.1240, abs=5e-5),
        pytest.approx(-0.0054, abs=5e-5),
    )
    assert (found.p_value, record.verdict) == (pytest.approx(0.033006, abs=5e-7), Verdict.PASS)
    assert judged(champion, challenger, metric="accuracy", margin=0.12).verdict is Verdict.INCONCLUSIVE
    assert judged(champion, challenger, metric="accuracy", margin=0.005).verdict is Verdict.FAIL


def test_a_threshold_makes_labels_of_scores(tmp_path: Path) -> None:
    """At or above it, for metrics of labels alone."""
    champion = written(tmp_path / "a.csv", [(f"r{n}", n % 2, 0.3 + 0.2 * (n % 2)) for n in range(40)])
    challenger = written(tmp_path / "b.csv", [(f"r{n}", n % 2, 0.3 + 0.3 * (n % 2)) for n in range(40)])
    for threshold, recall in ((0.5, 1.0), (0.55, 0.0), (0.3, 1.0)):
        [found] = judged(champion, challenger, metric="recall", threshold=threshold).comparisons
        assert (found.champion, found.challenger) == (recall, 1.0)
    assert judged(champion, challenger, metric="brier_score", threshold=0.9).verdict is Verdict.PASS


def test_regression_has_numbers_for_truth(tmp_path: Path) -> None:
    """A paired mean, compared with the Normal interval that it nearly has."""
    draw = np.random.default_rng(2)
    y = draw.normal(size=800)
    first, second = y + draw.normal(0, 1.1, 800), y + draw.normal(0, 1.0, 800)
    champion = written(tmp_path / "a.csv", list(zip(range(800), y, first, strict=True)))
    challenger = written(tmp_path / "b.csv", list(zip(range(800), y, second, strict=True)))
    [found] = judged(champion, challenger, metric="mae", margin=None, better_by=0.0).comparisons
    pairs = np.abs(first - y) - np.abs(second - y)
    se = pairs.std(ddof=1) / math.sqrt(800)
    assert found.difference == pytest.approx(pairs.mean(), abs=1e-12)
    assert found.low == pytest.approx(pairs.mean() - norm.ppf(0.975) * se, abs=0.4 * se)
    [relative] = judged(champion, challenger, metric="mae", margin=Relative(relative="5%")).comparisons
    assert (relative.verdict, relative.margin) == (Verdict.PASS, 0.05)


def test_a_file_against_itself_is_the_same_model(files: tuple[Path, Path]) -> None:
    """By digest: no worse, and no better."""
    assert judged(files[0], files[0]).verdict is Verdict.PASS
    assert judged(files[0], files[0], margin=None, better_by=0.0).verdict is Verdict.FAIL


def test_parquet_and_csv_of_the_same_numbers_are_judged_alike(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Typed columns and text are the same rows."""
    frame = pd.DataFrame(ROWS, columns=["key", "y", "p"])
    frame.to_parquet(tmp_path / "a.parquet")
    assert judged(tmp_path / "a.parquet", files[1]).comparisons == judged(*files).comparisons


def test_the_test_set_has_one_digest_whoever_predicts(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Ids and truth, in the order of the challenger's file."""
    again = written(tmp_path / "c.csv", [(key, y, 0.5 + p / 9) for key, y, p in reversed(ROWS)])
    assert judged(files[0], again).test_set == judged(*files).test_set
    assert isinstance(judged(*files).test_set, TestSet)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"metric": "rocauc"}, '--metric: "rocauc" is no metric that two columns can be judged by; one of: roc_auc,'),
        ({"metric": "macro_f1"}, '--metric: "macro_f1" is no metric that two columns can be judged by; one of: roc_auc,'),
        ({"margin": None}, "either --margin or --better-by is needed; for example --margin 0.01"),
        ({"better_by": 0.0}, "either --margin or --better-by is needed; for example --margin 0.01"),
        ({"margin": None, "better_by": -0.1}, "--better-by: -0.1 is no gain to ask for; use 0 or more; or --margin"),
        ({"margin": None, "better_by": math.nan}, "--better-by: nan is no gain to ask for; use 0 or more; or --margin"),
        ({"margin": None, "better_by": math.inf}, "--better-by: inf is no gain to ask for; use 0 or more; or --margin"),
        ({"threshold": math.nan}, "--threshold: nan is no threshold; use a number from 0 to 1"),
        ({"threshold": 1.5}, "--threshold: 1.5 is no threshold; use a number from 0 to 1"),
        ({"alpha": math.nan}, "--alpha: nan is no error rate; use one above 0, at most 0.2"),
        ({"alpha": 0.0}, "--alpha: 0 is no error rate; use one above 0, at most 0.2"),
        ({"alpha": 0.5}, "--alpha: 0.5 is no error rate; use one above 0, at most 0.2"),
    ],
)
def test_options_out_of_range_are_bad_input(files: tuple[Path, Path], options: dict[str, Any], line: str) -> None:
    """Before a file is opened; NaN is never compared with anything."""
    assert refused(*files, **options).startswith(line)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ((3, ("r3", 1, "")), 'b.csv:5: "p" is empty; a judgement needs a number for every row'),
        ((3, ("r3", 1, "high")), 'b.csv:5: "p" holds "high", no finite number; a judgement needs a number for every row'),
        ((3, ("r3", 1, "nan")), 'b.csv:5: "p" holds "nan", no finite number; a judgement needs a number for every row'),
        ((3, ("r3", 1, "inf")), 'b.csv:5: "p" holds "inf", no finite number; a judgement needs a number for every row'),
        ((3, ("r3", "", 0.5)), 'b.csv:5: "y" is empty; a judgement needs a number for every row'),
        ((3, ("r3", 2, 0.5)), 'b.csv:5: roc_auc needs 0 and 1 in "y"; encode the target'),
        ((3, ("r3", 0, 0.5)), 'b.csv:5: the two files disagree on "y" of this row; use one truth'),
        (
            (3, ("r2", 1, 0.5)),
            'b.csv:5: "key" does not name this row: it is empty, or names a row before; give each row one',
        ),
        ((3, ("", 1, 0.5)), 'b.csv:5: "key" does not name this row: it is empty, or names a row before; give each row one'),
        ((3, ("zz", 1, 0.5)), 'a.csv: the files hold different rows: id "zz" is missing here; score the same rows'),
        ((3, ("r3", 1, 0.5, 9)), "b.csv:5: 4 cells where the header has 3; quote cells that hold commas"),
    ],
)
def test_a_row_that_cannot_be_judged_is_named(tmp_path: Path, change: tuple[int, Any], line: str) -> None:
    """File and line; nobody's rows are dropped in silence."""
    rows: list[Any] = list(ROWS)
    rows[change[0]] = change[1]
    champion, challenger = written(tmp_path / "a.csv", ROWS), written(tmp_path / "b.csv", rows)
    assert refused(champion, challenger).startswith(f"{tmp_path}/{line}")


def test_lines_count_as_an_editor_counts_them(tmp_path: Path) -> None:
    """Blank lines and quoted line breaks do not shift the place."""
    challenger = tmp_path / "b.csv"
    challenger.write_text('key,y,p\n\n"r\n0",0,0.1\nr1,1,x\n')
    champion = tmp_path / "a.csv"
    champion.write_text('key,y,p\n"r\n0",0,0.1\nr1,1,0.9\n')
    assert refused(champion, challenger).startswith(f'{challenger}:5: "p" holds "x", no finite number')


def test_a_row_that_one_file_lacks_is_told_of_that_file(tmp_path: Path) -> None:
    """Whichever of the two it is."""
    champion, challenger = written(tmp_path / "a.csv", ROWS), written(tmp_path / "b.csv", ROWS[:-1])
    assert refused(champion, challenger) == (
        f'{challenger}: the files hold different rows: id "r59" is missing here; score the same rows'
    )
    assert refused(challenger, champion).startswith(f'{challenger}: the files hold different rows: id "r59"')


def test_a_column_that_is_not_there_is_told_with_those_that_are(files: tuple[Path, Path]) -> None:
    """In the file that lacks it."""
    line = refused(*files, columns=Columns(id="key", target="y", score="score"))
    assert line == f'{files[1]}: there is no column "score"; the file has: key, y, p'


def test_one_class_is_inconclusive_and_says_why(tmp_path: Path) -> None:
    """An AUC of one class does not exist; nothing passes."""
    rows = [(key, 1, p) for key, _, p in ROWS]
    record = judged(written(tmp_path / "a.csv", rows), written(tmp_path / "b.csv", [(k, y, p / 2) for k, y, p in rows]))
    assert (record.verdict, record.reasons) == (Verdict.INCONCLUSIVE, ("roc_auc: only one class among the rows",))
