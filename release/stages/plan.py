"""Plan: which models are due, why, and what kind of release each asks for.

Against a base commit the answer is the difference of two trees; without one it is the difference between the tree and the
ledger. The event that started a job is never asked, so a lost or repeated job changes nothing. Only Git is read: no data
file, no registry, no network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.config.names import model_name
from release.data.inputs import CHART, MODELS, PROJECT, difference, inputs_of, project_values
from release.errors import SecurityRefusalError
from release.records import Inputs, Kind, Plan, PlanItem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.ports import Source
    from release.records import Commit, ModelName

_FOR_ALL = ("tool", "gates", "runtime")


def plan_change(source: Source, *, base: Commit, head: Commit) -> Plan:
    """Say what a change from `base` (its merge base with `head`) to `head` asks for; the work grows with the change only.

    Raises BadInputError when a changed `model.yaml` cannot be read, SecurityRefusalError when an existing model's held-out
    rows change together with what is trained, EnvironmentTroubleError in a shallow clone that lacks the base.
    """
    start = source.merge_base(base, head)
    changed = source.changed(start, head, MODELS, PROJECT, CHART)
    names = {name for path in changed if (name := _model_of(path)) is not None}
    old, new = _Tree(source, start), _Tree(source, head)
    if PROJECT in changed and old.project_parts() != new.project_parts():
        names |= set(old.models()) | set(new.models())
    if any(path.startswith(CHART + "/") for path in changed):
        names |= set(new.models())
    items = []
    for name in sorted(names):
        before, after = old.inputs(name), new.inputs(name)
        item = _item(name, before, after, since="the base")
        if item is None:
            continue
        if before and after and before.train != after.train and before.test != after.test:
            raise SecurityRefusalError(
                f"the held-out rows of {name} change together with what is trained",
                where=f"{MODELS}/{name}",
                fix="propose the new test set in a pull request of its own, which an owner approves",
            )
        items.append(item)
    return Plan(commit=head, base=start, items=tuple(items))


def plan_due(
    source: Source, *, head: Commit, settled: Mapping[ModelName, tuple[Commit, Inputs]], serving: frozenset[ModelName]
) -> Plan:
    """Say what is due at `head` by the ledger.

    `settled` maps each model to the commit and inputs of its last final event; `serving` names the models that still serve
    somewhere. A model whose folder, chart and `release.yaml` are the objects they were at that commit is settled unread.
    """
    tree = _Tree(source, head)
    models = tree.models()
    unmoved = _unmoved(source, head, {name: commit for name, (commit, _) in settled.items() if name in models})
    items = []
    for name in models:
        if name in unmoved:
            continue
        before = settled[name][1] if name in settled else None
        item = _item(
            name, before, tree.inputs(name), since="its last release" if before else "the ledger has no release of it"
        )
        if item is not None:
            items.append(item)
    gone = sorted(serving - set(models))
    items += [
        PlanItem(model=name, kind=Kind.RETIRE, why=("its folder is gone, and it still serves",), inputs=None)
        for name in gone
    ]
    return Plan(commit=head, base=None, items=tuple(items))


def inputs_at(source: Source, commit: Commit, model: ModelName) -> Inputs | None:
    """Return the digests of a model's inputs at a commit, None when it has no `model.yaml` there."""
    return _Tree(source, commit).inputs(model)


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


def _item(name: ModelName, before: Inputs | None, after: Inputs | None, *, since: str) -> PlanItem | None:
    if after is None:
        return (
            None
            if before is None
            else PlanItem(model=name, kind=Kind.RETIRE, why=("its model.yaml was removed",), inputs=None)
        )
    if before is None:
        why = since if since.startswith("the ledger") else "a new model"
        return PlanItem(model=name, kind=Kind.TRAIN, why=(why,), inputs=after)
    found = difference(before, after)
    if found is None:
        return None
    kind, reasons = found
    return PlanItem(model=name, kind=kind, why=tuple(f"{reason} since {since}" for reason in reasons), inputs=after)


def _model_of(path: str) -> ModelName | None:
    parts = path.split("/")
    if len(parts) < 3 or parts[0] != MODELS:  # noqa: PLR2004 (models/<model>/<file>)
        return None
    return model_name(parts[1])


class _Tree:
    """What one commit holds, read no further than asked."""

    def __init__(self, source: Source, commit: Commit) -> None:
        self._source = source
        self._commit = commit
        self._project: Mapping[str, object] | None = None
        self._chart: Mapping[str, str] | None = None

    def models(self) -> list[ModelName]:
        files = self._source.tree(self._commit, MODELS)
        return sorted(
            model_name(path.split("/")[1]) for path in files if path.count("/") == 2 and path.endswith("/model.yaml")
        )

    def project(self) -> Mapping[str, object]:
        if self._project is None:
            self._project = project_values(self._source.read(self._commit, PROJECT))
        return self._project

    def project_parts(self) -> dict[str, object]:
        content = self._source.read(self._commit, PROJECT)
        values = project_values(content) if content is not None else {}
        return {name: values.get(name) for name in _FOR_ALL}

    def chart(self) -> Mapping[str, str]:
        if self._chart is None:
            self._chart = self._source.tree(self._commit, CHART)
        return self._chart

    def inputs(self, name: ModelName) -> Inputs | None:
        folder = f"{MODELS}/{name}"
        content = self._source.read(self._commit, f"{folder}/model.yaml")
        if content is None:
            return None
        files = {path.removeprefix(folder + "/"): oid for path, oid in self._source.tree(self._commit, folder).items()}
        return inputs_of(content, where=f"{folder}/model.yaml", files=files, project=self.project(), chart=self.chart())
