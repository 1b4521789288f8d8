"""Compare on files that memory should not hold: the record of files that fit, and the same refusals with the same lines.

Here every file is too large, blocks are of a few rows and the sort of scores has many buckets.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from release.config.comparing import Asked, option_at, policy_of
from release.data import merging, spilling
from release.data.scored import OutputColumns
from release.errors import BadInputError
from release.judging import streamed_rows
from release.judging.compared import Columns
from release.stages import compare as stage
from release.stages.compare import Files, compare
from release.stats.spilled import Spilled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from release.records import VerdictRecord

N = 2_400


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Give a switch: from now on more than so many rows stay on disk, and memory holds 128 at once."""

    def switch(limit: int) -> None:
        for module in (stage, streamed_rows):
            monkeypatch.setattr(module, "IN_MEMORY", limit)
        for module in (spilling, merging):
            monkeypatch.setattr(module, "BLOCK", 128)
        monkeypatch.setattr(Spilled.blocks, "__defaults__", (128,))

    return switch


def judged(files: Files, *, columns: dict[str, Any] | None = None, task: Any = None, **asked: Any) -> VerdictRecord:
    options: dict[str, Any] = {"challenger": OutputColumns(scores=("p",)), "champion": OutputColumns(scores=("p",))}
    return compare(
        files, Columns(id="key", target="y", **(options | (columns or {}))), policy_of(Asked(**asked)), option_at, task=task
    )


def both(switch: Callable[[int], None], files: Files, *, limit: int = 1, **options: Any) -> VerdictRecord:
    """Judge in memory and from disk, and compare everything that the records say."""
    wanted = judged(files, **options)
    switch(limit)
    found = judged(files, **options)
    for one, other in zip(found.comparisons, wanted.comparisons, strict=True):
        for name, value in dataclasses.asdict(other).items():
            # The difference of two values near each other carries their rounding.
            near = pytest.approx(value, rel=1e-9, abs=1e-14) if isinstance(value, float) else value
            assert getattr(one, name) == near, (one.metric, name)
    assert dataclasses.replace(found, comparisons=()) == dataclasses.replace(wanted, comparisons=())
    return found


def scored_rows(seed: int = 1) -> pd.DataFrame:
    """Return rows with a truth, a probability, a weight and a column to slice by, ids in no order of their text."""
    draw = np.random.default_rng(seed)
    y = (np.random.default_rng(0).random(N) < 0.4).astype(int)
    noise = np.random.default_rng(0).normal(0, 1, N) + draw.normal(0, 0.5, N)
    site = np.random.default_rng(0).choice(["north", "south", ""], N, p=[0.3, 0.6, 0.1])
    weight = np.round(np.random.default_rng(0).gamma(2, 1, N), 3) * (np.arange(N) % 50 > 0)
    p = 1 / (1 + np.exp(-2 * y + 1 - noise))
    return pd.DataFrame({"key": np.arange(N) * 7, "y": y, "p": p, "site": site, "w": weight})


def written(folder: Path, name: str, frame: pd.DataFrame) -> Path:
    """Write a frame, as its name says."""
    if name.endswith(".csv"):
        frame.to_csv(folder / name, index=False)
    else:
        frame.to_parquet(folder / name, index=False, row_group_size=300)
    return folder / name


LABELS = ("accuracy", "recall", "f1", "mcc")
SCORES = ("roc_auc", "brier_score", "log_loss")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_record_is_that_of_files_in_memory(
    tmp_path: Path, everything_is_large: Callable[[int], None], suffix: str
) -> None:
    """Ids in the same order in both files, which is the usual case, with a slice, a floor and a relative margin."""
    files = Files(
        challenger=written(tmp_path, f"b.{suffix}", scored_rows(2)),
        champion=written(tmp_path, f"a.{suffix}", scored_rows(1)),
    )
    found = both(
        everything_is_large,
        files,
        metrics=(*SCORES, *LABELS),
        margins=("0.02", "5%", "0.1", "0.03", "4%", "0.05", "0.1"),
        floors=("roc_auc=0.6", "accuracy=0.6", "precision=0.3"),
        slices=("site=north",),
    )
    assert {one.verdict for one in found.comparisons} != {"INVALID"}


