"""Joins ports to adapters: the only place that knows which adapter serves which port, and that reads the environment.

Adapters and heavy libraries are imported by the method that needs them, so that commands which only read Git start fast.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from release.adapters.git import GitSource
from release.cli.render import TerminalProgress
from release.data.inputs import CHART, MODELS, PROJECT
from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.adapters.store import FolderStore
    from release.artifact.ledger import Ledger
    from release.config.model import ModelSpec
    from release.config.project import EnvironmentSpec, ProjectSpec
    from release.ports import DeployBranch, Registry, Tracking
    from release.records import Commit, EnvironmentName, ModelName

STATE = ".release"
LEDGER = "charts/environments/ledger"
EMBEDDED = "embedded.invalid"
"""What `image.repository` starts with when images stay in a folder; `.invalid` never resolves (RFC 2606)."""


class SystemClock:
    """The machine's clock, or the time in RELEASE_NOW (ISO 8601), so that rehearsals can choose their hour."""

    def now(self) -> datetime:
        """Return the time in UTC, to the second. Raises BadInputError when RELEASE_NOW is no time."""
        text = os.environ.get("RELEASE_NOW")
        if text is None:
            return datetime.now(UTC).replace(microsecond=0)
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError as error:
            fix = "write it like 2026-01-31T12:00:00+00:00"
            raise BadInputError(f"{text!r} is no time", where="RELEASE_NOW", fix=fix) from error


