"""`release compare`: two files of predictions that any tool may have written, without a repository."""

from __future__ import annotations

import gzip
import random
from itertools import product
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from cli_running import Done, here, ok, process

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


def test_several_metrics_are_one_judgement(tmp_path: Path) -> None:
    """The first is the primary, the others guards; floors and slices beside them; every margin by the name of its metric."""
    write(tmp_path, "a.csv", scored(2, noise=0.3))
    write(tmp_path, "b.csv", scored(3, noise=0.05))
    base = ["--target", "y", "--score", "p", "--id", "id", "--metric", "roc_auc", "--metric", "brier_score"]
    asked = [*base, "--margin", "brier_score=0.02", "--margin", "roc_auc=0.05", "--floor", "recall=0.6", "--json"]
    record = ok(compare(tmp_path, *asked)).document
    assert [(c["metric"], c["role"], c["margin"]) for c in record["comparisons"]] == [
        ("roc_auc", "primary", 0.05),
        ("brier_score", "guard", 0.02),
        ("recall", "floor", 0.6),
    ]
    in_order = [*base, "--margin", "0.05", "--margin", "0.02", "--floor", "recall=0.6", "--json"]
    assert ok(compare(tmp_path, *in_order)).document == record


def test_what_is_known_of_rows_may_stand_in_a_third_file(tmp_path: Path) -> None:
    """Prediction files of id and score alone give the verdict that whole files give."""
    whole = {"a.csv": scored(2, noise=0.3), "b.csv": scored(3, noise=0.1)}
    head = "id,y,p,patient,w,smoker"
    extra = [f"g{number // 2},{1 + number % 3},{'yes' if number % 3 else 'no'}" for number in range(ROWS)]
    for name, rows in whole.items():
        lines = [f"{row},{y},{p!r},{more}" for (row, y, p), more in zip(rows, extra, strict=True)]
        (tmp_path / name).write_text("\n".join([head, *lines]) + "\n")
        (tmp_path / f"thin-{name}").write_text("id,p\n" + "".join(f"{row},{p!r}\n" for row, _, p in reversed(rows)))
    lines = [f"{row},{y},{more}" for (row, y, _), more in zip(whole["a.csv"], extra, strict=True)]
    (tmp_path / "truth.csv").write_text("\n".join(["id,y,patient,w,smoker", *lines]) + "\n")
    options = [*EXAMPLE[:-1], "0.2", "--group", "patient", "--weight", "w", "--slice", "smokers=smoker=yes", "--json"]
    record = ok(compare(tmp_path, *options)).document
    thin = compare(tmp_path, *options, "--truth", "truth.csv", champion="thin-a.csv", challenger="thin-b.csv").document
    assert thin["comparisons"] == record["comparisons"]
    assert thin["test_set"] == record["test_set"]
    assert [(c["role"], c["slice"], c["n"]) for c in record["comparisons"]][1] == ("slice", "smokers", ROWS * 2 // 3)


def test_one_file_may_hold_both_models(tmp_path: Path) -> None:
    """Two columns of one file are two models, not one."""
    champion, challenger = scored(2, noise=0.3), scored(3, noise=0.05)
    lines = [f"{row},{y},{old!r},{new!r}" for (row, y, old), (_, _, new) in zip(champion, challenger, strict=True)]
    (tmp_path / "both.csv").write_text("\n".join(["id,y,old,new", *lines]) + "\n")
    options = ["--target", "y", "--id", "id", "--champion-score", "old", "--score", "new"]
    options += ["--metric", "roc_auc", "--better-by", "0", "--json"]
    record = ok(compare(tmp_path, *options, champion="both.csv", challenger="both.csv")).document
    assert record["comparisons"][0]["champion"] == pytest.approx(auc(champion))
    assert record["comparisons"][0]["challenger"] == pytest.approx(auc(challenger))
    assert record["champion"] != record["challenger"]


ANIMALS = ["cat", "dog", "owl"]


def animals(folder: Path, name: str, seed: int, sure: float) -> None:
    """Write probabilities of three animals and the most probable one; truth does not depend on the seed."""
    draw, chance = random.Random(seed), random.Random(1)
    lines = ["id,animal,p_cat,p_dog,p_owl,called"]
    for number in range(ROWS):
        truth = chance.choice(ANIMALS)
        weights = [draw.random() + sure * (one == truth) for one in ANIMALS]
        shares = [weight / sum(weights) for weight in weights]
        called = ANIMALS[shares.index(max(shares))]
        lines.append(f"r{number},{truth},{','.join(map(repr, shares))},{called}")
    (folder / name).write_text("\n".join(lines) + "\n")


def test_each_class_may_have_its_column(tmp_path: Path) -> None:
    """By a star, or listed in any order; metrics of labels say the same of the column of labels."""
    animals(tmp_path, "a.csv", 2, 0.3)
    animals(tmp_path, "b.csv", 3, 2.0)
    base = ["--target", "animal", "--id", "id", "--metric", "accuracy", "--margin", "0.05", "--metric", "macro_f1"]
    base += ["--margin", "0.05", "--json"]
    star = ok(compare(tmp_path, "--score", "p_*", *base)).document
    listed = ok(compare(tmp_path, "--score", "p_owl", "--score", "p_cat", "--score", "p_dog", *base)).document
    labels = ok(compare(tmp_path, "--label", "called", *base)).document
    assert star["comparisons"] == listed["comparisons"] == labels["comparisons"]
    assert star["test_set"] == labels["test_set"]
    truth = [line.split(",") for line in (tmp_path / "b.csv").read_text().splitlines()[1:]]
    right = sum(cells[1] == cells[-1] for cells in truth)
    assert star["comparisons"][0]["challenger"] == pytest.approx(right / ROWS)


def test_a_gate_of_a_file_is_judged_as_it_stands(tmp_path: Path) -> None:
    """Looks, floors, guards, slices and who decides; budgets, which predictions say nothing of, are named as not judged."""
    write(tmp_path, "a.csv", scored(2, noise=0.3))
    write(tmp_path, "b.csv", scored(3, noise=0.05))
    (tmp_path / "gate.yaml").write_text(
        "gate:\n  primary: {metric: roc_auc, margin: 0.05}\n  guards:\n"
        "    - {metric: recall, margin: 0.001, when_unsure: note}\n  floors: {roc_auc: 0.7}\n"
        "  slices:\n    - {name: first, where: {id: r1}, metric: recall, margin: 0.1, when_unsure: note}\n"
        "  looks: 5\n  budgets: {size_mb: 5}\n"
    )
    options = ["--target", "y", "--score", "p", "--id", "id", "--gate", "gate.yaml"]
    record = ok(compare(tmp_path, *options, "--json")).document
    assert [(c["role"], c["verdict"]) for c in record["comparisons"]] == [
        ("primary", "PASS"),
        ("guard", record["comparisons"][1]["verdict"]),
        ("floor", "PASS"),
        ("slice", "INCONCLUSIVE"),
    ]
    assert record["comparisons"][0]["level"] == pytest.approx(0.99)
    assert record["test_set"]["budget"] == 5
    assert record["reasons"][-1].startswith("the budgets of the gate (size_mb) are not judged")
    assert "size_mb" in compare(tmp_path, *options).out


def test_a_first_release_is_judged_by_its_floors(tmp_path: Path) -> None:
    """Without a champion floors are all there is; a gate that has none for its primary is INVALID."""
    write(tmp_path, "b.csv", scored(3, noise=0.05))
    base = ["compare", "--challenger", "b.csv", "--target", "y", "--score", "p", "--id", "id", "--json"]
    record = ok(here(tmp_path, *base, "--floor", "roc_auc=0.9")).document
    assert (record["champion"], [c["role"] for c in record["comparisons"]]) == (None, ["floor"])
    (tmp_path / "gate.yaml").write_text("primary: {metric: roc_auc, margin: 0.05}\nfloors: {recall: 0.5}\n")
    lacking = here(tmp_path, *base, "--gate", "gate.yaml")
    assert (lacking.code, lacking.document["verdict"]) == (4, "INVALID")
    assert "gate.floors has none for roc_auc" in lacking.document["reasons"][0]


def test_a_whole_model_yaml_names_the_columns_too(tmp_path: Path) -> None:
    """What the model's own file says of task, target, id and threshold needs no option."""
    write(tmp_path, "a.csv", [(r, y, p) for r, y, p in scored(2, noise=0.2)], "key,sick,p")
    write(tmp_path, "b.csv", [(r, y, p) for r, y, p in scored(3, noise=0.05)], "key,sick,p")
    (tmp_path / "model.yaml").write_text(
        "owner: me\ntask: binary\ndata: {train: a.csv, test: b.csv, target: sick, id: key, columns: {p: float}}\n"
        "estimator: {kind: logistic-regression}\nevaluation: {threshold: 0.3}\n"
        "gate: {primary: {metric: recall, margin: 0.1}, floors: {recall: 0.5}, looks: 1}\n"
    )
    record = ok(compare(tmp_path, "--gate", "model.yaml", "--score", "p", "--json")).document
    rows = scored(3, noise=0.05)
    found = sum(p >= 0.3 for _, y, p in rows if y) / sum(y for _, y, _ in rows)
    assert record["comparisons"][0]["challenger"] == pytest.approx(found)


def two(rows: str = "r0,0,0.1\nr1,1,0.9\n", head: str = "id,y,p") -> str:
    return f"{head}\n{rows}"


def example(**changed: str | None) -> list[str]:
    """Return the options of the example with some changed, or left out where None."""
    options = {EXAMPLE[place].lstrip("-"): EXAMPLE[place + 1] for place in range(0, len(EXAMPLE), 2)}
    options |= {name.replace("_", "-"): value for name, value in changed.items()}  # type: ignore[misc]
    return [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]


GATE = "gate:\n  primary: {metric: roc_auc, margin: 0.05}\n"
OPTIONS = {
    "two answers": (example(better_by="0"), '--better-by: "roc_auc" has a margin and --better-by'),
    "no margin": (example(margin=None), '--margin: "roc_auc" has no margin; add --margin roc_auc=X or --better-by X'),
    "no metric": (example(metric=None, margin=None), "--metric: nothing to judge by; add --metric"),
    "no baseline": (["--floor", "roc_auc=0.9"], "--id: no column is named; add --id COLUMN"),
    "margin 0": (example(margin="0"), "--margin: a margin must be above 0, not 0; use better_by: 0"),
    "margin -1": (example(margin="-1"), "--margin: a margin must be above 0, not -1; use better_by: 0"),
    "margin nan": (example(margin="nan"), '--margin: "nan" is no margin; write a number such as 0.01'),
    "margin inf": (example(margin="roc_auc=inf"), '--margin: "inf" is no margin; write a number such as 0.01'),
    "margin x": (example(margin="x"), '--margin: "x" is no margin; write a number such as 0.01'),
    "margin of another": (example(margin="recall=0.1"), '--margin: a margin for "recall", no --metric'),
    "one margin for two": (
        [*EXAMPLE, "--metric", "recall"],
        "--margin: 1 margin for 2 metrics; each has a scale of its own",
    ),
    "mixed margins": ([*EXAMPLE, "--margin", "recall=1"], "--margin: some margins name their metric, some do not"),
    "second margin": (
        [*example(margin="roc_auc=1"), "--margin", "roc_auc=2"],
        '--margin: a second margin for "roc_auc"; write',
    ),
    "metric twice": ([*EXAMPLE, "--metric", "roc_auc"], '--metric: "roc_auc" is there twice; name each metric once'),
    "unknown metric": (example(metric="auc"), '--metric: "auc" is no metric for any task; did you mean "roc_auc"?'),
    "biased metric": (example(metric="expected_calibration_error"), "--metric: expected_calibration_error is biased"),
    "cost": (example(metric="cost"), "--metric: cost is judged by a matrix, and gate.costs has no cost"),
    "two tasks": (
        [*EXAMPLE, "--metric", "rmse", "--margin", "1"],
        "--metric: roc_auc and rmse are metrics of different tasks; compare once for each",
    ),
    "another task": (example(task="regression"), '--metric: "roc_auc" is no metric for regression; '),
    "one score": (example(metric="macro_recall"), "--score: one column of scores does not give macro_recall a class"),
    "score of labels": (example(score=None, label="y"), "--label: roc_auc reads scores, and a model gives labels alone"),
    "no output": (example(score=None), "--score: no column of predictions is named; add --score COLUMN, or --label"),
    "no gain": (example(margin=None, better_by="-1"), "--better-by: -1 is no gain to ask for; use 0 or more; or --margin"),
    "gain nan": (example(margin=None, better_by="nan"), "--better-by: nan is no gain to ask for; use 0 or more"),
    "floor": (example(floor="0.9"), '--floor: "0.9" is no floor; write METRIC=NUMBER, such as roc_auc=0.9'),
    "floor nan": (example(floor="roc_auc=nan"), '--floor: "roc_auc=nan" is no floor; write METRIC=NUMBER'),
    "floor of what": (
        example(floor="acuracy=0.9"),
        '--floor: "acuracy" is no metric for any task; did you mean "accuracy"?',
    ),
    "slice": (example(slice="smokers"), '--slice: "smokers" is no slice; write COLUMN=VALUE or NAME=COLUMN=VALUE'),
    "slice of a gain": (
        example(slice="y=1", margin=None, better_by="0"),
        "--slice: a slice is judged by the primary metric's margin, and there is none; give the first --metric a margin",
    ),
    "slice column": (example(slice="smoker=1"), 'b.csv: slice "smoker=1" asks for column "smoker", which no file has'),
    "alpha": (example(alpha="0.5"), "--alpha: 0.5 is no error rate; use one above 0, at most 0.2"),
    "alpha nan": (example(alpha="nan"), "--alpha: nan is no error rate; use one above 0, at most 0.2"),
    "threshold": (example(threshold="1.5"), "--threshold: 1.5 is no threshold; use one from 0 to 1"),
    "threshold nan": (example(champion_threshold="nan"), "--champion-threshold: nan is no threshold; use one from 0 to 1"),
    "two policies": (example(gate="gate.yaml"), "release compare: --metric beside --gate; write it in gate.yaml"),
    "positive": (example(positive="yes"), 'b.csv: "y" holds 0, 1, and none is the positive value (yes); name it with'),
    "group": (example(group="g"), 'b.csv: there is no column "g"; the file has: id, y, p'),
    "weight": (example(weight="w"), 'b.csv: there is no column "w"; the file has: id, y, p'),
    "star": (example(score="q_*", metric="log_loss"), 'b.csv: "q_*" matches no columns, and each class needs one; the file'),
}


@pytest.mark.parametrize(("options", "said"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_cannot_be_meant_are_refused(tmp_path: Path, options: list[str], said: str) -> None:
    """One line, exit code 2, nothing on standard output; as JSON the same with a remedy."""
    (tmp_path / "a.csv").write_text(two())
    (tmp_path / "b.csv").write_text(two())
    (tmp_path / "gate.yaml").write_text(GATE)
    refused(tmp_path, options, said)


def refused(folder: Path, options: list[str], said: str) -> None:
    told = compare(folder, *options)
    assert (told.code, told.out) == (2, ""), told
    [line] = told.err.splitlines()
    assert line.startswith(f"error: {said}")
    assert told.err.endswith("\n")
    parsed = compare(folder, *options, "--json")
    assert (parsed.code, parsed.document["error"]["code"]) == (2, 2)
    assert parsed.document["error"]["fix"]


FILES = {
    "column": (EXAMPLE, two(head="id,y,q"), 'b.csv: there is no column "p"; the file has: id, y, q'),
    "champion's column": (example(champion_score="old"), two(), 'a.csv: there is no column "old"; the file has: id, y, p'),
    "no header": (EXAMPLE, "r0,0,0.1\nr1,1,0.9\n", 'b.csv: there is no column "id"; the first line must name the columns'),
    "empty": (EXAMPLE, "", "b.csv: the file is empty; add a header line and the rows"),
    "no rows": (EXAMPLE, "id,y,p\n", "b.csv: there are columns but no rows; add the rows"),
    "two of a name": (EXAMPLE, two("r0,0,0.1,1\n", "id,y,p,p"), 'b.csv:1: two columns are called "p"; rename or remove'),
    "cells": (EXAMPLE, two("r0,0,0.1\nr1,1\n"), "b.csv:3: 2 cells where the header has 3; quote cells"),
    "quote": (EXAMPLE, two('r0,0,0.1\n"r1,1,0.9\n'), "b.csv:3: not CSV: unexpected end of data; check the quotes"),
    "id twice": (EXAMPLE, two("r0,0,0.1\nr0,1,0.9\n"), 'b.csv:3: id "r0" was there before, on line 2; give each row one id'),
    "id 1 and 1.0": (EXAMPLE, two("1,0,0.1\n1.0,1,0.9\n"), 'b.csv:3: id "1.0" was there before, on line 2 as "1"; give'),
    "no id": (EXAMPLE, two("r0,0,0.1\n,1,0.9\n"), 'b.csv:3: "id" (the id) is empty; fill it, or remove the row everywhere'),
    "other rows": (EXAMPLE, two("r0,0,0.1\nr7,1,0.9\n"), 'a.csv: the files hold different rows: id "r7" is missing here'),
    "fewer rows": (EXAMPLE, two("r0,0,0.1\n"), 'b.csv: the files hold different rows: id "r1" is missing here'),
    "more rows": (EXAMPLE, two("r0,0,0.1\nr1,1,0.9\nr2,1,0.9\n"), 'a.csv: the files hold different rows: id "r2" is'),
    "ids in capitals": (
        EXAMPLE,
        two("R0,0,0.1\nr1,1,0.9\n"),
        'a.csv: the files hold different rows: id "R0" is missing here; write ids alike: here is "r0"',
    ),
    "other truth": (EXAMPLE, two("r0,1,0.1\nr1,1,0.9\n"), 'b.csv:2: "y" is "1" here and "0" in a.csv:2; correct one of the'),
    "no truth": (EXAMPLE, two("r0,,0.1\nr1,1,0.9\n"), 'b.csv:2: "y" (the target) is empty; fill it, or remove the row'),
    "no number": (EXAMPLE, two("r0,0,high\nr1,1,0.9\n"), 'b.csv:2: "p" holds "high", no finite number; a judgement needs'),
    "no score": (EXAMPLE, two("r0,0,0.1\nr1,1,\n"), 'b.csv:3: "p" is empty; a judgement needs a number for every row'),
    "score nan": (EXAMPLE, two("r0,0,0.1\nr1,1,NaN\n"), 'b.csv:3: "p" holds "NaN", no finite number; a judgement needs'),
    "score inf": (EXAMPLE, two("r0,0,0.1\nr1,1,-inf\n"), 'b.csv:3: "p" holds "-inf", no finite number; a judgement needs'),
    "score 1e999": (EXAMPLE, two("r0,0,0.1\nr1,1,1e999\n"), 'b.csv:3: "p" holds "1e999", no finite number; a judgement'),
    "score 1_0": (EXAMPLE, two("r0,0,0.1\nr1,1,1_0\n"), 'b.csv:3: "p" holds "1_0", no finite number; a judgement needs'),
    "no probability": (
        example(metric="brier_score"),
        two("r0,0,0.1\nr1,1,1.2\n"),
        'b.csv:3: "p" is 1.2, and a probability lies from 0 to 1; write probabilities; only metrics that rank',
    ),
    "negative": (
        example(metric="recall"),
        two("r0,0,-0.1\nr1,1,0.9\n"),
        'b.csv:2: "p" is -0.1, and a probability lies from 0 to 1',
    ),
    "three values": (
        EXAMPLE,
        two("r0,2,0.1\nr1,1,0.9\nr2,0,1\n"),
        'b.csv:2: "y" is "2" here: it has 3 values (2, 1, 0), and',
    ),
    "words": (
        EXAMPLE,
        two("r0,no,0.1\nr1,yes,0.9\n"),
        'b.csv: "y" holds no, yes, and none is the positive value (1 or true)',
    ),
    "latin": (EXAMPLE, two("r0,0,0.1\nr\xe9,1,0.9\n"), "b.csv:3: this line is not UTF-8; save the file as UTF-8"),
}


@pytest.mark.parametrize(("options", "challenger", "said"), FILES.values(), ids=FILES)
def test_files_that_cannot_be_compared_are_refused_by_line(
    tmp_path: Path, options: list[str], challenger: str, said: str
) -> None:
    """The file, the line, what is wrong with it and what to do, in one line; nobody's rows are dropped in silence."""
    champion = challenger if "three values" in said or said.startswith('b.csv: "y" holds') else two()
    if said.startswith('b.csv:2: "y" is "2"'):
        champion = challenger
    (tmp_path / "a.csv").write_text(champion)
    (tmp_path / "b.csv").write_bytes(challenger.encode("latin-1"))
    refused(tmp_path, options, said)


WEIGHTS = {
    "negative": ("-1", 'b.csv:3: the weight "w" is -1; a weight counts a row: use 0 or more'),
    "nan": ("nan", 'b.csv:3: "w" holds "nan", no finite number; a judgement needs a number for every row'),
    "empty": ("", 'b.csv:3: "w" is empty; a judgement needs a number for every row'),
    "zero": ("0", 'b.csv: every weight in "w" is 0; give some row a weight'),
}


@pytest.mark.parametrize(("weight", "said"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_weigh_nothing_are_refused(tmp_path: Path, weight: str, said: str) -> None:
    """A negative one by its row, and zeros throughout."""
    (tmp_path / "a.csv").write_text(two())
    (tmp_path / "b.csv").write_text(two(f"r0,0,0.1,0\nr1,1,0.9,{weight}\n", "id,y,p,w"))
    refused(tmp_path, example(weight="w"), said)


CLASSES = {
    "sum": ("r0,cat,0.9,0.1,0.1", "b.csv:2: the probabilities of this row (p_cat, p_dog, p_owl) sum to 1.1; write one"),
    "range": ("r0,cat,1.1,-0.1,0", 'b.csv:2: "p_cat" is 1.1, and a probability lies from 0 to 1'),
    "class": ("r0,cow,0.8,0.1,0.1", 'b.csv:2: "y" is "cow", a class that no column of scores is for; there are columns for'),
}


@pytest.mark.parametrize(("row", "said"), CLASSES.values(), ids=CLASSES)
def test_rows_of_probabilities_are_held_to_what_they_are(tmp_path: Path, row: str, said: str) -> None:
    """They sum to one, lie from 0 to 1, and cover the class that came."""
    head, rest = "id,y,p_cat,p_dog,p_owl", "r1,dog,0.2,0.6,0.2\nr2,owl,0.1,0.1,0.8\n"
    truth = row.split(",")[1]
    (tmp_path / "a.csv").write_text(two(f"r0,{truth},0.8,0.1,0.1\n{rest}", head))
    (tmp_path / "b.csv").write_text(two(f"{row}\n{rest}", head))
    refused(tmp_path, example(score="p_*", metric="log_loss"), said)


def test_labels_and_columns_of_classes_must_be_the_targets(tmp_path: Path) -> None:
    """A label that the target never has, a list of columns that names no class, and a champion with other classes."""
    head, rows = "id,y,p_a,p_b,q_c,said", "r0,a,0.5,0.3,0.2,a\nr1,b,0.5,0.3,0.2,b\nr2,c,0.5,0.3,0.2,c\n"
    (tmp_path / "a.csv").write_text(two(rows, head))
    (tmp_path / "b.csv").write_text(two(rows, head))
    options = example(score=None, metric="log_loss")
    listed = [*options, "--score", "p_a", "--score", "p_b"]
    refused(tmp_path, listed, "b.csv: the columns p_a, p_b do not name the target's classes (a, b, c); give one column")
    (tmp_path / "a.csv").write_text(two("r0,1,0.5,1\nr1,0,0.5,0\n", "id,y,p,said"))
    (tmp_path / "b.csv").write_text(two("r0,1,0.5,2\nr1,0,0.5,0\n", "id,y,p,said"))
    labelled = example(score=None, label="said", metric="accuracy")
    refused(tmp_path, labelled, 'b.csv:2: "said" is "2", which the target never is; use its values: 0, 1')


GATES = {
    "field": (
        "gate:\n  primary: {metric: roc_auc, marign: 1}\n",
        'gate.yaml:2:30: unknown field "marign" in gate.primary; ',
    ),
    "section": ("primary:\n  metric: auc\n  margin: 1\n", 'gate.yaml:2:11: "auc" is no metric for any task; did you mean'),
    "task": ("gate:\n  primary: {metric: rmse, margin: 1}\n  floors: {r2: 0}\n", 'gate.yaml:2:21: "rmse" is no metric for'),
    "margin": (
        "gate:\n  primary: {metric: roc_auc, margin: .nan}\n",
        "gate.yaml:2:38: .nan is not a finite number; write a",
    ),
    "neither": ("gate:\n  primary: {metric: roc_auc}\n", "gate.yaml:2:12: primary needs either margin or better_by; write"),
    "class": (
        'primary: {metric: cost, margin: 1}\ncosts: {"1": {"0": 5}, "2": {"0": 1}}\n',
        'gate.yaml:2:29: "2" in gate.costs is no class of the target; one of: 0, 1',
    ),
    "nothing": ("# none\n", "gate.yaml: the file is empty; see `release schema`"),
}


@pytest.mark.parametrize(("content", "said"), GATES.values(), ids=GATES)
def test_a_gate_that_is_wrong_is_told_by_line_and_column(tmp_path: Path, content: str, said: str) -> None:
    """Whether it stands below `gate:` or by itself."""
    (tmp_path / "a.csv").write_text(two())
    (tmp_path / "b.csv").write_text(two())
    (tmp_path / "gate.yaml").write_text(content)
    refused(tmp_path, example(metric=None, margin=None, gate="gate.yaml", task="binary"), said)


def test_a_margin_without_a_champion_is_no_question(tmp_path: Path) -> None:
    """Nothing is judged against nobody in silence."""
    (tmp_path / "b.csv").write_text(two())
    told = here(tmp_path, "compare", "--challenger", "b.csv", *EXAMPLE)
    what = "error: --champion: there is no baseline to compare with; add --champion, or judge the challenger alone"
    assert (told.code, told.out, told.err.startswith(what)) == (2, "", True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The option and the path are in the message."""
    told = compare(tmp_path, *EXAMPLE)
    what = "Invalid value for '--champion': File 'a.csv' does not exist"
    assert (told.code, told.err) == (2, f"error: release compare: {what}; see `release compare --help`\n")


def test_a_compressed_file_is_no_csv(tmp_path: Path) -> None:
    """It is not guessed at by its name."""
    (tmp_path / "a.csv").write_text(two())
    (tmp_path / "b.csv").write_bytes(gzip.compress(two().encode()))
    refused(tmp_path, EXAMPLE, "b.csv: this file is compressed with gzip; unpack it first: gunzip")


def test_spellings_of_a_file_are_no_difference(tmp_path: Path) -> None:
    """A byte-order mark, Windows line ends, Parquet with ids as numbers or floats: the same rows, the same verdict."""
    rows = [(str(number), y, p) for number, (_, y, p) in enumerate(scored(2, noise=0.3))]
    other = [(str(number), y, p) for number, (_, y, p) in enumerate(scored(3, noise=0.05))]
    write(tmp_path, "a.csv", rows)
    write(tmp_path, "b.csv", other)
    wanted = ok(compare(tmp_path, *EXAMPLE, "--json")).document
    content = (tmp_path / "b.csv").read_text()
    (tmp_path / "bom.csv").write_bytes(content.replace("\n", "\r\n").encode("utf-8-sig"))
    ids, truths, scores = zip(*other, strict=True)
    frame = pd.DataFrame({"id": ids, "y": truths, "p": scores})
    frame.astype({"id": int, "y": bool}).to_parquet(tmp_path / "int.parquet")
    frame.astype({"id": float, "y": float}).to_parquet(tmp_path / "float.parquet")
    frame.astype({"id": float}).to_csv(tmp_path / "float.csv", index=False)
    for name in ("bom.csv", "float.parquet", "float.csv"):
        found = ok(compare(tmp_path, *EXAMPLE, "--json", challenger=name)).document
        assert found["comparisons"] == wanted["comparisons"], name
        assert found["test_set"] == wanted["test_set"], name
    found = ok(compare(tmp_path, *EXAMPLE, "--json", challenger="int.parquet")).document
    assert found["comparisons"][0]["difference"] == wanted["comparisons"][0]["difference"]


NOT_JUDGED = {
    "one class": ("1", ["0.3", "0.6"], []),
    "one row": ("1", ["0.3"], []),
    "ties": ("x", ["0.5", "0.5", "0.5", "0.5"], []),
    "empty slice": ("x", ["0.1", "0.9", "0.2", "0.8"], ["--slice", "y=7"]),
}


@pytest.mark.parametrize("metric", ["roc_auc", "recall", "brier_score", "f1", "accuracy", "mcc", "average_precision"])
@pytest.mark.parametrize(("truth", "scores", "options"), NOT_JUDGED.values(), ids=NOT_JUDGED)
def test_rows_that_cannot_tell_never_pass(
    tmp_path: Path, truth: str, scores: list[str], options: list[str], metric: str
) -> None:
    """One class, one row, ties everywhere, constant scores, a slice without rows: a record with a reason, and no warning."""
    for name, shift in (("a.csv", 0.0), ("b.csv", 0.01)):
        lines = [
            f"r{number},{truth if truth != 'x' else number % 2},{float(score) + shift}\n"
            for number, score in enumerate(scores)
        ]
        (tmp_path / name).write_text(two("".join(lines)))
    told = compare(tmp_path, *example(metric=metric), *options, "--json")
    assert told.code in (4, 7), told
    assert told.document["verdict"] in ("INVALID", "INCONCLUSIVE")
    assert told.document["reasons"]
    assert [line.split(":")[0] for line in told.err.splitlines()] == ["error"]
    if options:
        assert told.document["verdict"] == "INVALID"
        assert f"{metric} of y=7: no test row is in this slice" in told.document["reasons"]
        assert "INVALID: " + f"{metric} of y=7: no test row is in this slice" in told.err


def test_a_process_says_nothing_else(tmp_path: Path) -> None:
    """No library's warning reaches the screen, whatever the scores."""
    (tmp_path / "a.csv").write_text(two("r0,0,0.5\nr1,1,0.5\nr2,1,0.5\n"))
    (tmp_path / "b.csv").write_text(two("r0,0,0\nr1,1,1\nr2,1,1\n"))
    asked = [*example(metric="log_loss", margin="0.1"), "--metric", "f1", "--margin", "0.1"]
    told = process(tmp_path, "compare", "--champion", "a.csv", "--challenger", "b.csv", *asked, "--json")
    assert told.document["verdict"] == "INCONCLUSIVE"
    assert len(told.err.splitlines()) == 1