def test_rows_are_aligned_by_id_whatever_their_order(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """A shuffled Parquet file with numbers for ids, a CSV file with their text, and the truth apart."""
    champion, challenger = scored_rows(1), scored_rows(2)
    files = Files(
        challenger=written(tmp_path, "b.parquet", challenger.sample(frac=1, random_state=3)[["key", "p"]]),
        champion=written(tmp_path, "a.csv", champion.sample(frac=1, random_state=4)[["key", "p"]]),
        truth=written(tmp_path, "t.csv", champion.drop(columns="p")),
    )
    both(everything_is_large, files, metrics=("roc_auc", "f1"), margins=("0.01", "0.02"), slices=("site=south",))


def test_ids_in_the_order_of_their_text_are_zipped(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """Nothing is sorted, and nothing differs."""
    frames = [one.assign(key=one["key"].map("row-{:06}".format)) for one in (scored_rows(1), scored_rows(2))]
    files = Files(challenger=written(tmp_path, "b.csv", frames[1]), champion=written(tmp_path, "a.csv", frames[0]))
    both(everything_is_large, files, metrics=("roc_auc",), margins=("0.01",))


def test_weights_count_and_rows_that_weigh_nothing_do_not(
    tmp_path: Path, everything_is_large: Callable[[int], None]
) -> None:
    """Areas and means; a slice that fits in memory takes any metric."""
    files = Files(challenger=written(tmp_path, "b.csv", scored_rows(2)), champion=written(tmp_path, "a.csv", scored_rows(1)))
    options: dict[str, Any] = {"columns": {"weight": "w"}, "metrics": SCORES, "margins": ("0.02", "0.01", "0.1")}
    both(everything_is_large, files, **options, floors=("roc_auc=0.6",), slices=("site=south",))


def test_a_small_slice_is_judged_as_in_memory(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """Whatever its metric."""
    files = Files(challenger=written(tmp_path, "b.csv", scored_rows(2)), champion=written(tmp_path, "a.csv", scored_rows(1)))
    both(everything_is_large, files, limit=1_000, metrics=("roc_auc",), margins=("0.02",), slices=("north=site=north",))


def test_one_file_may_hold_both_models(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """In two columns, one of labels that a tool made."""
    frame = scored_rows(1).assign(q=scored_rows(2)["p"], said=(scored_rows(2)["p"] > 0.6).astype(int))
    path = written(tmp_path, "a.csv", frame)
    columns = {"challenger": OutputColumns(scores=("q",), label="said"), "champion": OutputColumns(scores=("p",))}
    options: dict[str, Any] = {"metrics": ("roc_auc", "accuracy"), "margins": ("0.1", "0.1")}
    both(everything_is_large, Files(challenger=path, champion=path), columns=columns, **options)


def test_a_model_against_itself_and_a_model_alone(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """No worse by digest; floors without a champion."""
    path = written(tmp_path, "a.csv", scored_rows(1))
    both(everything_is_large, Files(challenger=path, champion=path), metrics=("roc_auc",), margins=("0.01",))
    both(everything_is_large, Files(challenger=path), floors=("roc_auc=0.6", "f1=0.5"))


def test_several_classes_have_a_column_each(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """Named by a star, or listed; the rarest class is in few blocks."""
    draw = np.random.default_rng(5)
    y = draw.choice(["cat", "dog", "owl"], N, p=[0.6, 0.39, 0.01])
    frames = []
    for _ in range(2):
        p = draw.dirichlet(np.ones(3), N) + 0.8 * (y[:, None] == np.array(["owl", "dog", "cat"]))
        p /= p.sum(axis=1, keepdims=True)
        frames.append(pd.DataFrame({"key": np.arange(N), "y": y, "p_owl": p[:, 0], "p_dog": p[:, 1], "p_cat": p[:, 2]}))
    files = Files(challenger=written(tmp_path, "b.csv", frames[1]), champion=written(tmp_path, "a.parquet", frames[0]))
    for wanted in (("p_*",), ("p_dog", "p_owl", "p_cat")):
        output = OutputColumns(scores=wanted)
        both(
            everything_is_large,
            files,
            columns={"challenger": output, "champion": output},
            metrics=("log_loss", "accuracy", "macro_f1"),
            margins=("0.1", "0.1", "0.1"),
        )


def test_labels_alone_tell_their_task(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """Three values are three classes."""
    draw = np.random.default_rng(6)
    y = draw.choice(["a", "b", "c"], N)
    frames = [pd.DataFrame({"key": np.arange(N), "y": y, "said": np.where(draw.random(N) < 0.7, y, "a")}) for _ in range(2)]
    files = Files(challenger=written(tmp_path, "b.csv", frames[1]), champion=written(tmp_path, "a.csv", frames[0]))
    output = OutputColumns(label="said")
    both(
        everything_is_large,
        files,
        columns={"challenger": output, "champion": output},
        metrics=("accuracy",),
        margins=("0.1",),
    )


def test_numbers_are_judged_by_their_distance(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """Means in closed form; a target of zero is named by its row."""
    draw = np.random.default_rng(7)
    y = 50 + draw.normal(0, 3, N)
    frames = [pd.DataFrame({"key": np.arange(N), "y": y, "p": y + draw.normal(0, 1, N)}) for _ in range(2)]
    files = Files(challenger=written(tmp_path, "b.csv", frames[1]), champion=written(tmp_path, "a.csv", frames[0]))
    both(everything_is_large, files, metrics=("mae", "mape"), margins=("0.1", "5%"))
    zero = [one.assign(y=np.where(np.arange(N) == 900, 0.0, one["y"])) for one in frames]
    files = Files(challenger=written(tmp_path, "d.csv", zero[1]), champion=written(tmp_path, "c.csv", zero[0]))
    found = both(everything_is_large, files, metrics=("mape",), margins=("5%",))
    assert found.verdict == "INVALID"


def test_ratios_of_sums_go_by_influence(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """Where memory would draw resamples of so few rows, and agrees on the values."""
    draw = np.random.default_rng(8)
    y = 50 + draw.normal(0, 3, N)
    frames = [pd.DataFrame({"key": np.arange(N), "y": y, "p": y + draw.normal(0, 1, N)}) for _ in range(2)]
    files = Files(challenger=written(tmp_path, "b.csv", frames[1]), champion=written(tmp_path, "a.csv", frames[0]))
    options: dict[str, Any] = {"metrics": ("rmse", "r2"), "margins": ("0.1", "0.1")}
    wanted = judged(files, **options)
    everything_is_large(1)
    for found, other in zip(judged(files, **options).comparisons, wanted.comparisons, strict=True):
        assert found.method == "influence"
        assert (found.challenger, found.difference) == pytest.approx((other.challenger, other.difference), rel=1e-9)
        assert found.low == pytest.approx(other.low, abs=0.2 * (other.high - other.low))


def refusal(files: Files, **options: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        judged(files, **({"metrics": ("roc_auc",), "margins": ("0.01",)} | options))
    return str(caught.value)


def broken(frame: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    frame = frame.astype({column: object})
    frame.loc[row, column] = value
    return frame


def changed(what: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows with one fault, far from the first block."""
    cases: dict[str, Callable[[], pd.DataFrame]] = {
        "repeated id": lambda: broken(frame, "key", 1_500, frame["key"][900]),
        "empty id": lambda: broken(frame, "key", 1_500, ""),
        "no number": lambda: broken(frame, "p", 1_500, "high"),
        "infinite": lambda: broken(frame, "p", 1_500, np.inf),
        "empty target": lambda: broken(frame, "y", 1_500, ""),
        "third class": lambda: broken(frame, "y", 1_500, "2"),
        "no such column": lambda: frame.rename(columns={"p": "score"}),
        "missing row": lambda: frame.drop(index=1_500),
        "one row more": lambda: pd.concat([frame, frame.iloc[[0]].assign(key="more")]),
    }
    return cases[what]()


FAULTS = [
    "repeated id", "empty id", "no number", "infinite", "empty target", "third class", "no such column",
    "missing row", "one row more",
]  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_faults_are_named_as_in_memory(tmp_path: Path, everything_is_large: Callable[[int], None], what: str) -> None:
    """With file, line and remedy; a repeated id by the later of its lines."""
    files = Files(
        challenger=written(tmp_path, "b.csv", changed(what, scored_rows(2))),
        champion=written(tmp_path, "a.csv", changed(what, scored_rows(1)) if what == "third class" else scored_rows(1)),
    )
    wanted = refusal(files)
    everything_is_large(1)
    assert refusal(files).split("; ")[0] == wanted.split("; ")[0]


def test_two_truths_are_refused_by_their_lines(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """Where a row's truth differs, and where a slice's column does."""
    for column, other in (("y", 1 - scored_rows(1)["y"][1_500]), ("site", "west"), ("w", 9.0)):
        files = Files(
            challenger=written(tmp_path, "b.csv", broken(scored_rows(2), column, 1_500, other)),
            champion=written(tmp_path, "a.csv", broken(scored_rows(1), "site", 1_500, "north")),
        )
        everything_is_large(1)
        said = refusal(files, slices=("site=north",), columns={"weight": "w"})
        assert f'"{column}" does not say the same here and in {tmp_path / "a.csv"}:1502' in said


def test_what_needs_all_rows_at_once_is_refused_before_reading(
    tmp_path: Path, everything_is_large: Callable[[int], None]
) -> None:
    """With the limit, and a metric that would do."""
    files = Files(challenger=written(tmp_path, "b.csv", scored_rows(2)), champion=written(tmp_path, "a.csv", scored_rows(1)))
    everything_is_large(1)
    said = refusal(files, metrics=("average_precision",))
    assert said.endswith("there are more than 1; give at most 1 rows, or judge by roc_auc")
    assert "--group: rows that belong together" in refusal(files, columns={"group": "site"})
    assert "accuracy of weighted rows needs all" in refusal(files, metrics=("accuracy",), columns={"weight": "w"})


def test_negative_weights_and_none_at_all_are_refused(tmp_path: Path, everything_is_large: Callable[[int], None]) -> None:
    """As in memory."""
    for weights, what in ((0.0, 'every weight in "w" is 0'), (-1.0, 'the weight "w" is -1')):
        frames = [scored_rows(seed).assign(w=weights) for seed in (1, 2)]
        files = Files(challenger=written(tmp_path, "b.csv", frames[1]), champion=written(tmp_path, "a.csv", frames[0]))
        everything_is_large(1)
        assert what in refusal(files, columns={"weight": "w"})
