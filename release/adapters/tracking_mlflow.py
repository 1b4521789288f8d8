"""MLflow as the index that people browse: runs, numbers, data digests, versions and aliases.

The only module that imports mlflow, and only `MlflowClient`: no fluent API (it keeps global state), no `log_model` and no
`load_model` (MLflow trusts the allow-list that a model carries in itself). Nothing here may be read back as truth: the
ledger and the registry are, and `release index` rebuilds the index from them.

One experiment a model, one run a model digest and commit, one registered version a model digest.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import sqlite3
import tempfile
import time
import uuid
import warnings
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from release.artifact.serial import digest_json, digest_of
from release.errors import EnvironmentTroubleError, ReleaseError, SecurityRefusalError
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from release.ports import Clock
    from release.records import Comparison, EvaluateRecord, ModelName, TrainRecord, VerdictRecord

R = TypeVar("R")

_SQLITE = "sqlite:///"
_DIGEST_TAG = "release.model_digest"
_COMMIT_TAG = "release.commit"
_ARTIFACTS_TAG = "release.artifacts"
_ORIGIN = (_COMMIT_TAG, "release.train_key")
_LATER = "run `release index` when it is back"
_ATTEMPTS = 20  # of two writers that keep meeting; each round one of them usually wins

# Read by MLflow from the environment alone, so they are set for this process (and only where the user has not).
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # MLflow's own defaults wait for minutes on a server that is down; a release must not, and `release index` comes again.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}

_DIGEST_SIZE = 36  # MLflow's limit for a dataset's digest; the whole digest is in the dataset's source and in a tag
_PER_BATCH = 100  # MLflow's limit for parameters and tags in one request
_TAG_SIZE = 5000

# What a second writer can cause, and what trying again cures.
_TRANSIENT = (
    "database is locked",
    "UNIQUE constraint failed",
    "Model Version creation error",
    "must be in the 'active' state",
)
# MLflow looks for a folder, then makes it, and another writer may come between; what is still there then is in the way.
_MADE_MEANWHILE, _FEW = "File exists", 3

# How MLflow, alembic and sqlite speak of tables that another version made, or that were only half made.
_FOREIGN = re.compile(
    r"out-of-date database schema|^alembic|table \S+ already exists|duplicate column name|no such (table|column)"
)


@dataclass(frozen=True, kw_only=True)
class _Data:
    """One file of data as MLflow shows it."""

    name: str
    digest: Digest
    context: str
    profile: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """Everything that one challenger leaves in the index, decided before MLflow is asked anything."""

    model: ModelName
    digest: Digest
    commit: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    note: str
    data: tuple[_Data, ...]
    artifacts: Mapping[str, bytes]

    @property
    def run_tags(self) -> dict[str, str]:
        """The tags of the run: ours, and those that MLflow's pages show by themselves."""
        return {
            **self.tags,
            "mlflow.runName": f"{self.model} {self.commit[:12]}",
            "mlflow.source.name": f"models/{self.model}",
            "mlflow.source.git.commit": self.commit,
            "mlflow.note.content": self.note,
        }

    @property
    def model_folder(self) -> str:
        """The folder of `model.json` among the artifacts, empty when it is at the top or not there."""
        folders = [PurePosixPath(path).parent for path in self.artifacts if PurePosixPath(path).name == "model.json"]
        return "" if not folders or folders[0] == PurePosixPath() else folders[0].as_posix()


