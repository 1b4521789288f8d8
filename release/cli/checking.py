"""What `release check` looks at beyond a model's own data: the repository's files, and who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact.values import OWNED, read
from release.cli.due import existing
from release.cli.each import base_of
from release.cli.jobs import job
from release.cli.pipeline import check
from release.cli.wiring import EMBEDDED, LEDGER, Workspace
from release.errors import SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import CheckRecord, Commit

ENVIRONMENTS = "charts/environments"
_TOOL_ONLY = (LEDGER, "charts/versions")


def check_repository(base: str | None) -> tuple[str, ...]:
    """Check `release.yaml` and every values file; with `base`, that nobody wrote what only the tool may.

    Returns notes. Raises BadInputError for files that cannot be read or patched, SecurityRefusalError for a forbidden
    change.
    """
    workspace = Workspace.here()
    notes = []
    if workspace.project.deploy.branch == "main":
        notes.append("note: release.yaml deploys to main; `branch: deploy`, where only the tool pushes, is safer")
    if workspace.registry.name == EMBEDDED:
        notes.append("note: images are kept in a folder, which no cluster can pull from; name a registry in release.yaml")
    for environment in workspace.environments:
        for path in sorted((workspace.source.root / ENVIRONMENTS / environment).glob("*.yaml")):
            read(path.read_bytes(), where=path.relative_to(workspace.source.root).as_posix())
    start = base_of(workspace, base)
    if start is not None:
        _refuse_tool_owned(workspace, start)
    return tuple(notes)


def check_models(models: Sequence[str]) -> list[CheckRecord]:
    """Check the models named, or all, as they are in the work tree, committed or not."""
    workspace = Workspace.as_it_is()
    names = existing(workspace, models or workspace.models())
    return [check(workspace, job(workspace, name)) for name in names]


def _refuse_tool_owned(workspace: Workspace, base: Commit) -> None:
    for path in workspace.source.changed(base, workspace.head, "charts"):
        if path.startswith(tuple(f"{folder}/" for folder in _TOOL_ONLY)):
            raise SecurityRefusalError("only the tool writes this file", where=path, fix="take the change out")
        if not path.startswith(f"{ENVIRONMENTS}/") or not path.endswith(".yaml"):
            continue
        old, new = (workspace.source.read(commit, path) or b"" for commit in (base, workspace.head))
        before, after = (read(content, where=path) if content else dict.fromkeys(OWNED) for content in (old, new))
        touched = [name for name in OWNED if before.get(name) != after.get(name)]
        if touched:
            raise SecurityRefusalError(f"{touched[0]} is the tool's to write", where=path, fix="take that line's change out")
