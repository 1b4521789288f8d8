"""The three shipped models, judged end to end: a challenger that is better, equal, worse, and worse on one slice only.

Each model starts from a plain recipe that is easy to beat, as its history does; what is shipped today is the better one.
Where a challenger is worse for some rows only, its training rows went wrong for them, as real ones do.
"""

from __future__ import annotations

import csv
import functools
import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import pytest
from cli_running import commit_all, edit, here, ok, start_repository
from support.git import git

ROOT = Path(__file__).parents[2]
Row = dict[str, str]
Change = Callable[[int, Row], Row]

SHIPPED = ""
"""The recipe of the shipped model.yaml."""
NEIGHBOURS = """\
features:
  - one-hot: {columns: clinic}

estimator:
  kind: k-nearest-neighbours
  params: {n_neighbors: 3}
"""
HALVES = """\
features:
  - bin: {columns: numeric, bins: 2}
  - one-hot: {columns: clinic}
  - select: {method: f-test, keep: 1}

estimator:
  kind: k-nearest-neighbours
"""
BOOSTED = """\
features:
  - one-hot: {columns: clinic}

estimator:
  kind: hist-gradient-boosting
  params: {max_iter: 30, min_samples_leaf: 10, max_leaf_nodes: 6}
"""
PIXELS = """\
features:
  - scale: {columns: "pixel_*", method: min-max}
"""
FOREST = f"""\
{PIXELS}
estimator:
  kind: random-forest
  params: {{n_estimators: 5, max_depth: 6}}
"""
DUMMY = """\
features:
  - one-hot: {columns: sex, drop: if-binary}

estimator:
  kind: dummy
"""
LINEAR = """\
features:
  - scale: {columns: numeric, method: standard}
  - one-hot: {columns: sex, drop: if-binary}

estimator:
  kind: ridge
  params: {alpha: 1.0}
"""
NEAREST = """\
features:
  - scale: {columns: numeric, method: standard}
  - one-hot: {columns: sex, drop: if-binary}
  - pca: {components: 1}

estimator:
  kind: k-nearest-neighbours
  params: {n_neighbors: 1}
"""


def clinics(_: int, row: Row) -> Row:
    """Nothing in these rows names a part of them: let every fifth come from another clinic."""
    return {**row, "clinic": "south" if int(row["sample_id"][-3:]) % 5 == 0 else "north"}


def wrong_in_the_south(number: int, row: Row) -> Row:
    wrong = row["clinic"] == "south" and row["malignant"] == "0" and number % 3 == 0
    return {**row, "malignant": "1"} if wrong else row


def open_digits_are_ones(_: int, row: Row) -> Row:
    return {**row, "digit": "1"} if row["pixel_7_4"] == "0" else row


def too_low_for_men(_: int, row: Row) -> Row:
    return {**row, "progression": str(float(row["progression"]) - 115 * (row["sex"] == "1"))}


def too_low_for_women(_: int, row: Row) -> Row:
    """Undo what is wrong for men, and do something else."""
    return {**row, "progression": str(float(row["progression"]) + (-60 if row["sex"] == "2" else 115))}


@dataclass(frozen=True)
class Start:
    """How the first champion's repository differs from the shipped one: edits of files, rows, and the recipe."""

    recipe: str
    edits: tuple[tuple[str, str, str], ...]
    rows: Mapping[str, Change] = field(default_factory=dict)


def sliced(model: str, before: str, part: str) -> tuple[str, str, str]:
    """Return the edit that puts a slice before a line of a gate."""
    return (f"models/{model}/model.yaml", f"  {before}:", f"  slices: [{part}]\n  {before}:")


