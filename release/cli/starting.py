"""What `release init` decides and writes: split, draft, floors, and the scaffold a new repository lacks.

Everything is computed before anything is written, so that a refusal leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from release.data import holdout, infer, tables
from release.data.inputs import MODELS, PROJECT
from release.errors import BadInputError, ReleaseError
from release.stages.init import model_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from release.cli.wiring import Workspace
    from release.records import ModelName

_IGNORE = "/.release/"
_FILES = {PROJECT: PROJECT, "release-requirements.txt": ".github/release-requirements.txt"}
_SCAFFOLD = (
    *((f"charts/{name}", f"charts/{name}") for name in ("model", "argocd", "reconciler")),
    ("workflows", ".github/workflows"),
)


@dataclass(frozen=True, kw_only=True)
class Start:
    """What was asked for."""

    model: ModelName
    source: Path
    target: str
    row_id: str | None
    group: str | None
    share: float
    seed: int


def start(workspace: Workspace, asked: Start) -> list[str]:
    """Write a new model and what the repository lacks; return the paths. Raises BadInputError, and then wrote nothing."""
    folder = f"{MODELS}/{asked.model}"
    root = workspace.source.root
    if (root / folder).exists():
        raise BadInputError("this model is there already", where=folder, fix="choose another name, or edit its model.yaml")
    workspace.pin()
    files = {f"{folder}/{name}": content for name, content in _model(workspace, asked).items()}
    files |= {path: content for path, content in scaffold() if not (root / path).exists()}
    for name, target in _FILES.items():
        if not (root / target).exists():
            files[target] = resources.files("release.scaffold").joinpath(name).read_bytes()
    ignored = root / ".gitignore"
    lines = ignored.read_text() if ignored.is_file() else ""
    if _IGNORE not in lines.splitlines():
        files[".gitignore"] = (lines + ("" if not lines or lines.endswith("\n") else "\n") + _IGNORE + "\n").encode()
    for path, content in files.items():
        workspace.store.write(root / path, content)
    return sorted(files)


def _model(workspace: Workspace, asked: Start) -> dict[str, bytes]:
    where = str(asked.source)
    frame = tables.read(asked.source, where=where)
    draft = infer.draft_columns(frame, target=asked.target, where=where, row_id=asked.row_id, group=asked.group)
    row_id = draft.id
    if row_id is None:
        row_id = next(name for name in ("row_id", "release_row_id") if name not in frame.columns)
        width = len(str(len(frame)))
        frame.insert(0, row_id, [f"row-{number:0{width}}" for number in range(1, len(frame) + 1)])
    with workspace.progress.step(f"{asked.model}: splitting {len(frame)} rows"):
        train, test = holdout.split(
            frame,
            asked.target,
            task=draft.task,
            share=asked.share,
            seed=asked.seed,
            group=asked.group,
            ignore=(row_id, *draft.ignore),
        )
    with workspace.progress.step(f"{asked.model}: cross-validating the drafted model, for its floors"):
        text = model_yaml(
            draft,
            train,
            model=asked.model,
            target=asked.target,
            row_id=row_id,
            group=asked.group,
            seed=asked.seed,
            held_out=len(test),
            owner=(workspace.source.identity() or "nobody").split(" <", maxsplit=1)[0],
        )
    return {"model.yaml": text.encode(), "data/train.csv": tables.to_csv(train), "data/test.csv": tables.to_csv(test)}


def scaffold() -> Iterator[tuple[str, bytes]]:
    """Yield what the toolkit brings for a new repository: its chart and workflows, by path in the repository."""
    home = resources.files("release.scaffold")
    for folder, target in _SCAFFOLD:
        there = home.joinpath(folder)
        # An editable install has them in the repository itself rather than in the package.
        origin = there if there.is_dir() else Path(__file__).parents[2] / target
        if not origin.is_dir():
            raise ReleaseError("the toolkit's own files are missing", where=str(origin), fix="install model-release again")
        yield from ((f"{target}/{path}", content) for path, content in _files(origin) if not path.startswith("test"))


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()
