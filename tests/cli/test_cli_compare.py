"""`release compare`: two files of predictions that any tool may have written, without a repository."""

from __future__ import annotations

import random
from itertools import product
from typing import TYPE_CHECKING

import pytest
from cli_running import Done, here, ok

if TYPE_CHECKING:
    from pathlib import Path

Row = tuple[str, float, float]
ROWS = 171
EXAMPLE = ["--target", "y", "--score", "p", "--id", "id", "--metric", "roc_auc", "--margin", "0.01"]


def scored(seed: int, *, noise: float) -> list[Row]:
    """Return id, truth and score of rows that have the same truth whatever the seed."""
    draw, chance = random.Random(seed), random.Random(1)
    truths = [int(chance.random() < 0.4) for _ in range(ROWS)]
    return [(f"r{number}", y, min(max(y * 0.6 + 0.2 + draw.gauss(0, noise), 0), 1)) for number, y in enumerate(truths)]


def write(folder: Path, name: str, rows: list[Row], head: str = "id,y,p") -> None:
    (folder / name).write_text(head + "\n" + "".join(f"{row},{y},{p!r}\n" for row, y, p in rows))


def auc(rows: list[Row]) -> float:
    """Count the pairs of a positive and a negative row that the scores put in order."""
    positive, negative = ([p for _, y, p in rows if y == truth] for truth in (1, 0))
    pairs = list(product(positive, negative))
    return sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)


def compare(folder: Path, *options: str, champion: str = "a.csv", challenger: str = "b.csv") -> Done:
    return here(folder, "compare", "--champion", champion, "--challenger", challenger, *options)


