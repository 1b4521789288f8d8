"""Plan: which models are due, why, and what kind of release each asks for.

Against a base commit the answer is the difference of two trees; without one it is the difference between the tree and the
ledger. The event that started a job is never asked, so a lost or repeated job changes nothing. Only Git is read: no data
file, no registry, no network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from release.artifact.repackage import only_the_package
from release.config.names import model_name
from release.config.source import shown
from release.data.inputs import CHART, MODELS, PROJECT, data_files, difference, inputs_of, plain_values
from release.errors import ReleaseError, SecurityRefusalError
from release.records import Inputs, Kind, Plan, PlanItem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.ports import Source
    from release.records import Commit, ModelName

_FOR_ALL = ("tool", "gates")


def plan_change(source: Source, *, base: Commit, head: Commit) -> Plan:
    """Say what a change from `base` (its merge base with `head`) to `head` asks for; the work grows with the change only.

    What the base holds is history: where it cannot be read, a model counts as changed. Raises BadInputError when a changed
    `model.yaml` cannot be read or its folder's name is none, SecurityRefusalError when an existing model's held-out rows
    change together with what is trained, EnvironmentTroubleError in a shallow clone that lacks the base.
    """
    start = source.merge_base(base, head)
    changed = source.changed(start, head, MODELS, PROJECT, CHART)
    folders = {folder for path in changed if (folder := _folder_of(path)) is not None}
    if PROJECT in changed and _for_all(source, start, history=True) != _for_all(source, head):
        folders |= set(_models(source, start)) | set(_models(source, head))
    if any(path.startswith(CHART + "/") for path in changed):
        folders |= set(_models(source, head))
    ordered = sorted(folders)
    if ordered:
        source.tree(head, *(f"{MODELS}/{folder}" for folder in ordered))  # refuses links, which could name anything
    before = _inputs(source, start, ordered, history=True)
    after = _inputs(source, head, ordered)
    found = [_item(folder, before[folder], after[folder], since="the base") for folder in ordered]
    return Plan(commit=head, base=start, items=tuple(item for item in found if item is not None))


def plan_due(
    source: Source,
    *,
    head: Commit,
    settled: Mapping[ModelName, tuple[Commit, Inputs]],
    serving: frozenset[ModelName],
    first: Mapping[ModelName, Inputs] | None = None,
) -> Plan:
    """Say what is due at `head` by the ledger.

    `settled` maps each model to the commit and inputs of its last final event; `serving` names the models that still serve
    somewhere, `first` the inputs of what serves in the first environment: only that can be packaged again, anything else is
    trained. A model whose folder, chart and `release.yaml` are the objects they were at that commit is settled unread.
    """
    models = _models(source, head)
    unmoved = _unmoved(source, head, {name: commit for name, (commit, _) in settled.items() if name in models})
    moved = [name for name in models if name not in unmoved]
    after, broken = _as_far_as_readable(source, head, moved)
    items = []
    for name in moved:
        before = settled[name][1] if name in settled else None
        if name in broken:
            items.append(PlanItem(model=name, kind=Kind.TRAIN, why=(f"it cannot be read: {broken[name]}",), inputs=None))
            continue
        since = "its last release" if before else "the ledger has no release of it"
        item = _item(name, before, after[name], since=since)
        if item is not None:
            items.append(item if first is None else _packed(item, first.get(name)))
    gone = sorted(serving - set(models))
    why = ("its folder is gone, and it still serves",)
    items += [PlanItem(model=name, kind=Kind.RETIRE, why=why, inputs=None) for name in gone]
    return Plan(commit=head, base=None, items=tuple(items))


def _as_far_as_readable(
    source: Source, head: Commit, models: Sequence[ModelName]
) -> tuple[Mapping[str, Inputs | _Unreadable | None], dict[ModelName, ReleaseError]]:
    """Digest the inputs of models, and say what is wrong with those that cannot be read: one must not stop the others.

    Raises what is wrong with `release.yaml`, which concerns all of them.
    """
    try:
        return _inputs(source, head, models), {}
    except ReleaseError:
        _inputs(source, head, [])
    found: dict[str, Inputs | _Unreadable | None] = {}
    broken: dict[ModelName, ReleaseError] = {}
    for name in models:
        try:
            found |= _inputs(source, head, [name])
        except ReleaseError as error:
            broken[name] = error
    return found, broken


def inputs_at(source: Source, commit: Commit, model: ModelName) -> Inputs | None:
    """Return the digests of a model's inputs at a commit, None when it has no `model.yaml` there."""
    found = _inputs(source, commit, [model])[model]
    return found if isinstance(found, Inputs) else None


