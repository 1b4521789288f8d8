"""What people see in MLflow after the tool has indexed something, and what they read when it cannot."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from release.adapters.tracking_mlflow import MlflowTracking
from release.errors import EnvironmentTroubleError, SecurityRefusalError
from release.records import (
    Commit,
    Comparison,
    Digest,
    EvaluateRecord,
    ModelName,
    Scored,
    TestSet,
    TrainRecord,
    Verdict,
    VerdictRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = {"model/model.json": b'{"kind": "pipeline"}', "model/weights/0.npy": b"\x93NUMPY", "report/report.md": b"# PASS\n"}


def digest(character: str) -> Digest:
    return Digest("sha256:" + character * 64)


def train(model: str, **changes: Any) -> TrainRecord:
    record = TrainRecord(
        model=ModelName(model),
        commit=Commit("a" * 40),
        key=digest("1"),
        model_digest=digest("2"),
        files={"model.json": digest("2")},
        size_bytes=2048,
        task="binary",
        estimator="logistic-regression",
        parameters={"C": 0.1, "fit_intercept": True, "class_weight": None, "solver": "lbfgs"},
        threshold=0.4,
        train_digest=digest("3"),
        rows=284,
        columns=30,
        cross_validation={"mean": 0.98, "std": 0.01},
        candidates=30,
        versions={"scikit-learn": "1.9.1"},
    )
    return replace(record, **changes)


def evaluated(record: TrainRecord, **changes: Any) -> EvaluateRecord:
    result = EvaluateRecord(
        model=record.model,
        commit=record.commit,
        key=digest("4"),
        task=record.task,
        test_digest=digest("5"),
        rows=285,
        threshold=0.4,
        classes=("0", "1"),
        challenger=Scored(
            model_digest=record.model_digest,
            predictions=digest("6"),
            source="store",
            metrics={"roc_auc": 0.994, "recall": 0.95},
        ),
        champion=Scored(model_digest=digest("7"), predictions=digest("8"), source="store", metrics={"roc_auc": 0.991}),
    )
    return replace(result, **changes)


def comparison(**changes: Any) -> Comparison:
    result = Comparison(
        metric="roc_auc",
        role="primary",
        slice=None,
        n=285,
        champion=0.991,
        challenger=0.994,
        difference=0.003,
        low=-0.002,
        high=0.008,
        level=0.95,
        high_family=0.009,
        margin=0.02,
        p_value=0.21,
        p_margin=0.004,
        method="delong",
        verdict=Verdict.PASS,
        rows_needed=None,
    )
    return replace(result, **changes)


def judged(record: TrainRecord, **changes: Any) -> VerdictRecord:
    result = VerdictRecord(
        verdict=Verdict.PASS,
        model=record.model,
        challenger=record.model_digest,
        champion=digest("7"),
        alpha=0.05,
        comparisons=(comparison(), comparison(role="slice", slice="smokers > 5/day", metric="recall", low=0.1, high=None)),
        reasons=("roc_auc is not worse by 0.02",),
        test_set=TestSet(digest=digest("5"), looks=3, budget=5),
    )
    return replace(result, **changes)


class At:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return always the same moment, long past."""
        return datetime(2020, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the module's index; making an index costs seconds, so each test has a model of its own instead."""
    return tmp_path_factory.mktemp("an index")


@pytest.fixture(scope="module")
def uri(place: Path) -> str:
    return f"sqlite:///{place}/below/mlflow.db"


@pytest.fixture
def tracking(uri: str, place: Path) -> MlflowTracking:
    return MlflowTracking(uri, place / "files", clock=At())


def client_of(uri: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient  # noqa: PLC0415 (after the adapter has set it up)

        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs_of(client: Any, model: str) -> list[Any]:
    experiment = client.get_experiment_by_name(f"release/{model}")
    return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"]))


def versions_of(client: Any, model: str) -> dict[str, Any]:
    return {str(version.version): version for version in client.search_model_versions(f"name='{model}'")}


def test_parameters_metrics_and_tags_are_those_of_the_records(tracking: MlflowTracking, uri: str) -> None:
    """A run shows the estimator, both models' numbers, the intervals, the verdict and where all of it came from."""
    record = train("churn")
    tracking.index(record, evaluated(record), judged(record), FILES)
    (run,) = runs_of(client_of(uri), "churn")
    assert run.data.params == {
        "estimator": "logistic-regression",
        "estimator.C": "0.1",
        "estimator.class_weight": "null",
        "estimator.fit_intercept": "true",
        "estimator.solver": "lbfgs",
        "task": "binary",
        "candidates": "30",
        "threshold": "0.4",
    }
    assert run.data.metrics == {
        "roc_auc": 0.994,
        "recall": 0.95,
        "champion.roc_auc": 0.991,
        "primary.roc_auc.difference": 0.003,
        "primary.roc_auc.low": -0.002,
        "primary.roc_auc.high": 0.008,
        "slice.smokers _ 5_day.recall.difference": 0.003,
        "slice.smokers _ 5_day.recall.low": 0.1,
        "cross_validation.mean": 0.98,
        "cross_validation.std": 0.01,
        "size_bytes": 2048.0,
    }
    expected = {
        "release.model": "churn",
        "release.model_digest": digest("2"),
        "release.commit": "a" * 40,
        "release.train_digest": digest("3"),
        "release.test_digest": digest("5"),
        "release.verdict": "PASS",
        "release.verdict.champion": digest("7"),
        "release.verdict.looks": "3 of 5",
        "release.versions.scikit-learn": "1.9.1",
        "mlflow.source.git.commit": "a" * 40,
        "mlflow.note.content": "PASS\n\nroc_auc is not worse by 0.02",
    }
    assert {key: run.data.tags.get(key) for key in expected} == expected
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "churn aaaaaaaaaaaa"
    assert run.info.start_time == At().now().timestamp() * 1000


def test_data_digests_are_datasets(tracking: MlflowTracking, uri: str) -> None:
    """Training and test data appear as datasets, by their digests, with the whole digest in the source."""
    record = train("datasets")
    tracking.index(record, evaluated(record), None, {})
    (run,) = runs_of(client_of(uri), "datasets")
    seen = {
        entry.tags[0].value: (
            entry.dataset.digest,
            json.loads(entry.dataset.source)["digest"],
            json.loads(entry.dataset.profile),
        )
        for entry in run.inputs.dataset_inputs
    }
    assert seen == {
        "training": (digest("3")[:36], digest("3"), {"num_rows": 284, "num_elements": 8520}),
        "testing": (digest("5")[:36], digest("5"), {"num_rows": 285}),
    }


def test_files_are_kept_as_they_are_below_the_given_folder(tracking: MlflowTracking, uri: str, place: Path) -> None:
    """The model and the reports are plain files under the artifact root, and the version points at the model's folder."""
    record = train("files")
    tracking.index(record, None, None, FILES)
    client = client_of(uri)
    (run,) = runs_of(client, "files")
    folder = place / "files" / "files" / run.info.run_id / "artifacts"
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == FILES
    assert versions_of(client, "files")["1"].source == f"{run.info.artifact_uri}/model"


def test_indexing_twice_leaves_one_run_and_one_version(tracking: MlflowTracking, uri: str) -> None:
    """The same record again adds no run, no version, no dataset and no point to a metric's history."""
    record = train("twice")
    for _ in range(3):
        tracking.index(record, evaluated(record), judged(record), FILES)
    client = client_of(uri)
    (run,) = runs_of(client, "twice")
    assert len(client.get_metric_history(run.info.run_id, "roc_auc")) == 1
    assert len(run.inputs.dataset_inputs) == 2
    assert list(versions_of(client, "twice")) == ["1"]


def test_an_interrupted_record_is_completed(tracking: MlflowTracking, uri: str) -> None:
    """What was logged before the verdict was known, or before a crash, becomes the one complete run."""
    record = train("later")
    tracking.index(record, None, None, {})
    tracking.index(record, evaluated(record), judged(record), FILES)
    client = client_of(uri)
    (run,) = runs_of(client, "later")
    assert run.data.metrics["primary.roc_auc.low"] == -0.002
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["model", "report"]
    assert versions_of(client, "later")["1"].tags["release.verdict"] == "PASS"


def test_a_new_judgement_replaces_the_old_one(tracking: MlflowTracking, uri: str, place: Path) -> None:
    """Judged again against another champion, run and version show the new verdict; the history keeps the old number."""
    record = train("again")
    tracking.index(record, evaluated(record), judged(record), FILES)
    worse = judged(record, verdict=Verdict.FAIL, comparisons=(comparison(low=-0.05),), reasons=("worse",))
    MlflowTracking(uri, place / "files").index(record, evaluated(record), worse, FILES)
    client = client_of(uri)
    (run,) = runs_of(client, "again")
    assert run.data.tags["release.verdict"] == "FAIL"
    assert versions_of(client, "again")["1"].tags["release.verdict"] == "FAIL"
    history = client.get_metric_history(run.info.run_id, "primary.roc_auc.low")
    assert [point.value for point in history] == [-0.002, -0.05]


def test_the_same_model_from_another_commit_is_a_run_but_no_version(tracking: MlflowTracking, uri: str) -> None:
    """A version is a model's bytes: a second commit with the same digest adds a run and leaves the version its commit."""
    tracking.index(train("same"), None, None, FILES)
    tracking.index(train("same", commit=Commit("b" * 40), key=digest("9")), None, None, FILES)
    client = client_of(uri)
    assert {run.data.tags["release.commit"][0] for run in runs_of(client, "same")} == {"a", "b"}
    assert {number: version.tags["release.commit"][0] for number, version in versions_of(client, "same").items()} == {
        "1": "a"
    }


def test_aliases_follow_digests(tracking: MlflowTracking, uri: str) -> None:
    """Champion and challenger point at versions by digest, move when told, and stay when not named."""
    for character in "23":
        tracking.index(train("aliases", model_digest=digest(character)), None, None, {})
    client = client_of(uri)
    tracking.alias(ModelName("aliases"), {"champion": digest("2"), "challenger": digest("3")})
    assert client.get_model_version_by_alias("aliases", "champion").tags["release.model_digest"] == digest("2")
    assert client.get_model_version_by_alias("aliases", "challenger").tags["release.model_digest"] == digest("3")
    tracking.alias(ModelName("aliases"), {"champion": digest("3")})
    assert {name: str(number) for name, number in client.get_registered_model("aliases").aliases.items()} == {
        "champion": "2",
        "challenger": "2",
    }


def test_an_alias_of_an_unknown_digest_is_told_after_the_others_are_set(tracking: MlflowTracking, uri: str) -> None:
    """A digest that was never indexed has no version: its alias leaves the one it was on, and the message says so."""
    tracking.index(train("gap"), None, None, {})
    tracking.alias(ModelName("gap"), {"champion": digest("2")})
    with pytest.raises(EnvironmentTroubleError) as caught:
        tracking.alias(ModelName("gap"), {"champion": digest("f"), "challenger": digest("2")})
    assert str(caught.value) == f"{uri}: no version of gap has the digest {digest('f')}; run `release index`"
    aliases = client_of(uri).get_registered_model("gap").aliases
    assert {name: str(number) for name, number in aliases.items()} == {"challenger": "1"}
    with pytest.raises(EnvironmentTroubleError, match="no version of never has the digest"):
        tracking.alias(ModelName("never"), {"champion": digest("f")})


def test_known_digests_are_those_with_a_version(tracking: MlflowTracking, tmp_path: Path) -> None:
    """Catching up needs to know what is there already; asking makes no index where there is none."""
    for character in "23":
        tracking.index(train("known", model_digest=digest(character)), None, None, {})
    assert tracking.known(ModelName("known")) == {digest("2"), digest("3")}
    assert tracking.known(ModelName("unheard-of")) == set()
    assert MlflowTracking(f"sqlite:///{tmp_path}/none.db", tmp_path).known(ModelName("known")) == set()
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_complete_before_its_version_exists(tracking: MlflowTracking, place: Path, uri: str) -> None:
    """When the files cannot be written there is no version yet, so that catching up does the whole record again."""
    (place / "files").mkdir(exist_ok=True)
    blocker = place / "files" / "blocked"
    blocker.write_bytes(b"a file where a folder must be")
    with pytest.raises(EnvironmentTroubleError, match=r"MLflow cannot be written: .*; run `release index` when it is back"):
        tracking.index(train("blocked"), None, None, FILES)
    assert tracking.known(ModelName("blocked")) == set()
    blocker.unlink()
    tracking.index(train("blocked"), None, None, FILES)
    assert tracking.known(ModelName("blocked")) == {digest("2")}
    assert len(runs_of(client_of(uri), "blocked")) == 1


def test_more_parameters_than_one_request_takes(tracking: MlflowTracking, uri: str) -> None:
    """MLflow takes a hundred parameters a request; all of 250 arrive, however long their names."""
    parameters = {f"{'step__' * 30}{number}"[-200:]: number for number in range(250)}
    tracking.index(train("many", parameters={f"p{number}": number for number in range(250)} | parameters), None, None, {})
    (run,) = runs_of(client_of(uri), "many")
    assert run.data.params["estimator.p249"] == "249"
    assert len([name for name in run.data.params if name.startswith("estimator.p")]) == 250


def test_a_deleted_experiment_comes_back(tracking: MlflowTracking, uri: str) -> None:
    """Somebody deleted the experiment in the pages; the next record restores it rather than failing for ever."""
    tracking.index(train("deleted"), None, None, {})
    client = client_of(uri)
    client.delete_experiment(client.get_experiment_by_name("release/deleted").experiment_id)
    tracking.index(train("deleted", model_digest=digest("4")), None, None, {})
    assert client.get_experiment_by_name("release/deleted").lifecycle_stage == "active"


@pytest.mark.parametrize("path", ["../escaped", "/etc/escaped", "model/../../escaped", ""])
def test_a_path_that_leaves_the_run_is_refused(tracking: MlflowTracking, path: str) -> None:
    """An artifact named out of its folder is a refusal, before anything is written."""
    with pytest.raises(SecurityRefusalError, match="an artifact's path leaves its folder"):
        tracking.index(train("escape"), None, None, {path: b"x"})
    assert tracking.known(ModelName("escape")) == set()


def test_the_programs_logging_is_left_as_it_was(tracking: MlflowTracking) -> None:
    """Silence lasts as long as a call: handlers, level and threshold of the program's own logging are as before."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, root.manager.disable)
    tracking.index(train("logging"), None, None, {})
    assert (list(root.handlers), root.level, root.manager.disable) == before


def test_a_busy_index_is_waited_for(tracking: MlflowTracking, uri: str) -> None:
    """Another program that holds the sqlite file for a moment delays a record and does not lose it."""
    tracking.index(train("busy"), None, None, {})
    other = sqlite3.connect(uri.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.5, other.execute, ["ROLLBACK"])
    release.start()
    try:
        tracking.index(train("busy", model_digest=digest("4")), None, None, {})
    finally:
        release.join()
        other.close()
    assert tracking.known(ModelName("busy")) == {digest("2"), digest("4")}


def test_a_locked_index_is_told(tracking: MlflowTracking, uri: str, place: Path) -> None:
    """A file that stays locked is one line with the file and what to do."""
    tracking.index(train("locked"), None, None, {})
    other = sqlite3.connect(uri.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(EnvironmentTroubleError) as caught:
            MlflowTracking(uri, place / "files", patience=0.1).index(train("locked"), None, None, {})
    finally:
        other.close()
    assert str(caught.value) == f"{uri}: MLflow cannot be written: database is locked; run `release index` when it is back"


def test_a_moved_index_is_not_written_to_its_old_place(tracking: MlflowTracking, uri: str, tmp_path: Path) -> None:
    """A copied clone would write its files into the clone it came from; it is told to build its index anew."""
    tracking.index(train("moved"), None, None, {})
    with pytest.raises(
        EnvironmentTroubleError, match=r"this index keeps its files in .*; delete the file, then run `release index`"
    ):
        MlflowTracking(uri, tmp_path).index(train("moved", model_digest=digest("4")), None, None, FILES)
    assert list(tmp_path.iterdir()) == []


def test_an_index_of_another_mlflow_is_told(tracking: MlflowTracking, uri: str, tmp_path: Path) -> None:
    """After a change of MLflow's version the remedy is to build the index anew, or to upgrade it."""
    tracking.index(train("old"), None, None, {})
    old = tmp_path / "old.db"
    shutil.copy(uri.removeprefix("sqlite:///"), old)
    connection = sqlite3.connect(old)
    connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    connection.commit()
    connection.close()
    with pytest.raises(EnvironmentTroubleError) as caught:
        MlflowTracking(f"sqlite:///{old}", tmp_path).known(ModelName("old"))
    assert str(caught.value) == (
        f"sqlite:///{old}: the index was made by another version of MLflow, or its making was interrupted; "
        f"delete it, or run `mlflow db upgrade sqlite:///{old}`; then run `release index`"
    )


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """Some other file at the index's path is left as it is."""
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(EnvironmentTroubleError, match="MLflow cannot be written: file is not a database"):
        MlflowTracking(f"sqlite:///{path}", tmp_path).index(train("other"), None, None, {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A path through a file cannot hold an index, and says so at once."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentTroubleError, match=r"MLflow cannot be written: Not a directory|File exists"):
        MlflowTracking(f"sqlite:///{tmp_path}/file/mlflow.db", tmp_path).index(train("other"), None, None, {})


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://user:secret@db/mlflow", "postgresql://db/mlflow"),
        ("file:///tmp/mlruns", "file:///tmp/mlruns"),
        ("mlruns", "mlruns"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("http://", "http://"),
        ("http://user:secret@host:99999?token=secret", "http://host:99999"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(uri: str, shown: str, tmp_path: Path) -> None:
    """Only sqlite files and servers are indexes; the message offers both and shows no credentials."""
    with pytest.raises(EnvironmentTroubleError) as caught:
        MlflowTracking(uri, tmp_path).index(train("other"), None, None, {})
    assert str(caught.value) == (
        f"{shown}: this address of an index cannot be used; "
        "give sqlite:///path/to/mlflow.db or the http(s) address of an MLflow server"
    )


def test_a_server_that_is_down_is_told_without_its_password(tmp_path: Path) -> None:
    """A refused connection is one line with the address, the fact and the command that catches up."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(EnvironmentTroubleError) as caught:
            MlflowTracking(f"http://user:secret@127.0.0.1:{port}", tmp_path).index(train("other"), None, None, {})
    assert str(caught.value) == (
        f"http://127.0.0.1:{port}: MLflow cannot be written: Connection refused; run `release index` when it is back"
    )


WRITERS = """
import os, sys, time, traceback, warnings
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_tracking_mlflow as t

try:
    t.MlflowTracking("http://127.0.0.1:1", Path("files")).known(t.ModelName("race"))
except t.EnvironmentTroubleError:
    pass  # mlflow is imported now, once for all writers

def meet(turn, name):
    Path("turns", f"{turn}.{name}").touch()
    last = time.monotonic() + 60
    while len(list(Path("turns").glob(f"{turn}.*"))) < len(sys.argv[2:]):
        assert time.monotonic() < last, "the other writer is gone"
        time.sleep(0.001)

def write(name):
    tracking = t.MlflowTracking("sqlite:///below/mlflow.db", Path("files"))
    for turn in "01234567" + name:
        if turn != name:
            meet(turn, name)
        record = t.train("race", model_digest=t.digest(turn))
        tracking.index(record, t.evaluated(record), t.judged(record), t.FILES)
        tracking.alias(record.model, {"challenger": record.model_digest})

warnings.filterwarnings("ignore", "This process .* is multi-threaded")  # the threads are libraries', and idle
writers = []
for name in sys.argv[2:]:
    writers.append(os.fork())
    if writers[-1] == 0:
        code = 1
        try:
            write(name)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1]) for writer in writers))
"""


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Let two processes, where there is no index yet, index the same eight models at the same moments, and one each."""
    folder = tmp_path_factory.mktemp("race")
    (folder / "turns").mkdir()
    command = [sys.executable, "-W", "error", "-c", WRITERS, str(Path(__file__).parent), *"cd"]
    return folder, subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_writers_at_once_lose_and_double_nothing(race: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """However two first writers interleave, each digest has one run and one version, and nobody failed."""
    folder, done = race
    assert (done.returncode, done.stderr) == (0, "")
    client = client_of(f"sqlite:///{folder}/below/mlflow.db")
    assert sorted(run.data.tags["release.model_digest"][7] for run in runs_of(client, "race")) == list("01234567cd")
    versions = versions_of(client, "race").values()
    assert sorted(version.tags["release.model_digest"][7] for version in versions) == list("01234567cd")


@pytest.mark.slow
def test_a_first_index_says_nothing_and_leaves_nothing_else(race: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """Making an index prints nothing, warns of nothing, and leaves the index and its files: no `mlruns`, no remains."""
    folder, done = race
    assert (done.stdout, done.stderr) == ("", "")
    assert {entry.name for entry in folder.iterdir()} == {"below", "files", "turns"}
    assert [entry.name for entry in (folder / "below").iterdir()] == ["mlflow.db"]


def test_without_mlflow_the_remedy_is_to_install_it(tmp_path: Path) -> None:
    """Where the extra is not installed, the message names it."""
    program = """
import sys
sys.modules["mlflow"] = None
from pathlib import Path
from release.adapters.tracking_mlflow import MlflowTracking
from release.errors import EnvironmentTroubleError
try:
    MlflowTracking("http://127.0.0.1:1", Path("files")).known("churn")
except EnvironmentTroubleError as error:
    print(error.fix)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "pip install 'model-release[tracking]', or take `tracking` out of release.yaml\n"


@pytest.fixture
def server(tracking: MlflowTracking, uri: str, tmp_path: Path) -> Iterator[str]:
    """Run a real MLflow server on a free port, with files of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    tracking.index(train("local"), None, None, {})
    shutil.copy(uri.removeprefix("sqlite:///"), tmp_path / "server.db")  # sooner made than by another server
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", str(tmp_path / "kept")]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=output, stderr=output, start_new_session=True, env=environment
        )
    try:
        last = time.monotonic() + 120
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < last, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.mark.slow
def test_a_server_holds_the_same(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Over HTTP a record leaves the same run, version, alias and files, once; the files go where the server keeps them."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")  # a busy machine may answer late
    tracking = MlflowTracking(server, tmp_path / "unused")
    record = train("remote")
    for _ in range(2):
        tracking.index(record, evaluated(record), judged(record), FILES)
    tracking.alias(record.model, {"champion": record.model_digest})
    assert capfd.readouterr() == ("", "")
    client = client_of(server)
    (run,) = runs_of(client, "remote")
    assert run.data.metrics["champion.roc_auc"] == 0.991
    assert [entry.dataset.digest for entry in run.inputs.dataset_inputs] == [digest("3")[:36], digest("5")[:36]]
    assert tracking.known(ModelName("remote")) == {digest("2")}
    version = client.get_model_version_by_alias("remote", "champion")
    assert (str(version.version), version.run_id) == ("1", run.info.run_id)
    kept = {path.relative_to(tmp_path / "kept").parts[3:]: path for path in (tmp_path / "kept").rglob("*") if path.is_file()}
    assert {"/".join(parts): path.read_bytes() for parts, path in kept.items()} == FILES
    assert not (tmp_path / "unused").exists()
