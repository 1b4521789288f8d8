"""Check: what can be found wrong, or worth knowing, before anything is trained."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import pytest

from release.config.build import load_model
from release.errors import BadInputError
from release.records import CheckRecord, Digest, ModelName
from release.stages.check import check, refuse_unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = """\
owner: a
task: binary
data: {train: data/train.csv, test: data/test.csv, target: y, id: key, columns: {x: float, smoker: bool}}
features: [{scale: {}}]
estimator: {kind: logistic-regression}
gate:
  primary: {metric: roc_auc, margin: 0.1}
  guards: [{metric: recall, margin: 0.5}, {metric: log_loss, margin: 0.1}]
  floors: {roc_auc: 0.6}
  looks: 1
"""
KEY = Digest("sha256:" + "a" * 64)


class Said:
    """Keeps what a stage says it is doing."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.steps: list[str] = []

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Keep what a step is called."""
        self.steps.append(what)
        yield

    def note(self, what: str) -> None:
        """Fail: there is nothing to note here."""
        raise AssertionError(f"nothing to note: {what}")


def table(rows: int, start: int = 0, header: str = "key,x,smoker,y") -> str:
    lines = [f"k{number},{number / 7:.4f},{number % 3 == 0},{number % 2}" for number in range(start, start + rows)]
    return "\n".join([header, *lines]) + "\n"


def checked(folder: Path, *, train: str = "", test: str = "", first: bool = False, **changes: str) -> CheckRecord:
    text = MODEL
    for old, new in zip(changes.get("old", "").split("|"), changes.get("new", "").split("|"), strict=True):
        assert old in text
        text = text.replace(old, new) if old else text
    (folder / "data").mkdir()
    (folder / "data/train.csv").write_text(train or table(80))
    (folder / "data/test.csv").write_text(test or table(80, start=1_000))
    spec = load_model(text.encode(), where="models/m/model.yaml")
    said = Said()
    record = check(ModelName("m"), spec, spec.gate, key=KEY, folder=folder, first=first, progress=said)
    assert said.steps == ["m: checking data"]
    return record


def refused(folder: Path, **options: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        checked(folder, **options)
    return str(caught.value)


def test_what_is_in_order_is_counted(tmp_path: Path) -> None:
    """Rows and feature columns; nothing to note."""
    assert checked(tmp_path) == CheckRecord(model=ModelName("m"), key=KEY, train_rows=80, test_rows=80, columns=2)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"train": "key,x,y\na,1,1\n"}, "models/m/data/train.csv: columns differ from the contract (missing: smoker)"),
        (
            {"test": table(20, 900, "key,x,smokr,y")},
            "models/m/data/test.csv: columns differ from the contract (missing: smoker; not declared: smokr (did you mean",
        ),
        ({"test": "key,x,smoker,y\n"}, "models/m/data/test.csv: there are columns but no rows; add the rows"),
        (
            {"train": "key,x,smoker,y\na,1,true,1\nb,2,true,1\n"},
            'models/m/data/train.csv: target "y" is 1 in every row; add rows',
        ),
        (
            {"test": table(80, start=79)},
            "models/m/data/test.csv: 1 held-out ids are also training ids (k79); remove those rows",
        ),
        (
            {"test": table(80, 900) + "other,0.0000,True,0\n"},
            "models/m/data/test.csv: 1 held-out rows equal a training row in every feature and the target (ids other)",
        ),
        ({"train": table(79) + "z,high,true,1\n"}, 'models/m/data/train.csv:81: column "x": "high" is no float; correct it'),
        (
            {"old": "[{scale: {}}]", "new": "[{scale: {columns: height}}]"},
            'models/m/model.yaml: scale: no column is "height"; there are x, smoker',
        ),
        (
            {"old": "  looks: 1", "new": "  slices: [{name: s, where: {smokr: true}, metric: f1, margin: 0.5}]\n  looks: 1"},
            'models/m/model.yaml: slice "s" asks for column "smokr", which is no feature; there are: x, smoker',
        ),
        (
            {"old": "  looks: 1", "new": "  slices: [{name: s, where: {smoker: 2}, metric: f1, margin: 0.5}]\n  looks: 1"},
            'models/m/model.yaml: slice "s": column "smoker" is bool, and never holds 2; correct gate.slices',
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, options: dict[str, str], line: str) -> None:
    """Contract, leakage, features and slices, before an hour of training."""
    found = refused(tmp_path, **options)
    assert found.startswith(line), found
    assert "\n" not in found
    assert "; " in found


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "  floors: {roc_auc: 0.6}\n",
            "",
            "a first release is judged by floors, and gate.floors is empty",
        ),
        (
            "floors: {roc_auc: 0.6}",
            "floors: {accuracy: 0.6}",
            "a first release must clear a floor of its primary metric, and gate.floors has none for roc_auc",
        ),
    ],
)
def test_a_first_release_needs_the_floor_of_its_primary_metric(tmp_path: Path, old: str, new: str, line: str) -> None:
    """A later one, which has a champion, does not."""
    (tmp_path / "first").mkdir()
    (tmp_path / "later").mkdir()
    with pytest.raises(BadInputError) as caught:
        checked(tmp_path / "first", first=True, old=old, new=new)
    assert str(caught.value) == f"models/m/model.yaml: {line}; say what it must reach, such as floors: {{roc_auc: …}}"
    assert checked(tmp_path / "later", old=old, new=new).test_rows == 80


def unreachable(folder: Path, *, first: bool = False, **changes: str) -> str | None:
    """Return what a policy is refused with, None when it is not."""
    checked(folder, first=first, **changes)
    text = MODEL
    for old, new in zip(changes.get("old", "").split("|"), changes.get("new", "").split("|"), strict=True):
        text = text.replace(old, new) if old else text
    (folder / "model.yaml").write_text(text)
    spec = load_model(text.encode(), where="models/m/model.yaml")
    try:
        refuse_unreachable(ModelName("m"), spec, spec.gate, folder=folder, first=first)
    except BadInputError as error:
        return str(error)
    return None


def test_a_margin_that_nothing_could_show_is_refused_where_it_is_written(tmp_path: Path) -> None:
    """Ln a / ln(1 - margin) rows of the deciding class: identical predictions could not pass with fewer."""
    rows = math.ceil(math.log(0.05 / 10) / math.log(1 - 0.05))
    found = unreachable(tmp_path, old="roc_auc, margin: 0.1|looks: 1", new="roc_auc, margin: 0.05|looks: 5")
    assert found == (
        "models/m/model.yaml:7:38: roc_auc: not even identical predictions can show a margin of 0.05 here: it takes "
        f"{rows} deciding rows, and the test set has 40; write a margin of 0.125 or more, or hold out more rows"
    )


def test_what_does_not_block_is_noted_by_every_check(tmp_path: Path) -> None:
    """An owner, or a note, may let it pass; the margin is still one that these rows cannot show."""
    changes = {"old": "recall, margin: 0.5}", "new": "recall, margin: 0.02, when_unsure: review}"}
    (tmp_path / "noted").mkdir()
    [note] = checked(tmp_path / "noted", **changes).notes
    assert note.startswith(
        "recall: not even identical predictions can show a margin of 0.02 here: it takes 183 deciding rows"
    )
    (tmp_path / "allowed").mkdir()
    assert unreachable(tmp_path / "allowed", **changes) is None


def test_an_empty_slice_is_refused(tmp_path: Path) -> None:
    """Whatever is said of being unsure: nothing would ever be judged on it."""
    slices = "  slices: [{name: s, where: {x: -1.5}, metric: f1, margin: 0.5, when_unsure: note}]\n  looks: 1"
    found = unreachable(tmp_path, old="  looks: 1", new=slices)
    assert found == (
        'models/m/model.yaml:10:12: no test row is in slice "s"; hold out rows that are in it, or remove the slice'
    )


def test_a_first_release_hears_of_floors_alone(tmp_path: Path) -> None:
    """There is nobody to compare it with; but a floor above what the rows can show would bar it for ever."""
    (tmp_path / "margin").mkdir()
    (tmp_path / "floor").mkdir()
    margin = {"old": "roc_auc, margin: 0.1", "new": "roc_auc, margin: 0.001"}
    assert unreachable(tmp_path / "margin", first=True, **margin) is None
    found = unreachable(tmp_path / "floor", first=True, old="roc_auc: 0.6", new="roc_auc: 0.95")
    assert found == (
        "models/m/model.yaml:9:21: roc_auc: a model without one error would show 0.9119 on these 40 deciding rows, which "
        "does not clear the floor of 0.95; write a floor below 0.911, or hold out more rows"
    )
