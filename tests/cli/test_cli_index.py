"""The MLflow index, with real MLflow on sqlite: logged once, missed when it is down, caught up with later."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from cli_running import NO_INDEX, NO_RUNTIME, NOT_INDEXED, commit_all, edit, here, ok, process_without

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

MODEL = "models/churn/model.yaml"


class Index:
    """An index in a file of its own, written through the command line and read as people's tools read it."""

    def __init__(self, folder: Path) -> None:
        """Keep the file in `folder`."""
        self.uri = f"sqlite:///{folder / 'mlflow.db'}"

    @property
    def client(self) -> Any:
        """MLflow's own client."""
        from mlflow import MlflowClient  # noqa: PLC0415 (seconds, for these tests only)

        return MlflowClient(self.uri)

    def runs(self, model: str) -> list[Any]:
        """Return every run of a model's experiment."""
        client = self.client
        experiments = [one.experiment_id for one in client.search_experiments() if one.name.endswith(model)]
        return list(client.search_runs(experiments))

    def versions(self, model: str) -> list[Any]:
        """Return every registered version of a model."""
        return list(self.client.search_model_versions(f"name='{model}'"))


@pytest.fixture(scope="module")
def indexed(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Index, Any]:
    """Give the shop, trained while MLflow was down, and the index after `release index` has caught up."""
    folder = tmp_path_factory.mktemp("indexed")
    shutil.copytree(_shop, folder / "shop")
    index = Index(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", index.uri)
        return folder / "shop", index, ok(here(folder / "shop", "index", "--json"))


def test_a_server_that_is_down_stops_no_release(shop: Path) -> None:
    """The run completes with its verdict, says once a model that nothing was indexed, and which command catches up."""
    told = ok(here(shop, "dry-run", "churn"))
    assert [line for line in told.err.splitlines() if "reused" not in line] == [NOT_INDEXED, NO_RUNTIME]
    assert told.out.startswith("churn: PASS\n")
    promoted = ok(here(shop, "promote", "churn", "--to", "staging"))
    marked = f"champion not marked in the index: {NO_INDEX}: MLflow cannot be written: Connection refused"
    assert promoted.err.splitlines()[-1].startswith(marked)


def test_asking_for_the_index_of_a_server_that_is_down_is_worth_a_retry(shop: Path) -> None:
    """Here the index is the point, so trouble with it is the error."""
    told = here(shop, "index", "--json")
    assert (told.code, told.document["error"]["code"]) == (5, 5)
    assert told.document["error"]["where"] == NO_INDEX


def test_index_catches_up_with_what_was_missed(indexed: tuple[Path, Index, Any]) -> None:
    """Both models have a run with its verdict, a version with the model's digest, and the challenger's alias."""
    folder, index, done = indexed
    assert sorted(line.split(":")[0] for line in done.document["indexed"]) == ["churn", "spend"]
    record = ok(here(folder, "train", "churn", "--json")).document
    [run], [version] = index.runs("churn"), index.versions("churn")
    assert run.data.tags["release.model_digest"] == record["model_digest"]
    assert run.data.params["estimator"] == "logistic-regression"
    assert version.tags["release.model_digest"] == record["model_digest"]
    assert index.client.get_model_version_by_alias("churn", "challenger").version == version.version


def test_index_again_has_nothing_to_do(indexed: tuple[Path, Index, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is logged is not logged twice."""
    folder, index, _ = indexed
    monkeypatch.setenv("MLFLOW_TRACKING_URI", index.uri)
    assert ok(here(folder, "index")).out == "the index is up to date\n"
    assert ok(here(folder, "index", "--json")).document == {"indexed": []}
    assert len(index.runs("churn")) == 1


def test_an_unchanged_run_imports_nothing_that_computes_or_indexes(indexed: tuple[Path, Index, Any]) -> None:
    """With everything known, dry-run is a look-up: no scikit-learn, no numpy, no MLflow."""
    folder, index, _ = indexed
    heavy = "sklearn,numpy,scipy,pandas,skops,mlflow,requests"
    told = ok(process_without(heavy, folder, "dry-run", env={"MLFLOW_TRACKING_URI": index.uri}))
    *reused, last = told.err.splitlines()
    assert last == NO_RUNTIME
    stages = [line.split(" ")[1] for line in reused]
    assert stages == ["check", "train", "evaluate", "gate", "package", "report"] * 2
    assert told.out.count(": PASS\n") == 2


def test_a_run_isindexed_once_and_the_aliases_follow(
    indexed: tuple[Path, Index, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry-run logs its challenger once; promoting it moves the champion's alias to its version."""
    original, index, _ = indexed
    shutil.copytree(original, tmp_path / "shop")
    folder = tmp_path / "shop"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", index.uri)
    edit(folder, "models/spend/model.yaml", "kind: dummy", "kind: ridge")
    commit_all(folder)
    for _ in range(2):
        ok(here(folder, "dry-run", "spend"))
    digest = ok(here(folder, "train", "spend", "--json")).document["model_digest"]
    assert [run.data.tags["release.model_digest"] == digest for run in index.runs("spend")].count(True) == 1
    [version] = [one for one in index.versions("spend") if one.tags["release.model_digest"] == digest]
    assert index.client.get_model_version_by_alias("spend", "challenger").version == version.version
    told = ok(here(folder, "promote", "spend", "--to", "staging"))
    assert "champion" not in told.err
    assert index.client.get_model_version_by_alias("spend", "champion").version == version.version