def test_the_documented_example_is_a_verdict_record(tmp_path: Path) -> None:
    """The command of the documentation, outside of any repository, ends 0 with the record of a PASS."""
    champion, challenger = scored(2, noise=0.3), scored(3, noise=0.05)
    write(tmp_path, "a.csv", champion)
    write(tmp_path, "b.csv", challenger)
    record = ok(compare(tmp_path, *EXAMPLE, "--json")).document
    assert (record["verdict"], record["model"], record["alpha"]) == ("PASS", None, 0.05)
    assert (record["test_set"]["looks"], record["test_set"]["budget"], record["reasons"]) == (1, 1, [])
    [found] = record["comparisons"]
    assert (found["metric"], found["role"], found["slice"], found["n"]) == ("roc_auc", "primary", None, ROWS)
    assert found["champion"] == pytest.approx(auc(champion))
    assert found["challenger"] == pytest.approx(auc(challenger))
    assert found["difference"] == pytest.approx(auc(challenger) - auc(champion))
    assert found["level"] == pytest.approx(0.95)
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert (found["margin"], found["verdict"], found["rows_needed"]) == (0.01, "PASS", None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_the_other_verdicts_have_their_codes(tmp_path: Path) -> None:
    """The worse file fails (4), two that are hard to tell apart are inconclusive (7) with the rows that would tell."""
    write(tmp_path, "a.csv", scored(2, noise=0.05))
    write(tmp_path, "b.csv", scored(3, noise=0.9))
    failed = compare(tmp_path, *EXAMPLE, "--json")
    assert (failed.code, failed.document["verdict"]) == (4, "FAIL")
    assert failed.errors[0].startswith("error: the challenger: FAIL: roc_auc: at best ")
    write(tmp_path, "a.csv", scored(2, noise=0.4))
    write(tmp_path, "b.csv", scored(3, noise=0.4))
    unsure = compare(tmp_path, *EXAMPLE, "--json")
    needed = unsure.document["rows_needed"]
    assert (unsure.code, unsure.document["verdict"]) == (7, "INCONCLUSIVE")
    assert needed > ROWS
    assert unsure.errors[0].endswith(f"about {needed} test rows would tell")


def test_rows_are_aligned_by_id_and_never_by_position(tmp_path: Path) -> None:
    """The same rows in another order give the same comparison to the last digit."""
    champion, challenger = scored(2, noise=0.3), scored(3, noise=0.1)
    write(tmp_path, "a.csv", champion)
    write(tmp_path, "b.csv", challenger)
    straight = compare(tmp_path, *EXAMPLE, "--json").document
    write(tmp_path, "a.csv", sorted(champion, key=lambda row: row[2]))
    shuffled = compare(tmp_path, *EXAMPLE, "--json").document
    assert shuffled["comparisons"] == straight["comparisons"]
    assert shuffled["champion"] != straight["champion"]
    assert shuffled["test_set"] == straight["test_set"]


def test_a_relative_margin_grows_with_the_champions_value(tmp_path: Path) -> None:
    """What 2% does not allow, 30% does: the margin is a share of the champion's error, not a number."""
    draw = random.Random(4)
    truth = [100 + draw.gauss(0, 20) for _ in range(400)]
    errors = [draw.gauss(0, 10) for _ in truth]
    write(tmp_path, "a.csv", [(f"r{n}", y, y + e) for n, (y, e) in enumerate(zip(truth, errors, strict=True))])
    write(tmp_path, "b.csv", [(f"r{n}", y, y + 1.1 * e) for n, (y, e) in enumerate(zip(truth, errors, strict=True))])
    options = ["--target", "y", "--score", "p", "--id", "id", "--metric", "rmse", "--json"]
    strict, wide = (compare(tmp_path, *options, "--margin", margin) for margin in ("2%", "30%"))
    assert (strict.code, strict.document["verdict"]) == (4, "FAIL")
    assert (wide.code, wide.document["verdict"]) == (0, "PASS")
    [found] = wide.document["comparisons"]
    assert found["challenger"] == pytest.approx(1.1 * found["champion"])
    assert found["difference"] == pytest.approx(1.3 * found["champion"] - found["challenger"])


def test_better_by_asks_for_a_gain(tmp_path: Path) -> None:
    """A challenger that is only as good passes a margin and does not pass `--better-by`."""
    rows = scored(2, noise=0.2)
    write(tmp_path, "a.csv", rows)
    write(tmp_path, "b.csv", [(row, y, 0.9 * p + 0.001) for row, y, p in rows])
    asked = EXAMPLE[:-2]
    assert compare(tmp_path, *asked, "--margin", "0.1").code == 0
    gain = compare(tmp_path, *asked, "--better-by", "0", "--json")
    assert gain.code == 7
    assert gain.document["comparisons"][0]["margin"] == 0


ROWS_OF_TWO = "id,y,p\nr0,0,0.1\nr1,1,0.9\n"
REFUSED = {
    "both": ([*EXAMPLE, "--better-by", "0"], ROWS_OF_TWO, "release compare: say either --margin or --better-by"),
    "neither": (EXAMPLE[:-2], ROWS_OF_TWO, "release compare: say either --margin or --better-by"),
    "margin": ([*EXAMPLE[:-1], "0"], ROWS_OF_TWO, "--margin: "),
    "metric": ([*EXAMPLE[:-3], "auc", "--margin", "0.01"], ROWS_OF_TWO, '--metric: "auc" is no metric'),
    "column": (EXAMPLE, "id,y,q\nr0,0,0.1\nr1,1,0.9\n", 'b.csv: there is no column "p"; the file has: id, y, q'),
    "id twice": (EXAMPLE, "id,y,p\nr0,0,0.1\nr0,1,0.9\n", 'b.csv:3: "id" does not name this row'),
    "other rows": (EXAMPLE, "id,y,p\nr0,0,0.1\nr7,1,0.9\n", 'a.csv: the files hold different rows: id "r7" is missing'),
    "fewer rows": (EXAMPLE, "id,y,p\nr0,0,0.1\n", 'b.csv: the files hold different rows: id "r1" is missing'),
    "other truth": (EXAMPLE, "id,y,p\nr0,1,0.1\nr1,1,0.9\n", 'b.csv:2: the two files disagree on "y" of this row'),
    "no number": (EXAMPLE, "id,y,p\nr0,0,high\nr1,1,0.9\n", 'b.csv:2: "p" holds "high", no finite number'),
    "no score": (EXAMPLE, "id,y,p\nr0,0,\nr1,1,0.9\n", 'b.csv:2: "p" is empty'),
    "words for truth": (EXAMPLE, "id,y,p\nr0,2,0.1\nr1,1,0.9\n", 'b.csv:2: roc_auc needs 0 and 1 in "y"'),
}


@pytest.mark.parametrize(("options", "challenger", "said"), REFUSED.values(), ids=REFUSED)
def test_files_that_cannot_be_compared_are_refused_by_line(
    tmp_path: Path, options: list[str], challenger: str, said: str
) -> None:
    """Bad options and files end 2, with the file, the line and what is wrong with it; as JSON the same."""
    (tmp_path / "a.csv").write_text(ROWS_OF_TWO)
    (tmp_path / "b.csv").write_text(challenger)
    told = compare(tmp_path, *options)
    assert (told.code, told.out) == (2, "")
    [line] = told.err.splitlines()
    assert line.startswith(f"error: {said}")
    parsed = compare(tmp_path, *options, "--json")
    assert (parsed.code, parsed.document["error"]["code"]) == (2, 2)
    assert parsed.document["error"]["fix"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The option and the path are in the message."""
    told = compare(tmp_path, *EXAMPLE)
    what = "Invalid value for '--champion': File 'a.csv' does not exist"
    assert (told.code, told.err) == (2, f"error: release compare: {what}; see `release compare --help`\n")