CANCER = "models/breast-cancer/model.yaml"
SCALE = "  - scale: {columns: numeric, method: standard}\n"
STARTS = {
    "breast-cancer": Start(
        NEIGHBOURS,
        (
            (CANCER, "  columns:\n", "  columns:\n    clinic: {type: category, values: [north, south]}\n"),
            (CANCER, SCALE, SCALE + "  - one-hot: {columns: clinic}\n"),
            sliced("breast-cancer", "budgets", "{name: south, where: {clinic: south}, metric: specificity, margin: 0.15}"),
        ),
        {"train": clinics, "test": clinics},
    ),
    "digits": Start(
        FOREST,
        (
            ("release.yaml", "accuracy: 0.03", "accuracy: 0.15"),
            sliced("digits", "looks", "{name: open, where: {pixel_7_4: 0}, metric: accuracy, margin: 0.15}"),
        ),
    ),
    "diabetes": Start(
        DUMMY, (sliced("diabetes", "looks", '{name: women, where: {sex: "2"}, metric: rmse, margin: {relative: 2%}}'),)
    ),
}
STARTS["diabetes too low for men"] = Start(
    LINEAR,
    (*STARTS["diabetes"].edits, ("models/diabetes/model.yaml", "floors: {rmse: 100}", "floors: {rmse: 125}")),
    {"train": too_low_for_men},
)


@dataclass(frozen=True)
class Case:
    """A challenger, and what must be said of it.

    `said` follows the verdict and the model's name; `decides` are all requirements without a PASS. `way` is the sign of the
    primary's difference as it was measured: 0 where both models say the same of every row.
    """

    start: str
    recipe: str
    verdict: str
    said: str
    way: int
    decides: Mapping[str, str] = field(default_factory=dict)
    rows: Change | None = None
    threshold: str = ""


HOLDS = "every requirement holds"
REPLACES = "may replace the champion; "
MISSES = "misses what the gate requires: "
CASES = {
    "cancer, better": Case(
        "breast-cancer", SHIPPED, "PASS", f"{REPLACES}it is better on roc_auc, brier_score and recall, and {HOLDS}", 1
    ),
    "cancer, equal": Case("breast-cancer", NEIGHBOURS.replace("one-hot", "ordinal"), "PASS", REPLACES + HOLDS, 0),
    "cancer, worse": Case(
        "breast-cancer",
        HALVES,
        "FAIL",
        f"{MISSES}brier_score",
        -1,
        {
            "roc_auc": "INCONCLUSIVE",
            "brier_score": "FAIL",
            "roc_auc floor": "INCONCLUSIVE",
            "specificity of south": "INCONCLUSIVE",
        },
    ),
    "cancer, worse in one clinic": Case(
        "breast-cancer",
        BOOSTED,
        "FAIL",
        f"{MISSES}specificity on \u201csouth\u201d",
        1,
        {"specificity of south": "FAIL"},
        wrong_in_the_south,
        "0.15",
    ),
    "digits, better": Case(
        "digits", SHIPPED, "PASS", f"{REPLACES}it is better on accuracy, macro_f1 and balanced_accuracy, and {HOLDS}", 1
    ),
    "digits, equal": Case("digits", FOREST.replace(PIXELS, "features: []\n"), "PASS", REPLACES + HOLDS, 0),
    "digits, worse": Case(
        "digits",
        FOREST.replace("max_depth: 6", "max_depth: 3"),
        "FAIL",
        f"{MISSES}accuracy, macro_f1 and balanced_accuracy",
        -1,
        {"accuracy": "FAIL", "macro_f1": "FAIL", "balanced_accuracy": "FAIL", "accuracy of open": "INCONCLUSIVE"},
    ),
    "digits, worse where a pixel is empty": Case(
        "digits",
        SHIPPED,
        "FAIL",
        f"{MISSES}accuracy on \u201copen\u201d",
        1,
        {"accuracy of open": "FAIL"},
        open_digits_are_ones,
    ),
    "diabetes, better": Case("diabetes", SHIPPED, "PASS", f"{REPLACES}it is better on rmse, and {HOLDS}", 1),
    "diabetes, equal, where a gain is asked": Case(
        "diabetes", LINEAR.replace("1.0", "1000000"), "FAIL", f"{MISSES}rmse", 1, {"rmse": "FAIL"}
    ),
    "diabetes, worse": Case(
        "diabetes",
        NEAREST,
        "FAIL",
        f"{MISSES}rmse",
        -1,
        {"rmse": "FAIL", "mae": "INCONCLUSIVE", "rmse floor": "INCONCLUSIVE", "rmse of women": "INCONCLUSIVE"},
    ),
    "diabetes, worse for women": Case(
        "diabetes too low for men",
        LINEAR,
        "FAIL",
        f"{MISSES}rmse on \u201cwomen\u201d",
        1,
        {"rmse of women": "FAIL"},
        too_low_for_women,
    ),
}