@dataclass(frozen=True)
class Workspace:
    """One repository, and everything a command may reach from it."""

    source: GitSource
    snapshot: Commit | None = None
    policy: Commit | None = None
    """The commit that release.yaml is read from, None for the work tree."""

    @classmethod
    def here(cls) -> Workspace:
        """Find the repository that the working directory is in. Raises BadInputError when it is in none."""
        return cls(GitSource.find(Path.cwd()))

    @classmethod
    def as_it_is(cls) -> Workspace:
        """Find the repository, and take uncommitted changes to what is released for committed: a rehearsal.

        Where there are any, HEAD is a commit that only this machine has, kept under `.release/`.
        """
        from release.adapters.snapshot import take  # noqa: PLC0415 (rehearsals only)

        found = cls.here()
        taken = take(found.source.root, found.state / "snapshot", (MODELS, PROJECT, CHART))
        if taken is None:
            return found
        found.progress.note(f"uncommitted: {taken.summary}; judged as they are, a promotion needs them committed")
        return cls(GitSource(found.source.root, taken.env), taken.commit)

    @cached_property
    def progress(self) -> TerminalProgress:
        """Progress on standard error."""
        return TerminalProgress()

    @cached_property
    def clock(self) -> SystemClock:
        """The time."""
        return SystemClock()

    @cached_property
    def head(self) -> Commit:
        """The commit that is checked out."""
        return self.snapshot or self.source.resolve("HEAD")

    @property
    def state(self) -> Path:
        """The folder that everything local is written to."""
        return self.source.root / STATE

    @cached_property
    def store(self) -> FolderStore:
        """The local memory."""
        from release.adapters.store import FolderStore  # noqa: PLC0415 (not on the path of `plan`)

        return FolderStore(self.state)

    @cached_property
    def project(self) -> ProjectSpec:
        """The work tree's `release.yaml`, or `policy`'s. Raises BadInputError when it is missing or wrong."""
        return self.project_at(self.policy)

    def following(self, branch: str) -> Workspace:
        """Return this repository with `release.yaml` as a branch of `origin` has it now; the work tree stays as it is.

        Raises EnvironmentTroubleError when it cannot be fetched.
        """
        return Workspace(self.source, self.snapshot, self.source.fetch(branch))

    def project_at(self, commit: Commit | None) -> ProjectSpec:
        """Read `release.yaml` from the work tree, or from a commit."""
        from release.config.build import load_project  # noqa: PLC0415 (pydantic is not on the path of `plan`)

        content = self._file(PROJECT) if commit is None else self.source.read(commit, PROJECT)
        if content is None:
            fix = "run `release init MODEL --from data.csv --target y`"
            raise BadInputError("there is no release.yaml", where=PROJECT, fix=fix)
        return load_project(content, where=PROJECT)

    def spec(self, model: ModelName, commit: Commit | None = None) -> ModelSpec:
        """Read a model's `model.yaml` from the work tree, or from a commit. Raises BadInputError when there is none."""
        from release.config.build import load_model  # noqa: PLC0415 (pydantic is not on the path of `plan`)

        path = f"{MODELS}/{model}/model.yaml"
        content = self._file(path) if commit is None else self.source.read(commit, path)
        if content is None:
            known = ", ".join(self.models()) or "none yet"
            raise BadInputError(f"there is no model {model}", where=path, fix=f"models here: {known}")
        return load_model(content, where=path)

    def models(self) -> list[str]:
        """Name the models in the work tree."""
        folder = self.source.root / MODELS
        return sorted(path.parent.name for path in folder.glob("*/model.yaml"))

    def require_clean(self, models: Sequence[ModelName]) -> None:
        """Refuse to go on from files that are not what HEAD says: a release is named by its commit. Raises BadInputError."""
        if self.snapshot is not None:
            return
        changed = self.source.dirty(*(f"{MODELS}/{model}" for model in models), PROJECT, CHART)
        if changed:
            others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise BadInputError(
                f"uncommitted changes{others}", where=changed[0], fix="commit them: what is released is named by its commit"
            )

    def environment(self, name: str) -> EnvironmentSpec:
        """Find an environment. Raises BadInputError with the list of those that exist."""
        for environment in self.project.environments:
            if environment.name == name:
                return environment
        from release.config.nearest import one_of  # noqa: PLC0415 (only where something is wrong)

        known = [environment.name for environment in self.project.environments]
        raise BadInputError(f'there is no environment "{name}"', where=PROJECT, fix=one_of(known, name))

    @cached_property
    def environments(self) -> tuple[EnvironmentName, ...]:
        """The environments' names, in their order."""
        from release.config.names import environment_name  # noqa: PLC0415 (with the project only)

        return tuple(environment_name(environment.name) for environment in self.project.environments)

    @cached_property
    def branch(self) -> DeployBranch:
        """The deploy branch, wherever `release.yaml` says it lives."""
        from release.adapters.deploy_branch import open_branch  # noqa: PLC0415 (not on the path of `plan --base`)

        deploy = self.project.deploy
        return open_branch(self.source.root, deploy.repository, deploy.branch, self.state / "deploy")

    def ledger(self, model: ModelName, *, tip: Commit | None) -> Ledger:
        """Read a model's ledger at a tip of the deploy branch; an empty one when there is none."""
        from release.artifact.ledger import parse  # noqa: PLC0415 (pydantic is not on the path of `plan --base`)

        path = f"{LEDGER}/{model}.jsonl"
        return parse(self.branch.read(tip, path) or b"", path)

    def ledgers(self, *, fetch: bool) -> dict[ModelName, Ledger]:
        """Read every ledger at the deploy branch's tip."""
        from release.artifact.ledger import parse  # noqa: PLC0415 (pydantic is not on the path of `plan --base`)
        from release.config.names import model_name  # noqa: PLC0415 (as above)

        files = self.branch.read_all(self.branch.tip(fetch=fetch), LEDGER)
        found = {path: content for path, content in files.items() if path.endswith(".jsonl")}
        return {
            model_name(path.rsplit("/", 1)[-1].removesuffix(".jsonl")): parse(content, path)
            for path, content in sorted(found.items())
        }

    @cached_property
    def registry(self) -> Registry:
        """The registry that `release.yaml` names: a folder, or a server."""
        text = self.project.registry
        if text.startswith("oci:"):
            from release.adapters.registry_folder import FolderRegistry  # noqa: PLC0415 (the chosen one only)

            return FolderRegistry(self.source.root / text.removeprefix("oci:"), name=EMBEDDED)
        from release.adapters.registry_http import HttpRegistry  # noqa: PLC0415 (the chosen one only)

        return HttpRegistry(text, auth=_docker_login(text))

    def registry_at(self, host: str) -> Registry:
        """Return a registry server by its host, as images' references name it; `release.yaml` may say it has no TLS."""
        from release.adapters.registry_http import HttpRegistry  # noqa: PLC0415 (the chosen one only)
        from release.artifact.distribution import parse_address  # noqa: PLC0415 (as above)

        text = self.project.registry
        ours = None if text.startswith("oci:") else parse_address(text)
        address = f"{ours.scheme}://{host}" if ours and ours.host == host else host
        return HttpRegistry(address, auth=_docker_login(address))

    @property
    def tracking_uri(self) -> str:
        """MLFLOW_TRACKING_URI, else what `release.yaml` says; a relative sqlite path starts at the repository's root."""
        uri = os.environ.get("MLFLOW_TRACKING_URI") or self.project.tracking
        relative = uri.startswith("sqlite:///") and not uri.startswith("sqlite:////")
        return f"sqlite:///{self.source.root / uri.removeprefix('sqlite:///')}" if relative else uri

    @cached_property
    def tracking(self) -> Tracking:
        """The MLflow index: MLFLOW_TRACKING_URI when set, else what `release.yaml` names."""
        from release.adapters.tracking_mlflow import MlflowTracking  # noqa: PLC0415 (slow; only where something is indexed)

        uri = self.tracking_uri
        # Beside a sqlite file, so that clones which share the file share the folder too.
        file = Path(uri.removeprefix("sqlite:///").partition("?")[0]) if uri.startswith("sqlite:///") else None
        return MlflowTracking(uri, (file.parent if file else self.state) / "mlruns")

    def pin(self) -> None:
        """Fix threads and instruction sets, so that the same commit trains to the same bytes.

        Has an effect only before numpy is imported, which is why commands that compute call it first.
        """
        from release.learning.threads import PINNED  # noqa: PLC0415 (only where something is computed)

        os.environ.update(PINNED)

    def _file(self, path: str) -> bytes | None:
        full = self.source.root / path
        if full.is_symlink() or full.parent.is_symlink():
            raise SecurityRefusalError("a symbolic link", where=path, fix="commit the file itself")
        return full.read_bytes() if full.is_file() else None


def _docker_login(address: str) -> dict[str, object] | None:
    """Return what `docker login` stored for a registry, None when it stored nothing."""
    from release.artifact.credentials import docker_entry  # noqa: PLC0415 (registries on a server only)

    folder = os.environ.get("DOCKER_CONFIG") or str(Path("~/.docker").expanduser())
    path = Path(folder) / "config.json"
    entry = docker_entry(path.read_bytes(), address) if path.is_file() else None
    return dict(entry) if entry is not None else None
