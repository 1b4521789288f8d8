"""What one model's Application renders in one environment: a chart and a values file, as bytes.

Nothing here renders, reads Git, or judges what comes out.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from release.artifact.serial import digest_json, digest_of
from release.artifact.values import patch, read
from release.errors import BadInputError
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.records import EnvironmentName, ModelName

ANY_DIGEST = Digest("sha256:" + "0" * 64)
"""Stands for what the first promotion is going to write."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEFAULTS = "values.yaml"


class Origin(enum.Enum):
    """Where the values come from, which decides who can change them: a change to this tree, or only one made elsewhere."""

    DRAFT = enum.auto()
    TREE = enum.auto()
    BRANCH = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One model in one environment. `chart` holds the chart's files by relative path, `where` says whose the values are."""

    model: ModelName
    environment: EnvironmentName
    namespace: str
    chart: Mapping[str, bytes]
    values: bytes
    origin: Origin
    where: str

    @property
    def name(self) -> str:
        """The name of the Application, and of Helm's release."""
        return f"{self.model}-{self.environment}"

    @property
    def key(self) -> Digest:
        """The digest of all that decides what is rendered."""
        return digest_json({
            "name": self.name,
            "namespace": self.namespace,
            "chart": {path: digest_of(content) for path, content in self.chart.items()},
            "values": digest_of(self.values),
        })  # fmt: skip

    @property
    def chart_key(self) -> Digest:
        """The digest of the chart alone."""
        return digest_json({path: digest_of(content) for path, content in self.chart.items()})


def complete(values: bytes, *, repository: str, where: str) -> bytes:
    """Return a values file as a promotion leaves it: with a canary, and placeholders where nothing was promoted yet.

    Raises BadInputError for a file that cannot be patched.
    """
    blank = {"image.repository": repository, "image.digest": ANY_DIGEST, "model.digest": ANY_DIGEST}
    owned = read(values, where=where)
    missing = {name: value for name, value in blank.items() if not owned[name]}
    return patch(values, {**missing, "release.fast": False}, where=where)


def effective(deployment: Deployment) -> dict[str, Any]:
    """Return the values over the chart's defaults, as Helm merges them: mappings in depth, null takes a default away.

    Raises BadInputError where either is no mapping.
    """
    defaults = _mapping(deployment.chart.get(_DEFAULTS, b""), where=f"charts/model/{_DEFAULTS}")
    return _merged(defaults, _mapping(deployment.values, where=deployment.where))


def _mapping(content: bytes, *, where: str) -> dict[str, Any]:
    try:
        found = yaml.load(content, _LOADER) or {}  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        raise BadInputError(f"not YAML: {' '.join(str(error).split())[:200]}", where=where, fix="correct it") from error
    if not isinstance(found, dict):
        raise BadInputError("expected fields, found something else", where=where, fix="write `field: value` lines")
    return found


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged
