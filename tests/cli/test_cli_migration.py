"""A champion of another schema, end to end: what is said, what to write, and what a verdict beside it is worth."""

from __future__ import annotations

import random
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from cli_running import commit_all, customers, edit, here, ok, start_repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

MODEL = "models/churn/model.yaml"
SEED = "seed: 1\n"


def new_schema(folder: Path, *, drop: bool) -> None:
    """Call `tenure` `months` from now on, and, with `drop`, do without `noise`."""
    for name in ("train", "test"):
        file = folder / f"models/churn/data/{name}.csv"
        rows = [line.split(",") for line in file.read_text().splitlines()]
        rows[0] = ["months" if cell == "tenure" else cell for cell in rows[0]]
        gone = rows[0].index("noise")
        kept = [[cell for place, cell in enumerate(row) if not (drop and place == gone)] for row in rows]
        file.write_text("\n".join(",".join(row) for row in kept) + "\n")
    edit(folder, MODEL, "    tenure: {", "    months: {")
    if drop:
        edit(folder, MODEL, "    noise: {type: float, min: -9, max: 9}\n", "")


def declare(folder: Path, migration: str) -> None:
    """Declare a migration, under a margin that so few rows can show even of equal predictions."""
    edit(folder, MODEL, "margin: 0.15}", "margin: 0.25}")
    edit(folder, MODEL, SEED, f"{SEED}evaluation: {{migration: {migration}}}\n")
    commit_all(folder)


def test_a_champion_that_cannot_read_the_rows_ends_with_what_to_write(served: Path) -> None:
    """One line, exit 2: the columns that are missing, and the migration that would do."""
    new_schema(served, drop=True)
    commit_all(served)
    ok(here(served, "train", "churn"))
    told = here(served, "evaluate", "churn")
    assert told.code == 2
    [line] = told.errors
    assert line == (
        "error: models/churn/model.yaml: the champion v1 reads columns that are not in these rows: tenure, noise; "
        "write `evaluation: {migration: {fill: {tenure: 0, noise: 0}}}` with what is true, "
        "`rename: {tenure: …}` for what is only called otherwise now (months)"
    )


def test_a_renamed_column_is_recognised(served: Path) -> None:
    """The nearest new name of the same type is what the remedy proposes."""
    new_schema(served, drop=False)
    for name in ("model.yaml", "data/train.csv", "data/test.csv"):
        edit(served, f"models/churn/{name}", "months", "tenure_months")
    commit_all(served)
    ok(here(served, "train", "churn"))
    told = here(served, "evaluate", "churn")
    assert "write `evaluation: {migration: {rename: {tenure: tenure_months}}}` with what is true\n" in told.err


def test_what_it_says_to_write_works(served: Path) -> None:
    """With a column filled no owner's word is no PASS; every report says how the champion was read."""
    new_schema(served, drop=True)
    declare(served, "{rename: {tenure: months}, fill: {noise: 0}}")
    told = here(served, "dry-run", "churn", "--json")
    [model] = told.document["models"]
    assert (told.code, model["verdict"]["verdict"]) == (7, "INCONCLUSIVE")
    assert model["verdict"]["review"] == ["the champion with noise filled"]
    assert all(one["verdict"] == "PASS" for one in model["verdict"]["comparisons"])
    assert any("the champion with noise filled may be worse than it was" in why for why in model["verdict"]["reasons"])
    notes = model["evaluate"]["notes"]
    assert any("is scored through a migration: its columns are renamed: tenure is months now" in one for one in notes)
    assert any("columns that are gone are filled: noise with 0" in one for one in notes)
    for name in ("report.md", "report.html"):
        text = (served / ".release/reports/churn" / name).read_text()
        assert "scored through a migration" in text
        assert "noise filled" in text


def test_a_renamed_column_is_the_same_column(served: Path) -> None:
    """The champion scores as it did, and the verdict is a PASS."""
    before = ok(here(served, "evaluate", "churn", "--json")).document["champion"]["metrics"]
    new_schema(served, drop=False)
    declare(served, "{rename: {tenure: months}}")
    [model] = ok(here(served, "dry-run", "churn", "--json")).document["models"]
    assert model["evaluate"]["champion"]["metrics"] == before
    assert (model["verdict"]["verdict"], model["verdict"]["review"]) == ("PASS", [])


def test_another_constant_scores_the_champion_anew(served: Path) -> None:
    """What was remembered of one migration is not taken for another's."""
    edit(served, MODEL, "    noise: {type: float, min: -9, max: 9}\n", "")
    edit(served, MODEL, "    usage: {type: float, min: -9, max: 9}\n", "")
    edit(served, MODEL, "features:", "  ignore: [usage, noise]\nfeatures:")
    declare(served, "{fill: {noise: 0, usage: 0}}")
    ok(here(served, "train", "churn"))
    one = ok(here(served, "evaluate", "churn", "--json")).document["champion"]["metrics"]
    edit(served, MODEL, "usage: 0}", "usage: 8}")
    commit_all(served)
    other = ok(here(served, "evaluate", "churn", "--json"))
    assert other.document["champion"]["metrics"]["recall"] > one["recall"]
    assert "train reused" in other.err


