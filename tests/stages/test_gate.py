"""Gate: an evaluation, a policy and the looks of a test set become the verdict record."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from release.adapters.store import FolderStore
from release.config.build import load_model
from release.errors import BadInputError, EnvironmentTroubleError
from release.learning.predict import Predictions, to_csv
from release.records import Commit, Digest, EvaluateRecord, ModelName, Scored, TestSet, Verdict, VerdictRecord
from release.stages.gate import gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = """\
owner: a
task: binary
data: {train: data/train.csv, test: data/test.csv, target: y, id: key, columns: {x: float, smoker: bool}}
estimator: {kind: logistic-regression}
gate:
  primary: {metric: roc_auc, margin: 0.2}
  guards: [{metric: recall, margin: 0.3}]
  floors: {roc_auc: 0.6}
  slices: [{name: smokers, where: {smoker: true}, metric: accuracy, margin: 0.4}]
  looks: 2
  budgets: {size_mb: 1}
"""
KEY, COMMIT = Digest("sha256:" + "a" * 64), Commit("c" * 40)
N = 120
Y = np.arange(N) % 2
IDS = np.array([f"k{number}" for number in range(N)], dtype=object)


class Quiet:
    """Progress that nobody reads."""

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Let a step pass."""
        assert what
        yield

    def note(self, what: str) -> None:
        """Fail: a judgement has nothing to note."""
        raise AssertionError(what)


