"""`release init`: from a file of rows to a model that a dry-run releases, in a repository that had nothing."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import jsonschema
import pandas as pd
import pytest
import yaml
from cli_running import commit_all, customers, files, here, ok, start_repository
from support.git import git

from release.config.build import load_model
from release.records import ModelName
from release.stages.check import refuse_unreachable

if TYPE_CHECKING:
    from pathlib import Path

SCAFFOLD = {
    ".gitignore",
    ".github/release-requirements.txt",
    ".github/workflows/release-main.yml",
    ".github/workflows/release-pull-request.yml",
    "charts/model/Chart.yaml",
    "charts/model/values.schema.json",
    "release.yaml",
}
OWN = {"data/test.csv", "data/train.csv", "model.yaml"}


def flowers(rows: int = 240) -> pd.DataFrame:
    """Three kinds of flowers, told apart by two of three measures."""
    draw = random.Random(2)
    kinds = {"iris": (0, 0), "lily": (4, 0), "rose": (0, 4)}
    drawn = [(kind, *kinds[kind]) for kind in draw.choices(list(kinds), k=rows)]
    measured = [(kind, a + draw.gauss(0, 1), b + draw.gauss(0, 1), draw.gauss(0, 1)) for kind, a, b in drawn]
    return pd.DataFrame(measured, columns=["kind", "length", "width", "depth"])


def houses(rows: int = 240) -> pd.DataFrame:
    """Prices that follow the size."""
    draw = random.Random(2)
    sizes = [draw.uniform(40, 200) for _ in range(rows)]
    return pd.DataFrame({"size": sizes, "price": [1000 * size + draw.gauss(0, 5000) for size in sizes]})


def tickets(rows: int = 240) -> pd.DataFrame:
    """Categories, free text, missing cells, and rows that belong together."""
    draw = random.Random(2)
    words = ["refund", "broken", "late", "thanks", "great", "question", "invoice", "password"]
    found = []
    for number in range(rows):
        team, angry = draw.choice(["north", "south", "west"]), draw.random() < 0.5
        text = " ".join(draw.choices(words[:3] if angry else words[3:], k=1) + draw.choices(words, k=3))
        waited = "" if draw.random() < 0.1 else f"{draw.gauss(5 if angry else 2, 1):.2f}"
        found.append((f"t{number}", f"user{number // 3}", "" if draw.random() < 0.05 else team, text, waited, angry))
    return pd.DataFrame(found, columns=["ticket_id", "user", "team", "text", "waited", "angry"])


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Give a repository without a commit."""
    start_repository(tmp_path / "own")
    return tmp_path / "own"


def released(folder: Path, model: str) -> None:
    """Rehearse before the first commit and after it: both succeed, and nothing but `.release/` is written."""
    before = files(folder, without=".release")
    rehearsed = ok(here(folder, "dry-run", "--json"))
    assert files(folder, without=".release") == before
    commit_all(folder, "Start")
    committed = ok(here(folder, "dry-run", "--json"))
    for done in (rehearsed, committed):
        [found] = done.document["models"]
        assert (found["model"], found["verdict"]["verdict"], found["verdict"]["champion"]) == (model, "PASS", None)
    drafted = yaml.safe_load((folder / f"models/{model}/model.yaml").read_text())
    jsonschema.validate(drafted, ok(here(folder, "schema", "--json")).document)
    jsonschema.validate(
        yaml.safe_load((folder / "release.yaml").read_text()), ok(here(folder, "schema", "release", "--json")).document
    )


def drafted(folder: Path, model: str) -> dict[str, object]:
    text = (folder / f"models/{model}/model.yaml").read_text()
    found: dict[str, object] = yaml.safe_load(text)
    return found


def test_binary(empty: Path, tmp_path: Path) -> None:
    """A new repository gets the model, its split, release.yaml, chart and workflows, and says what it wrote."""
    (tmp_path / "customers.csv").write_text(customers())
    told = ok(here(empty, "init", "churn", "--from", "../customers.csv", "--target", "churned", "--json"))
    written = set(told.document["written"])
    assert {f"models/churn/{name}" for name in OWN} | SCAFFOLD <= written
    assert written == {name for name in files(empty, without=".git") if not name.startswith(".release")}
    assert (empty / ".gitignore").read_text() == "/.release/\n"
    train, test = ((empty / f"models/churn/data/{part}.csv").read_text().splitlines() for part in ("train", "test"))
    assert sorted(train[1:] + test[1:]) == sorted(customers().splitlines()[1:])
    spec = drafted(empty, "churn")
    assert (spec["task"], spec["owner"], spec["data"]["id"]) == ("binary", "Ada", "customer_id")  # type: ignore[index]
    released(empty, "churn")


def test_multiclass_from_parquet(empty: Path, tmp_path: Path) -> None:
    """Texts as classes, rows without an id (one is added), and a file with types of its own."""
    flowers().to_parquet(tmp_path / "flowers.parquet")
    ok(here(empty, "init", "flowers", "--from", "../flowers.parquet", "--target", "kind"))
    spec = drafted(empty, "flowers")
    assert (spec["task"], spec["data"]["id"]) == ("multiclass", "row_id")  # type: ignore[index]
    released(empty, "flowers")


def test_regression(empty: Path, tmp_path: Path) -> None:
    """Numbers as a target, judged by an error that must stay below a ceiling, and that so few rows can show."""
    houses().to_csv(tmp_path / "houses.csv", index=False)
    ok(here(empty, "init", "houses", "--from", "../houses.csv", "--target", "price"))
    spec = drafted(empty, "houses")
    assert (spec["task"], list(spec["gate"]["floors"])) == ("regression", ["mae"])  # type: ignore[index]
    released(empty, "houses")