@pytest.mark.parametrize(
    ("migration", "said"),
    [
        ("{rename: {tenure: usage}, fill: {noise: 0}}", "reads usage itself, and cannot take it for tenure too"),
        ("{rename: {tenure: months}, fill: {noise: loud}}", '"loud" cannot stand for noise, which is float from -9 to 9'),
        ("{rename: {tenure: months}, fill: {noise: 99}}", '"99" cannot stand for noise, which is float from -9 to 9'),
        ("{rename: {tenure: monthz}}", '"monthz" is no column of the data contract'),
    ],
)
def test_a_migration_that_cannot_be_meant_is_refused(served: Path, migration: str, said: str) -> None:
    """One line, exit 2, in model.yaml."""
    new_schema(served, drop=True)
    edit(served, MODEL, SEED, f"{SEED}evaluation: {{migration: {migration}}}\n")
    commit_all(served)
    here(served, "train", "churn")
    told = here(served, "evaluate", "churn")
    assert told.code == 2
    [line] = told.errors
    assert re.match(r"error: models/churn/model.yaml[:0-9 ]", line)
    assert said in line


def test_a_column_of_another_type_is_not_read(served: Path) -> None:
    """It would often be read without complaint, as rubbish."""
    edit(served, MODEL, "noise: {type: float, min: -9, max: 9}", "noise: category")
    edit(served, MODEL, "  - scale:", "  - one-hot: {columns: noise}\n  - scale:")
    commit_all(served)
    ok(here(served, "train", "churn"))
    told = here(served, "evaluate", "churn")
    assert told.code == 2
    assert "reads columns that are not in these rows: noise (was float, is category); " in told.err
    assert "give noise a new name, so that it can be renamed or filled" in told.err


KINDS = """\
owner: sales
task: multiclass
data: {train: data/train.csv, test: data/test.csv, target: kind, id: id, columns: {x: float, z: float}}
estimator: {kind: logistic-regression}
gate:
  primary: {metric: accuracy, margin: 0.3}
  floors: {accuracy: 0.3}
  looks: 2
rollout: {rps: 40}
"""


def write_kinds(folder: Path, places: dict[str, tuple[float, float]]) -> None:
    """Write rows of each class around its place."""
    draw = random.Random(7)
    (folder / "models/kinds/data").mkdir(parents=True, exist_ok=True)
    (folder / "models/kinds/model.yaml").write_text(KINDS)
    for name, rows in (("train", 40), ("test", 60)):
        lines = [
            f"{name}-{kind}{number},{x + draw.gauss(0, 0.4):.4f},{z + draw.gauss(0, 0.4):.4f},{kind}\n"
            for kind, (x, z) in places.items()
            for number in range(rows)
        ]
        (folder / f"models/kinds/data/{name}.csv").write_text("id,x,z,kind\n" + "".join(lines))


def test_a_new_class_is_no_ones_advantage(tmp_path: Path) -> None:
    """A champion that never saw it is compared with on the other rows, as surely right there as it was before."""
    folder = tmp_path / "shop"
    start_repository(folder)
    (tmp_path / "customers.csv").write_text(customers(80))
    ok(here(folder, "init", "churn", "--from", "../customers.csv", "--target", "churned"))
    shutil.rmtree(folder / "models/churn")
    write_kinds(folder, {"ash": (0, 0), "elm": (0, 4), "oak": (4, 0)})
    commit_all(folder)
    ok(here(folder, "dry-run", "kinds"))
    ok(here(folder, "promote", "kinds", "--to", "staging"))
    # `birch` comes between the others, so that the champion's classes have other numbers now.
    write_kinds(folder, {"ash": (0, 0), "birch": (4, 4), "elm": (0, 4), "oak": (4, 0)})
    commit_all(folder)
    [model] = ok(here(folder, "dry-run", "kinds", "--json")).document["models"]
    primary, floor = model["verdict"]["comparisons"]
    assert (primary["n"], floor["n"]) == (180, 240)
    assert primary["champion"] > 0.95
    assert model["evaluate"]["champion"]["metrics"]["accuracy"] < 0.8
    said = "the champion has never seen birch: it is compared with on the other 180 rows, and the 60 rows of what is new"
    assert any(reason.startswith(said) for reason in model["verdict"]["reasons"])
    assert any("never seen the class birch" in note for note in model["evaluate"]["notes"])