def rewrite(path: Path, change: Change) -> None:
    rows = [change(number, row) for number, row in enumerate(csv.DictReader(io.StringIO(path.read_text())))]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())


def write_recipe(path: Path, recipe: str) -> None:
    """Put a recipe where a model.yaml has its own: from its features to its seed."""
    text = path.read_text()
    path.write_text(text[: text.index("features:")] + recipe + text[text.index("seed:") :])


@pytest.fixture(scope="session")
def released(_apart: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give for a start the repository whose champion cleared its floors and was promoted; made once."""

    @functools.cache
    def made(start: str) -> Path:
        folder, model = tmp_path_factory.mktemp("released") / "repository", start.split(maxsplit=1)[0]
        start_repository(folder)
        for name in ("release.yaml", ".gitignore"):
            shutil.copy(ROOT / name, folder)
        for part in ("charts/model", f"models/{model}"):
            shutil.copytree(ROOT / part, folder / part)
        for path, old, new in STARTS[start].edits:
            edit(folder, path, old, new)
        commit_all(folder, "As shipped, and a slice")
        for name, change in STARTS[start].rows.items():
            rewrite(folder / f"models/{model}/data/{name}.csv", change)
        write_recipe(folder / f"models/{model}/model.yaml", STARTS[start].recipe)
        commit_all(folder, "The first champion")
        ok(here(folder, "dry-run", model))
        ok(here(folder, "promote", model, "--to", "staging"))
        return folder

    return made


def proposed(released: Path, folder: Path, case: Case) -> Path:
    """Return a copy of a repository with the challenger committed."""
    shutil.copytree(released, folder, symlinks=True)
    model = folder / "models" / case.start.split(maxsplit=1)[0]
    if case.recipe is SHIPPED:
        (model / "model.yaml").write_text(git(folder, "show", f"HEAD~2:{(model / 'model.yaml').relative_to(folder)}") + "\n")
    else:
        write_recipe(model / "model.yaml", case.recipe)
    if case.threshold:
        edit(model, "model.yaml", "threshold: 0.5", f"threshold: {case.threshold}")
    if case.rows is not None:
        rewrite(model / "data/train.csv", case.rows)
    commit_all(folder, "Propose")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_shipped_model_is_judged_as_it_is(released: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    """The verdict, what decides it, the exit code, and one sentence: on the screen, in the comment and in the report."""
    case = CASES[name]
    model = case.start.split(maxsplit=1)[0]
    folder = proposed(released(case.start), tmp_path / "repository", case)
    done = here(folder, "dry-run", model, "--json")
    [judged] = done.document["models"]
    verdict = judged["verdict"]
    decides = {
        " of ".join(filter(None, (c["metric"], c["slice"]))) + (" floor" if c["role"] == "floor" else ""): c["verdict"]
        for c in verdict["comparisons"]
        if c["verdict"] != "PASS"
    }
    assert (verdict["verdict"], decides) == (case.verdict, case.decides)
    assert done.code == {"PASS": 0, "FAIL": 4}[case.verdict]
    assert (judged["promotion"] is None) == (case.verdict != "PASS")
    primary = verdict["comparisons"][0]
    assert (primary["role"], (primary["difference"] > 0) - (primary["difference"] < 0)) == ("primary", case.way)
    assert verdict["challenger"] != verdict["champion"]
    sentence = f"{case.verdict}: {model} {case.said}."
    told = here(folder, "dry-run", model)
    assert (told.code, told.out.splitlines()[1].strip()) == (done.code, sentence)
    reports = folder / f".release/reports/{model}"
    assert sentence in (reports / "report.md").read_text().replace("**", "")
    assert sentence.removeprefix(f"{case.verdict}: ") in unescape((reports / "report.html").read_text())