def scores(seed: int, strength: float = 3.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 1 / (1 + np.exp(-(strength * (Y - 0.5) + np.random.default_rng(seed).normal(size=N))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a model's folder with its held-out rows, a third of them smokers."""
    lines = [f"k{number},{number / 10},{number % 3 == 0},{number % 2}" for number in range(N)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data/test.csv").write_text("\n".join(["key,x,smoker,y", *lines]) + "\n")
    return tmp_path


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "state")


def scored(store: FolderStore, values: Any, digest: str, order: Any = slice(None), **fields: Any) -> Scored:
    """Keep predictions, rows in the given order, and return the record that names them."""
    content = to_csv(Predictions(task="binary", ids=IDS[order], y=Y[order], values=np.asarray(values)[order]))
    given = {"threshold": 0.5, "size_bytes": 1_000, **fields}
    return Scored(
        model_digest=Digest(f"sha256:{digest * 64}"), predictions=store.put(content), source="store", metrics={}, **given
    )


def evaluation(challenger: Scored, champion: Scored | None, **fields: Any) -> EvaluateRecord:
    given = {"key": KEY, "invalid": (), **fields}
    return EvaluateRecord(
        model=ModelName("m"),
        commit=COMMIT,
        task="binary",
        test_digest=Digest("sha256:" + "d" * 64),
        rows=N,
        threshold=0.5,
        classes=("0", "1"),
        challenger=challenger,
        champion=champion,
        **given,
    )


def judged(
    evaluated: EvaluateRecord, folder: Path, store: FolderStore, *, looks: int = 1, text: str = MODEL
) -> VerdictRecord:
    spec = load_model(text.encode(), where="models/m/model.yaml")
    return gate(
        evaluated,
        spec,
        spec.gate,
        key=KEY,
        commit=COMMIT,
        looks=looks,
        folder=folder,
        store=store,
        progress=Quiet(),
    )


def test_the_record_says_who_was_judged_on_what(folder: Path, store: FolderStore) -> None:
    """Digests, level, budget, and one comparison for each requirement."""
    evaluated = evaluation(scored(store, scores(1), "1"), scored(store, scores(2), "2"))
    record = judged(evaluated, folder, store)
    assert record.verdict is Verdict.PASS
    assert (record.challenger, record.champion) == (evaluated.challenger.model_digest, Digest("sha256:" + "2" * 64))
    assert record.test_set == TestSet(digest=evaluated.test_digest, looks=1, budget=2)
    assert (record.model, record.alpha, record.key, record.evaluation, record.commit) == ("m", 0.05, KEY, KEY, COMMIT)
    assert [(c.role, c.metric, c.slice, c.n) for c in record.comparisons] == [
        ("primary", "roc_auc", None, N),
        ("guard", "recall", None, N // 2),
        ("floor", "roc_auc", None, N),
        ("slice", "accuracy", "smokers", N // 3),
        ("size", "size_mb", None, 1),
    ]
    assert {c.level for c in record.comparisons[:4]} == {1 - 0.05 / 2}


def test_predictions_are_aligned_by_id(folder: Path, store: FolderStore) -> None:
    """Whatever order they were written in, by whichever tool."""
    straight = evaluation(scored(store, scores(1), "1"), scored(store, scores(2), "2"))
    order = np.random.default_rng(3).permutation(N)
    shuffled = evaluation(scored(store, scores(1), "1", order), scored(store, scores(2), "2", order[::-1]))
    assert judged(shuffled, folder, store).comparisons == judged(straight, folder, store).comparisons


def test_each_model_is_judged_at_its_own_threshold(folder: Path, store: FolderStore) -> None:
    """A champion that calls everything positive finds every one."""
    evaluated = evaluation(scored(store, scores(1), "1"), scored(store, scores(2), "2", threshold=0.0))
    recall = judged(evaluated, folder, store).comparisons[1]
    assert recall.champion == 1.0
    assert recall.challenger == pytest.approx(float((scores(1)[Y == 1] >= 0.5).mean()))


def test_the_same_digest_is_the_same_model(folder: Path, store: FolderStore) -> None:
    """Not by its predictions, which another model may share."""
    same = evaluation(scored(store, scores(1), "1"), scored(store, scores(1), "1"))
    assert judged(same, folder, store).comparisons[0].method == "same-model"
    alike = evaluation(scored(store, scores(1), "1"), scored(store, scores(1), "2"))
    assert judged(alike, folder, store).comparisons[0].method == "identical"


@pytest.mark.parametrize(("looks", "verdict"), [(2, Verdict.PASS), (3, Verdict.INVALID)])
def test_a_spent_budget_is_invalid(folder: Path, store: FolderStore, looks: int, verdict: Verdict) -> None:
    """The last look of the budget still counts; one more does not, and the numbers are shown all the same."""
    evaluated = evaluation(scored(store, scores(1), "1"), scored(store, scores(2), "2"))
    record = judged(evaluated, folder, store, looks=looks)
    assert (record.verdict, record.test_set.looks) == (verdict, looks)
    assert record.comparisons == judged(evaluated, folder, store).comparisons
    if verdict is Verdict.INVALID:
        assert record.reasons == ("this test set has judged 2 challengers of 2: hold out new rows",)


def test_what_the_evaluation_found_invalid_stays_so(folder: Path, store: FolderStore) -> None:
    """Training rows among the held-out ones: exit code 4, whatever the numbers."""
    evaluated = evaluation(scored(store, scores(1), "1"), scored(store, scores(2), "2"), invalid=("3 rows leaked",))
    record = judged(evaluated, folder, store)
    assert (record.verdict, record.reasons) == (Verdict.INVALID, ("3 rows leaked",))


def test_a_first_release_is_judged_by_its_floors_and_budgets(folder: Path, store: FolderStore) -> None:
    """There is no champion to name."""
    record = judged(evaluation(scored(store, scores(1), "1"), None), folder, store)
    assert (record.verdict, record.champion) == (Verdict.PASS, None)
    assert [(c.role, c.metric) for c in record.comparisons] == [("floor", "roc_auc"), ("size", "size_mb")]


@pytest.mark.parametrize(
    ("floors", "reason"),
    [
        ("{}", "a first release is judged by floors, and gate.floors is empty"),
        (
            "{accuracy: 0.5}",
            "a first release must clear a floor of its primary metric, and gate.floors has none for roc_auc",
        ),
    ],
)
def test_a_first_release_without_the_primary_floor_is_invalid(
    folder: Path, store: FolderStore, floors: str, reason: str
) -> None:
    """Never a silent pass."""
    text = MODEL.replace("{roc_auc: 0.6}", floors)
    record = judged(evaluation(scored(store, scores(1), "1"), None), folder, store, text=text)
    assert record.verdict is Verdict.INVALID
    assert reason in record.reasons
    with_champion = evaluation(scored(store, scores(1), "1"), scored(store, scores(2), "2"))
    assert judged(with_champion, folder, store, text=text).verdict is Verdict.PASS


def test_the_size_of_the_challenger_is_held_to_its_budget(folder: Path, store: FolderStore) -> None:
    """Exactly; a champion's does not matter."""
    evaluated = evaluation(scored(store, scores(1), "1", size_bytes=1_000_001), scored(store, scores(2), "2", size_bytes=1))
    record = judged(evaluated, folder, store)
    assert (record.verdict, record.reasons) == (Verdict.FAIL, ("size_mb: 1 MB exceeds the budget of 1 MB",))


def test_a_slice_of_what_is_no_feature_names_model_yaml(folder: Path, store: FolderStore) -> None:
    """The file in which it is wrong."""
    evaluated = evaluation(scored(store, scores(1), "1"), scored(store, scores(2), "2"))
    text = MODEL.replace("{smoker: true}", "{smokr: true}")
    with pytest.raises(BadInputError) as caught:
        judged(evaluated, folder, store, text=text)
    expected = 'models/m/model.yaml: slice "smokers" asks for column "smokr", which is no feature; there are: x, smoker'
    assert str(caught.value) == expected


def test_predictions_that_are_gone_are_trouble_of_the_environment(folder: Path, store: FolderStore) -> None:
    """Everything in the local memory may be deleted; another run makes it again."""
    gone = dataclasses.replace(scored(store, scores(1), "1"), predictions=Digest("sha256:" + "e" * 64))
    with pytest.raises(EnvironmentTroubleError, match="its predictions are gone; run `release evaluate` again"):
        judged(evaluation(gone, None), folder, store)


def test_resampling_is_seeded_by_the_test_set_alone(folder: Path, store: FolderStore) -> None:
    """The same rows give the same draws whatever is judged on them; another test set gives others."""
    text = MODEL.replace("metric: roc_auc, margin: 0.2", "metric: f1, margin: 0.2").replace(
        "floors: {roc_auc", "floors: {f1"
    )
    one = evaluation(scored(store, scores(1), "1"), scored(store, scores(2), "2"))
    renamed = evaluation(scored(store, scores(1), "3"), scored(store, scores(2), "2"), key=Digest("sha256:" + "b" * 64))
    other = dataclasses.replace(one, test_digest=Digest("sha256:" + "e" * 64))
    first, again, differently = (judged(which, folder, store, text=text) for which in (one, renamed, other))
    assert first.comparisons == again.comparisons
    drawn = [(c.low, c.high, c.high_family, c.p_value) for c in (first.comparisons[0], differently.comparisons[0])]
    assert drawn[0] != drawn[1]
    assert first.comparisons[0].difference == differently.comparisons[0].difference


def test_every_margin_is_judged_against_the_anchor_too(folder: Path, store: FolderStore) -> None:
    """Where there is one; the record names it, and floors and budgets are asked once."""
    three = {name: scored(store, scores(number), name) for number, name in enumerate("123")}
    record = judged(evaluation(three["1"], three["2"], anchor=three["3"]), folder, store)
    assert record.anchor == three["3"].model_digest
    assert [(c.role, c.metric) for c in record.comparisons if c.against == "anchor"] == [
        *(("primary", "roc_auc"), ("guard", "recall"), ("slice", "accuracy"))
    ]
    without = judged(evaluation(three["1"], three["2"]), folder, store)
    assert (without.anchor, len(without.comparisons)) == (None, len(record.comparisons) - 3)
    against = judged(evaluation(three["1"], three["3"]), folder, store)
    judgements = {(c.role, c.metric): (c.champion, c.difference, c.low) for c in against.comparisons if c.margin}
    for one in record.comparisons:
        if one.against == "anchor":
            assert judgements[one.role, one.metric] == (one.champion, one.difference, one.low)


def test_a_challenger_that_is_the_anchor_again_is_the_same_model(folder: Path, store: FolderStore) -> None:
    """By its digest: going back to the release that was shown better is no loss against it."""
    again = scored(store, scores(1), "1")
    record = judged(evaluation(again, scored(store, scores(2), "2"), anchor=again), folder, store)
    assert {c.method for c in record.comparisons if c.against == "anchor"} == {"same-model"}
    assert {c.method for c in record.comparisons if c.against == "champion"}.isdisjoint({"same-model"})