def _unmoved(source: Source, head: Commit, settled: Mapping[ModelName, Commit]) -> set[ModelName]:
    """Name the models whose objects are the same at `head` and at the commit that settled them."""
    watched = {name: (f"{MODELS}/{name}", PROJECT, CHART) for name in settled}
    asked = [f"{commit}:{path}" for name, commit in settled.items() for path in watched[name]]
    asked += [f"{head}:{path}" for name in settled for path in watched[name]]
    found = source.objects(asked)
    then, now = found[: len(found) // 2], found[len(found) // 2 :]
    width = 3
    return {
        name
        for index, name in enumerate(settled)
        if then[index * width] is not None and then[index * width :][:width] == now[index * width :][:width]
    }


def _packed(item: PlanItem, here: Inputs | None) -> PlanItem:
    """Correct what was found against the last final event, which may be a refusal, by what really serves."""
    if item.inputs is None:
        return item
    found = difference(here, item.inputs) if here is not None and only_the_package(here, item.inputs) else None
    if (found is not None) == (item.kind is Kind.REPACKAGE):
        return item
    if found is not None:
        return replace(item, kind=found[0], why=tuple(f"{reason} since it was put there" for reason in found[1]))
    why = "what serves was made from other inputs" if here is not None else "nothing serves that could be packaged again"
    return replace(item, kind=Kind.TRAIN, why=(*item.why, why))


class _Unreadable:
    """What stands for the inputs of a model that history holds in a form that cannot be read."""


def _item(
    folder: str, before: Inputs | _Unreadable | None, after: Inputs | _Unreadable | None, *, since: str
) -> PlanItem | None:
    """Compare two states of one folder under `models/`; None when nothing that matters differs, or it is no model."""
    if before is None and after is None:
        return None
    name = _named(folder)
    if not isinstance(after, Inputs):
        return PlanItem(model=name, kind=Kind.RETIRE, why=("its model.yaml was removed",), inputs=None)
    if before is None:
        why = since if since.startswith("the ledger") else "a new model"
        return PlanItem(model=name, kind=Kind.TRAIN, why=(why,), inputs=after)
    if isinstance(before, _Unreadable):
        return PlanItem(model=name, kind=Kind.TRAIN, why=("its model.yaml could not be read at the base",), inputs=after)
    if since == "the base" and before.train != after.train and before.test != after.test:
        raise SecurityRefusalError(
            f"the held-out rows of {name} change together with what is trained",
            where=f"{MODELS}/{name}",
            fix="propose the new test set in a pull request of its own, which an owner approves",
        )
    found = difference(before, after)
    if found is None:
        return None
    kind, reasons = found
    return PlanItem(model=name, kind=kind, why=tuple(f"{reason} since {since}" for reason in reasons), inputs=after)


def _named(folder: str) -> ModelName:
    return model_name(folder, where=f"{MODELS}/{shown(folder)}")


def _folder_of(path: str) -> str | None:
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == MODELS else None  # noqa: PLR2004 (models/<model>/<file>)


def _models(source: Source, commit: Commit) -> list[ModelName]:
    files = source.tree(commit, MODELS)
    parts = [path.split("/") for path in files if path.endswith("/model.yaml")]
    return sorted(_named(part[1]) for part in parts if len(part) == 3)  # noqa: PLR2004 (models/<model>/model.yaml)


def _for_all(source: Source, commit: Commit, *, history: bool = False) -> dict[str, object] | None:
    """Return the parts of `release.yaml` that models depend on, None where history holds one that cannot be read."""
    values = _plain(source.read(commit, PROJECT), PROJECT, history=history) or {}
    if isinstance(values, _Unreadable):
        return None
    runtime = values.get("runtime")
    images = runtime.get("images") if isinstance(runtime, dict) else None
    return {**{name: values.get(name) for name in _FOR_ALL}, "images": images}


def _inputs(
    source: Source, commit: Commit, folders: Sequence[str], *, history: bool = False
) -> dict[str, Inputs | _Unreadable | None]:
    """Digest the inputs of models at a commit, None where there is no `model.yaml`; two calls of git however many they are.

    With `history`, what cannot be read is no error: nobody can change it any more.
    """
    paths = [PROJECT, *(f"{MODELS}/{folder}/model.yaml" for folder in folders)]
    contents = source.contents([f"{commit}:{path}" for path in paths])
    values = [_plain(content, path, history=history) for path, content in zip(paths, contents, strict=True)]
    project, specs = values[0] or {}, dict(zip(folders, values[1:], strict=True))
    readable = {folder: spec for folder, spec in specs.items() if spec is not None and not isinstance(spec, _Unreadable)}
    rows = [f"{commit}:{MODELS}/{folder}/{file}" for folder, spec in readable.items() for file in data_files(spec)]
    chart, *held = source.objects([f"{commit}:{CHART}", *rows])
    found: dict[str, Inputs | _Unreadable | None] = {
        folder: spec if isinstance(spec, _Unreadable) else None for folder, spec in specs.items()
    }
    for number, (folder, spec) in enumerate(readable.items()):
        train, test = held[2 * number : 2 * number + 2]
        known = {} if isinstance(project, _Unreadable) else project
        found[folder] = inputs_of(spec, train=train, test=test, project=known, chart=chart)
    return found


def _plain(content: bytes | None, path: str, *, history: bool) -> Mapping[str, Any] | _Unreadable | None:
    if content is None:
        return None
    try:
        return plain_values(content, where=path)
    except ReleaseError:
        if history:
            return _Unreadable()
        raise