def test_categories_text_missing_cells_and_groups(empty: Path, tmp_path: Path) -> None:
    """Each kind of column has its step, and rows of one group stay on one side of the split."""
    tickets().to_csv(tmp_path / "tickets.csv", index=False)
    ok(here(empty, "init", "tickets", "--from", "../tickets.csv", "--target", "angry", "--group", "user"))
    spec = drafted(empty, "tickets")
    kinds = {name: column["type"] for name, column in spec["data"]["columns"].items()}  # type: ignore[index]
    assert kinds == {"team": "category", "text": "text", "waited": "float"}
    assert [next(iter(step)) for step in spec["features"]] == ["impute", "scale", "impute", "one-hot", "tf-idf"]  # type: ignore[attr-defined]
    users = [set(pd.read_csv(empty / f"models/tickets/data/{part}.csv")["user"].to_list()) for part in ("train", "test")]
    assert not users[0] & users[1]
    released(empty, "tickets")


def test_the_same_seed_gives_the_same_files(empty: Path, tmp_path: Path) -> None:
    """The split and the draft are a function of the rows and the seed."""
    (tmp_path / "customers.csv").write_text(customers())
    for name in ("one", "two"):
        ok(here(empty, "init", name, "--from", "../customers.csv", "--target", "churned", "--seed", "4"))
    one, two = (files(empty / f"models/{name}/data") for name in ("one", "two"))
    assert one == two
    assert (empty / "models/two/model.yaml").read_text() == (empty / "models/one/model.yaml").read_text().replace(
        "by one", "by two"
    )


def test_what_is_there_is_not_overwritten(shop: Path) -> None:
    """A second model joins a repository; release.yaml, chart, workflows and .gitignore stay byte for byte."""
    before = files(shop)
    (shop.parent / "customers.csv").write_text(customers(seed=8))
    told = ok(here(shop, "init", "second", "--from", "../customers.csv", "--target", "churned", "--json"))
    assert set(told.document["written"]) == {f"models/second/{name}" for name in OWN}
    assert {name: content for name, content in files(shop).items() if name in before} == before
    commit_all(shop)
    assert {"model": "second", "kind": "train"} in ok(here(shop, "plan", "--json")).document["matrix"]["include"]


REFUSED = {
    "model that is there": (
        ["churn", "--target", "churned"],
        2,
        "models/churn: this model is there already; choose another name, or edit its model.yaml",
    ),
    "no target": (
        ["next", "--target", "churn"],
        2,
        '../customers.csv: there is no column "churn"; choose from: customer_id, usage, tenure, noise, churned',
    ),
    "no id": (
        ["next", "--target", "churned", "--id", "customer"],
        2,
        '../customers.csv: there is no column "customer"; choose from: customer_id, usage, tenure, noise, churned',
    ),
    "path for a name": (
        ["../x", "--target", "churned"],
        3,
        "'../x' is no model name; use lower-case letters, digits and inner hyphens, at most 40 in all",
    ),
    "all rows held out": (
        ["next", "--target", "churned", "--test-share", "1"],
        2,
        "release init: Invalid value for '--test-share': 1.0 is not in the range 0<x<1; see `release init --help`",
    ),
}


@pytest.mark.parametrize(("args", "code", "line"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_leaves_nothing_half_written(shop: Path, args: list[str], code: int, line: str) -> None:
    """What cannot be started is told in one line, and no file of it appears."""
    (shop.parent / "customers.csv").write_text(customers())
    before = files(shop)
    told = here(shop, "init", *args, "--from", "../customers.csv")
    assert (told.code, told.out, told.err) == (code, "", f"error: {line}\n")
    parsed = here(shop, "init", *args, "--from", "../customers.csv", "--json")
    assert (parsed.code, json.loads(parsed.out)["error"]["code"]) == (code, code)
    assert files(shop) == before


def test_rows_that_nothing_can_be_learned_from_leave_nothing_behind(empty: Path, tmp_path: Path) -> None:
    """In an empty repository a refusal writes not even the scaffold."""
    rows = customers().splitlines()
    (tmp_path / "customers.csv").write_text("\n".join([rows[0], *(row[:-1] + "1" for row in rows[1:])]) + "\n")
    before = files(empty)
    told = here(empty, "init", "churn", "--from", "../customers.csv", "--target", "churned")
    assert (told.code, told.out) == (2, "")
    assert told.err == 'error: ../customers.csv: target "churned" is 1 in every row; add rows of another value\n'
    assert files(empty) == before
    assert git(empty, "status", "--porcelain") == ""


def test_the_drafted_margin_is_one_that_the_held_out_rows_can_show(empty: Path, tmp_path: Path) -> None:
    """For the first release and for all that come after it; the usual margin where there are rows enough for it."""
    for name, count in (("few", 60), ("some", 400), ("many", 6_000)):
        (tmp_path / "customers.csv").write_text(customers(count))
        ok(here(empty, "init", name, "--from", "../customers.csv", "--target", "churned"))
        folder = empty / "models" / name
        spec = load_model((folder / "model.yaml").read_bytes(), where=name)
        for first in (True, False):
            refuse_unreachable(ModelName(name), spec, spec.gate, folder=folder, first=first)
        assert spec.gate.primary is not None
        assert (spec.gate.primary.margin == 0.02) is (name == "many")