class MlflowTracking:
    """An MLflow index at `sqlite:///path` or an http(s) server; satisfies `release.ports.Tracking`.

    `artifact_root` is the folder for files when the index is a sqlite file; a server keeps files where it is told to.
    `patience` is how long, in seconds, a locked sqlite file is waited for. Nothing is opened, and mlflow is not
    imported, before the first call; every method raises EnvironmentTroubleError for whatever goes wrong with MLflow.
    """

    def __init__(self, uri: str, artifact_root: Path, *, clock: Clock | None = None, patience: float = 20.0) -> None:
        """Remember where; a relative sqlite path is relative to the current folder, as for MLflow."""
        self._file: Path | None = None
        if uri.startswith(_SQLITE):
            path, mark, options = uri.removeprefix(_SQLITE).partition("?")
            self._file = Path(path).absolute() if path not in ("", ":memory:") else None
            uri = f"{_SQLITE}{self._file or path}{mark}{options}"
        self._uri = uri
        self._artifact_root = artifact_root.absolute()
        self._clock = clock
        self._patience = patience

    @property
    def name(self) -> str:
        """The index's address as it may be shown: without user, password and query."""
        if self._file is not None:
            return f"{_SQLITE}{self._file}"
        return re.sub(r"//[^/?#]*@", "//", self._uri).partition("?")[0].partition("#")[0]

    def index(
        self,
        train: TrainRecord,
        evaluate: EvaluateRecord | None,
        verdict: VerdictRecord | None,
        artifacts: Mapping[str, bytes],
    ) -> None:
        """Log one challenger; the same records again change nothing, later ones (a new verdict) are added.

        `artifacts` maps paths below the run's folder, with `/`, to contents. Raises SecurityRefusalError when one of the
        paths leaves that folder, EnvironmentTroubleError.
        """
        for path in artifacts:
            if not path or path.startswith("/") or ".." in PurePosixPath(path).parts:
                raise SecurityRefusalError(
                    "an artifact's path leaves its folder", where=repr(path), fix="name it below the run"
                )
        entry = _entry(train, evaluate, verdict, artifacts)

        def write(mlflow: Any, client: Any) -> None:
            run = self._run(client, self._experiment(client, entry.model), entry)
            self._log(mlflow, client, run, entry)
            # Last, so that a version in the registry means a run that is complete.
            self._version(client, run, entry)

        self._guarded(write)

    def alias(self, model: ModelName, aliases: Mapping[str, Digest]) -> None:
        """Point aliases at the versions with these digests; an alias that is not named stays as it is.

        Raises EnvironmentTroubleError, also when a digest has no version yet: once the others are set, and its alias has
        been taken from the version it was on, which would be wrong from now on.
        """

        def point(_: Any, client: Any) -> None:
            versions = {alias: _find_version(client, model, digest) for alias, digest in aliases.items()}
            current = (
                dict(client.get_registered_model(model).aliases)
                if client.search_registered_models(f"name='{model}'")
                else {}
            )
            for alias, version in versions.items():
                if version is None and alias in current:
                    client.delete_registered_model_alias(model, alias)
                elif version is not None and str(current.get(alias)) != str(version.version):
                    client.set_registered_model_alias(model, alias, version.version)
            missing = sorted({aliases[alias] for alias, version in versions.items() if version is None})
            if missing:
                raise EnvironmentTroubleError(
                    f"no version of {model} has the digest {', '.join(missing)}", where=self.name, fix="run `release index`"
                )

        self._guarded(point)

    def known(self, model: ModelName) -> set[Digest]:
        """Return the digests of a model's versions in the index. Raises EnvironmentTroubleError."""
        if self._file is not None and not self._file.exists():
            return set()

        def read(_: Any, client: Any) -> set[Digest]:
            found: set[Digest] = set()
            token = None
            while True:
                page = client.search_model_versions(f"name='{model}'", max_results=1000, page_token=token)
                found |= {Digest(version.tags[_DIGEST_TAG]) for version in page if _DIGEST_TAG in version.tags}
                token = page.token
                if not token:
                    return found

        return self._guarded(read)

    def _guarded(self, operation: Callable[[Any, Any], R]) -> R:
        """Run an idempotent operation quietly, again while another writer is in the way; translate what goes wrong."""
        deadline = time.monotonic() + self._patience
        for attempt in range(_ATTEMPTS):
            try:
                with _quiet():
                    return operation(*self._connect(deadline))
            except ReleaseError:
                raise
            except Exception as error:  # MLflow lets errors of sqlalchemy, alembic and requests through
                passing = (*_TRANSIENT, _MADE_MEANWHILE) if attempt < _FEW else _TRANSIENT
                if not any(sign in str(error) for sign in passing) or time.monotonic() > deadline:
                    raise self._trouble(error) from error
            _pause(attempt)
        raise EnvironmentTroubleError("other writers kept getting in the way", where=self.name, fix=_LATER)

    def _connect(self, deadline: float) -> tuple[Any, Any]:
        """Return mlflow and a client, having refused at once what MLflow would only refuse after minutes of retries."""
        if self._file is None and not _is_server(self._uri):
            raise EnvironmentTroubleError(
                "this address of an index cannot be used",
                where=self.name,
                fix="give sqlite:///path/to/mlflow.db or the http(s) address of an MLflow server",
            )
        mlflow = _library()
        with _no_stray_folder():
            if self._file is not None and not self._file.exists():
                _create(mlflow, self._file)
            if self._file is not None:
                _probe(self._file, max(0.0, deadline - time.monotonic()))
            return mlflow, mlflow.MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)

    def _trouble(self, error: Exception) -> EnvironmentTroubleError:
        """Say in one line what went wrong, without the address's credentials."""
        text = str(error)
        if _FOREIGN.search(f"{type(error).__module__}: {text}"):
            return EnvironmentTroubleError(
                "the index was made by another version of MLflow, or its making was interrupted",
                where=self.name,
                fix=f"delete it, or run `mlflow db upgrade {self.name}`; then run `release index`",
            )
        refused = re.search(r"\[Errno -?\d+\] ([^'\")]+)", text)
        lines = text.strip().splitlines() or [type(error).__name__]
        fact = refused.group(1).strip(" :") if refused else "no answer in time" if "timed out" in text else lines[0]
        fact = re.sub(r"//[^/\s]*@", "//", fact.replace(self._uri, self.name))
        return EnvironmentTroubleError(f"MLflow cannot be written: {fact[:300]}", where=self.name, fix=_LATER)

    def _experiment(self, client: Any, model: ModelName) -> str:
        """Find or make a model's experiment; a sqlite index must keep its files where it is told to keep them now."""
        name = f"release/{model}"
        location = f"{self._artifact_root.as_uri()}/{model}" if self._file is not None else None
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            # Somebody else may make it meanwhile, so look again rather than trust the answer.
            with _already_there():
                client.create_experiment(name, artifact_location=location)
            experiment = client.get_experiment_by_name(name)
        if location is not None and experiment.artifact_location != location:
            # A moved or copied clone: MLflow cannot move an experiment, and would write into the old place.
            raise EnvironmentTroubleError(
                f"this index keeps its files in {experiment.artifact_location}, not in {location}",
                where=self.name,
                fix="delete the file, then run `release index`",
            )
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def _run(self, client: Any, experiment: str, entry: _Entry) -> Any:
        """Find or make the run of a digest and commit.

        MLflow has no unique key for it: whoever sees another run beside the one just made takes its own back and looks
        again, so that two writers may both step back but never both stay.
        """
        wanted = f"tags.`{_DIGEST_TAG}` = '{entry.digest}' and tags.`{_COMMIT_TAG}` = '{entry.commit}'"
        for attempt in range(_ATTEMPTS):
            found = client.search_runs([experiment], wanted)
            if found:
                return min(found, key=lambda run: (run.info.start_time, run.info.run_id))
            made = client.create_run(experiment, self._now(), tags=entry.run_tags)
            if len(client.search_runs([experiment], wanted)) == 1:
                return made
            client.delete_run(made.info.run_id)
            _pause(attempt)
        raise EnvironmentTroubleError("other writers kept getting in the way", where=self.name, fix=_LATER)

    def _log(self, mlflow: Any, client: Any, run: Any, entry: _Entry) -> None:
        """Bring a run up to date: only what it lacks or has otherwise."""
        kinds, run_id, now = mlflow.entities, run.info.run_id, self._now()
        params = [kinds.Param(k, v) for k, v in entry.params.items() if k not in run.data.params]
        metrics = [kinds.Metric(k, v, now, 0) for k, v in entry.metrics.items() if run.data.metrics.get(k) != v]
        tags = [kinds.RunTag(k, v) for k, v in entry.run_tags.items() if run.data.tags.get(k) != v]
        for start in range(0, max(len(params), len(metrics), len(tags)), _PER_BATCH):
            part = slice(start, start + _PER_BATCH)
            client.log_batch(run_id, metrics=metrics[part], params=params[part], tags=tags[part])
        logged = {(i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs} if run.inputs else set()
        inputs = [
            _dataset(kinds, data, entry) for data in entry.data if (data.name, data.digest[:_DIGEST_SIZE]) not in logged
        ]
        if inputs:
            client.log_inputs(run_id, datasets=inputs)
        mark = digest_json({path: digest_of(content) for path, content in entry.artifacts.items()})
        if entry.artifacts and run.data.tags.get(_ARTIFACTS_TAG) != mark:
            with _default_address(self._uri):
                _upload(client, run_id, entry.artifacts)
            client.set_tag(run_id, _ARTIFACTS_TAG, mark)
        if run.info.status != "FINISHED":
            client.set_terminated(run_id, "FINISHED", self._now())

    def _version(self, client: Any, run: Any, entry: _Entry) -> None:
        """Find or make the registered version of a digest; `create_model_version` itself makes one at every call."""
        version = _find_version(client, entry.model, entry.digest)
        if version is None:
            with _already_there():
                client.create_registered_model(entry.model)
            source = "/".join(part for part in (run.info.artifact_uri, entry.model_folder) if part)
            made = client.create_model_version(
                entry.model, source, run.info.run_id, tags=dict(entry.tags), await_creation_for=0
            )
            # Numbers grow in the order of commits, so every writer agrees that the lowest one stays.
            version = _find_version(client, entry.model, entry.digest) or made
            if int(version.version) != int(made.version):
                client.delete_model_version(entry.model, made.version)
        for key, value in entry.tags.items():
            # The commit that first brought the digest keeps its version; a judgement is always the last one.
            if version.tags.get(key) != value and not (key in _ORIGIN and key in version.tags):
                client.set_model_version_tag(entry.model, version.version, key, value)

    def _now(self) -> int:
        """Return the time in milliseconds, as MLflow counts it."""
        return int((self._clock.now().timestamp() if self._clock is not None else time.time()) * 1000)


def _entry(
    train: TrainRecord, evaluate: EvaluateRecord | None, verdict: VerdictRecord | None, artifacts: Mapping[str, bytes]
) -> _Entry:
    """Turn records into what MLflow knows: text parameters, numeric metrics, tags and data."""
    params = {
        "estimator": train.estimator,
        "task": train.task,
        "candidates": str(train.candidates),
        "threshold": _text(evaluate.threshold if evaluate is not None else train.threshold),
        **{f"estimator.{_word(key)}": _text(value) for key, value in train.parameters.items()},
    }
    metrics: dict[str, float] = {"size_bytes": float(train.size_bytes)}
    metrics |= {f"cross_validation.{_word(key)}": value for key, value in train.cross_validation.items()}
    tags = {
        "release.model": str(train.model),
        _DIGEST_TAG: str(train.model_digest),
        _COMMIT_TAG: str(train.commit),
        "release.train_key": str(train.key),
        "release.train_digest": str(train.train_digest),
        **{f"release.versions.{_word(key)}": value for key, value in train.versions.items()},
    }
    data = [
        _Data(
            name=f"{train.model} train",
            digest=train.train_digest,
            context="training",
            profile={"num_rows": train.rows, "num_elements": train.rows * train.columns},
        )
    ]
    if evaluate is not None:
        metrics |= {_word(key): value for key, value in evaluate.challenger.metrics.items()}
        champion = evaluate.champion.metrics if evaluate.champion is not None else {}
        metrics |= {f"champion.{_word(key)}": value for key, value in champion.items()}
        tags["release.test_digest"] = str(evaluate.test_digest)
        data.append(
            _Data(
                name=f"{train.model} test",
                digest=evaluate.test_digest,
                context="testing",
                profile={"num_rows": evaluate.rows},
            )
        )
    if verdict is not None:
        for comparison in verdict.comparisons:
            metrics |= _bounds(comparison)
        tags["release.verdict"] = str(verdict.verdict)
        tags["release.verdict.champion"] = str(verdict.champion or "none")
        tags["release.verdict.looks"] = f"{verdict.test_set.looks} of {verdict.test_set.budget}"
    note = "\n\n".join([str(verdict.verdict), *verdict.reasons]) if verdict is not None else "not judged"
    return _Entry(
        model=train.model,
        digest=train.model_digest,
        commit=str(train.commit),
        params=params,
        metrics=metrics,
        tags=tags,
        note=note[:_TAG_SIZE],
        data=tuple(data),
        artifacts=artifacts,
    )


def _bounds(comparison: Comparison) -> dict[str, float]:
    """Name a comparison's interval after its role, slice and metric, and the anchor: `primary.roc_auc.low`."""
    anchor = comparison.against if comparison.against != "champion" else None
    name = ".".join(_word(part) for part in (anchor, comparison.role, comparison.slice, comparison.metric) if part)
    values = {"difference": comparison.difference, "low": comparison.low, "high": comparison.high}
    return {f"{name}.{key}": value for key, value in values.items() if value is not None}


def _word(name: str) -> str:
    """Keep to the characters and the length that MLflow allows in a name."""
    return re.sub(r"[^\w.\- ]", "_", name)[:100]


def _text(value: object) -> str:
    """Write a parameter as people wrote it in YAML: `true`, `null`, `0.1`, text without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def _dataset(kinds: Any, data: _Data, entry: _Entry) -> Any:
    """Describe a file of data by its digest and the commit that holds it."""
    source = json.dumps({"digest": data.digest, "commit": entry.commit, "path": f"models/{entry.model}"})
    return kinds.DatasetInput(
        dataset=kinds.Dataset(
            name=data.name,
            digest=data.digest[:_DIGEST_SIZE],
            source_type="git",
            source=source,
            profile=json.dumps(dict(data.profile)),
        ),
        tags=[kinds.InputTag("mlflow.data.context", data.context)],
    )


def _upload(client: Any, run_id: str, artifacts: Mapping[str, bytes]) -> None:
    """Give a run its files, as they are."""
    with tempfile.TemporaryDirectory(prefix="release-index-") as folder:
        for path, content in artifacts.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        client.log_artifacts(run_id, folder)


def _create(mlflow: Any, path: Path) -> None:
    """Make an empty index beside its place, then put it there in one step.

    MLflow makes the tables by some fifty migrations: neither two processes at once nor a killed one may do that in place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        _probe(fresh, 0.0)
        mlflow.MlflowClient(tracking_uri=f"{_SQLITE}{fresh}", registry_uri=f"{_SQLITE}{fresh}")
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _probe(path: Path, patience: float) -> None:
    """Take and release the write lock of a sqlite file. Raises sqlite3.Error when it is locked, read-only or no database."""
    with closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _is_server(uri: str) -> bool:
    """Say whether an address can be an MLflow server's."""
    try:
        parts = urlsplit(uri)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        return False


def _find_version(client: Any, model: ModelName, digest: Digest) -> Any | None:
    """Return the first registered version with a digest, None when there is none."""
    found = client.search_model_versions(f"name='{model}' and tags.`{_DIGEST_TAG}` = '{digest}'")
    return min(found, key=lambda version: int(version.version), default=None)


def _library() -> Any:
    """Import mlflow, set up for this process. Raises EnvironmentTroubleError when it is not installed."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import mlflow.entities  # noqa: PLC0415 (two seconds; only when something is indexed)
    except ImportError as error:
        raise EnvironmentTroubleError(
            f"MLflow cannot be imported: {error}",
            fix="pip install 'model-release[tracking]', or take `tracking` out of release.yaml",
        ) from error
    return mlflow


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow, alembic, sqlalchemy and urllib3 from logging or warning: what matters comes as an exception.

    Up to MLflow 3.4 a migration also rearranges the root logger, hence putting it back.
    """
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)


@contextmanager
def _no_stray_folder() -> Iterator[None]:
    """Take back the empty `mlruns` that opening a sqlite index leaves in the current folder in some versions of MLflow."""
    stray = Path("mlruns").absolute()
    before = stray.exists()
    try:
        yield
    finally:
        if not before:
            with suppress(OSError):
                stray.rmdir()


@contextmanager
def _default_address(uri: str) -> Iterator[None]:
    """Name the index as MLflow's default for a moment: files sent through a server ask for it, whatever the client was told.

    True of MLflow 3.4; newer versions ask the client.
    """
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = uri
    try:
        yield
    finally:
        if before is None:
            del os.environ["MLFLOW_TRACKING_URI"]
        else:
            os.environ["MLFLOW_TRACKING_URI"] = before


@contextmanager
def _already_there() -> Iterator[None]:
    """Accept that somebody else made it first."""
    try:
        yield
    except Exception as error:
        if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
            raise


def _pause(attempt: int) -> None:
    """Wait a little, longer at every attempt, differently in every writer."""
    time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))  # noqa: S311 (spreads writers, keeps no secret)
