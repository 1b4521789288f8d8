"""What differs between two renders of one model in one environment: in words, and as a unified diff by object.

Pure: texts in, words out. Who renders, and what the texts are of, must not live here; nor how a report looks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from release.artifact.diff import unified
from release.artifact.manifest_facts import facts
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VERSION = re.compile(r"^    app\.kubernetes\.io/version: .*$", re.MULTILINE)
_FIRST = ("Rollout", "AnalysisTemplate")
"""What people want to see first."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class ManifestChange:
    """What would change in one environment: facts in `words`, sentences in `remarks`, all empty where nothing does."""

    environment: str
    words: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    diff: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifests:
    """What a change does to the manifests of one model, by environment; `remark` is why it is not known."""

    changes: tuple[ManifestChange, ...] = ()
    remark: str = ""


UNKNOWN = Manifests()
"""Nothing was asked, nothing is said."""


def compare(environment: str, before: str | None, after: str, *, remarks: Sequence[str] = ()) -> ManifestChange:
    """Say what differs between two renders; `before` is None where nothing was deployed.

    The version, a label of every object, is compared on the Rollout alone. Raises BadInputError for what is not YAML.
    """
    old, new = _objects(before or ""), _objects(after)
    old = {name: _same_version(one, new.get(name)) for name, one in old.items()}
    changed = [name for name in new if name in old and old[name].text != new[name].text]
    added, removed = [name for name in new if name not in old], [name for name in old if name not in new]
    told, explained = _told(old, new)
    words = [f"the first release here, {len(new)} objects"] if before is None else []
    words += [f"{name}: {text}" for name, text in told]
    words += [f"new: {', '.join(added)}"] if added and before is not None else []
    words += [f"gone: {', '.join(removed)}"] if removed else []
    other = [name for name in changed if name not in explained]
    words += [f"also different: {', '.join(other)}"] if other else []
    diff = "".join(
        unified(
            f"{environment}/{name}.yaml",
            old[name].text.encode() if name in old else None,
            new[name].text.encode() if name in new else b"",
        )
        for name in (*changed, *added, *removed)
    )
    return ManifestChange(environment=environment, words=tuple(words), remarks=tuple(remarks), diff=diff)


@dataclass(frozen=True)
class _Object:
    text: str
    parsed: Mapping[str, Any]


def parsed(text: str, *, where: str) -> list[dict[str, Any]]:
    """Return the objects of a render. Raises BadInputError when it is not YAML."""
    try:
        return [one for one in yaml.load_all(text, _LOADER) if one]
    except yaml.YAMLError as error:
        what = f"the chart renders what is not YAML: {' '.join(str(error).split())[:200]}"
        raise BadInputError(what, where=where, fix="correct the chart's templates") from error


def _objects(text: str) -> dict[str, _Object]:
    """Return the objects of a render by kind and name, each with its own text, without Helm's `# Source` lines."""
    found: dict[str, _Object] = {}
    for part in f"\n{text}".split("\n---\n"):
        lines = [line for line in part.splitlines() if not line.startswith(("# Source: ", "---"))]
        own = "\n".join(lines).strip("\n") + "\n"
        for one in parsed(own, where="charts/model"):
            name = f"{one.get('kind', '?')}/{(one.get('metadata') or {}).get('name', '?')}"
            found[name] = _Object(own, one)
    rank = {kind: place for place, kind in enumerate(_FIRST)}
    return dict(sorted(found.items(), key=lambda item: rank.get(item[0].split("/")[0], len(rank))))


def _same_version(one: _Object, other: _Object | None) -> _Object:
    """Return an object with the other's version label, so that a new version alone is no difference."""
    version = _VERSION.search(other.text) if other is not None else None
    if version is None or one.parsed.get("kind") == "Rollout":
        return one
    return _Object(_VERSION.sub(lambda _: version[0], one.text, count=1), one.parsed)


def _told(old: Mapping[str, _Object], new: Mapping[str, _Object]) -> tuple[list[tuple[str, str]], set[str]]:
    """Return the facts that changed, with old and new, each once, and the objects of which one was told."""
    was, now = _facts(old), _facts(new)
    told: dict[tuple[str, str], None] = {}
    explained = set[str]()
    for name, own in now.items():
        before = was.get(name, {})
        changed = {key: text for key, text in own.items() if before.get(key) != text}
        gone = {key: "none" for key in before if key not in own}
        for key, text in (changed | gone).items():
            told[key, f"{before[key]} → {text}" if key in before else text] = None
            explained.add(name)
    return list(told), explained


def _facts(objects: Mapping[str, _Object]) -> dict[str, dict[str, str]]:
    """Return the facts of every object, by its name."""
    replicas = _replicas([one.parsed for one in objects.values()])
    return {name: facts(one.parsed, replicas=replicas) for name, one in objects.items()}


def _replicas(manifests: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the fewest pods, which is where whole pods are coarsest."""
    for kind, key in (("HorizontalPodAutoscaler", "minReplicas"), ("Rollout", "replicas")):
        for one in manifests:
            if one.get("kind") == kind and key in one["spec"]:
                return int(one["spec"][key])
    return None
