"""The checkers of other people's making that look at rendered manifests: kubeconform for schemas, promtool for PromQL.

Programs that somebody installed; what they say becomes findings. What they cannot look at is a note, never silence.
Rendering, and rules of our own, must not live here.
"""

from __future__ import annotations

import json
import re
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from release.adapters.process import CommandFailedError, run
from release.artifact.findings import Finding, error, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SECONDS = 120.0
_BY_KIND = "{{.ResourceKind}}{{.KindSuffix}}.json"
_OWN = f"{Path(__file__).parent / 'schemas'}/{_BY_KIND}"
_DEFAULT = "default"
_PROBE = "https://raw.githubusercontent.com/yannh/kubernetes-json-schema/master/master-standalone-strict/service-v1.json"
_PROBE_SECONDS = 5.0
_ARGUMENT_RANGE = re.compile(r"\[\s*\{\{\s*args\.[A-Za-z0-9_-]+\s*\}\}\s*\]")
_ARGUMENT = re.compile(r"\{\{\s*args\.[A-Za-z0-9_-]+\s*\}\}")


@dataclass(frozen=True)
class Kubeconform:
    """One kubeconform; satisfies `release.ports.Validator`.

    `schemas` is where schemas are, a folder or a template of a URL as kubeconform takes it. We carry those of the kinds that
    charts/model renders; for others kubeconform's default on the network is asked where `schemas` is None.
    """

    program: str
    schemas: str | None = None

    def validate(self, rendered: Mapping[str, str]) -> Mapping[str, Sequence[Finding]]:
        """Return what the schemas say of each render, by its name; what concerns all is under the empty name."""
        told = self._asked(rendered, self._locations())
        unknown = _kinds(told, "statusSkipped")
        if unknown and self.schemas is None and _reachable(_PROBE):
            told = self._asked(rendered, (_OWN, _DEFAULT))
            unknown = _kinds(told, "statusSkipped")
        found: dict[str, list[Finding]] = {}
        for one in told:
            found.setdefault(Path(one["filename"]).stem, []).extend(_complaints(one))
        missing = sorted({*unknown, *_kinds([one for one in told if _unreachable(one)], "statusError")})
        if missing:
            fix = "name a copy with RELEASE_SCHEMAS"
            found[""] = [note("kubeconform", f"no schema of {', '.join(missing)} can be had: not checked", fix)]
        return found

    def _asked(self, rendered: Mapping[str, str], places: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        words = [word for place in places for word in ("-schema-location", place)]
        options = ("-strict", "-ignore-missing-schemas", "-verbose", "-output", "json", *words)
        with tempfile.TemporaryDirectory(prefix="release-schemas-") as folder:
            for name, text in rendered.items():
                (Path(folder) / f"{name}.yaml").write_text(text)
            try:
                answer = run((self.program, *options, "."), cwd=Path(folder), timeout=_SECONDS).stdout
            except CommandFailedError as failed:
                answer = failed.stdout
                if not answer.strip():
                    raise
        told: Sequence[Mapping[str, Any]] = json.loads(answer)["resources"] or ()
        return told

    def _locations(self) -> tuple[str, ...]:
        """Return where schemas are looked for: what people name first, which is their cluster's."""
        if self.schemas is None:
            return (_OWN,)
        place = Path(self.schemas)
        there = (str(place.absolute()), f"{place.absolute()}/{_BY_KIND}") if place.is_dir() else (self.schemas,)
        return (*there, _OWN)


def _kinds(told: Sequence[Mapping[str, Any]], status: str) -> set[str]:
    return {str(one.get("kind")) for one in told if one.get("status") == status}


def _unreachable(one: Mapping[str, Any]) -> bool:
    return str(one.get("msg")).startswith(("failed downloading schema", "error while downloading schema"))


def _complaints(one: Mapping[str, Any]) -> Iterator[Finding]:
    where = f"{one.get('kind') or '?'}/{one.get('name') or '?'}"
    said = " ".join(str(one.get("msg") or "").split())
    match one.get("status"):
        case "statusInvalid":
            for each in one.get("validationErrors") or [{"path": "", "msg": said}]:
                at = f"{where}: {each['path'].strip('/').replace('/', '.')}" if each.get("path") else where
                yield error(
                    at, f"against its schema: {' '.join(str(each['msg']).split())}", "correct the chart or the values"
                )
        case "statusError" if not _unreachable(one):
            yield error(where, said, "correct the chart's templates")
        case _:
            pass


def _reachable(url: str) -> bool:
    """Say whether the network is there: kubeconform tries long, and again for every kind."""
    try:
        with urllib.request.urlopen(url, timeout=_PROBE_SECONDS):  # noqa: S310 (a literal HTTPS address)
            return True
    except (urllib.error.URLError, OSError, ValueError):
        return False


@dataclass(frozen=True)
class Promtool:
    """One promtool; satisfies `release.ports.Validator`. Reads alerting rules, and AnalysisTemplates' queries as such."""

    program: str

    def validate(self, rendered: Mapping[str, str]) -> Mapping[str, Sequence[Finding]]:
        """Return what is no PromQL, or no rule, in each render, by its name."""
        with tempfile.TemporaryDirectory(prefix="release-rules-") as folder:
            files = []
            for name, text in rendered.items():
                groups = [group for one in yaml.safe_load_all(text) if one for group in _groups(one)]
                if groups:
                    (Path(folder) / name).write_text(yaml.safe_dump({"groups": groups}))
                    files.append(name)
            if not files:
                return {}
            try:
                run((self.program, "check", "rules", *files), cwd=Path(folder), timeout=_SECONDS)
            except CommandFailedError as failed:
                return _promtool_says(failed, files)
        return {}


def _promtool_says(failed: CommandFailedError, files: Sequence[str]) -> Mapping[str, Sequence[Finding]]:
    said = (failed.stderr + b"\n" + failed.stdout).decode(errors="replace").splitlines()
    found: dict[str, list[Finding]] = {}
    for line in said:
        name = next((one for one in files if line.strip().startswith(f"{one}: ")), None)
        if name is not None:
            told = re.sub(r"^[0-9:]+ ", "", line.strip().removeprefix(f"{name}: "))
            found.setdefault(name, []).append(error("promtool", told, "correct the query"))
    return found or {"": [error("promtool", " ".join(" ".join(said).split())[:600] or "failed without a word")]}


def _groups(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the groups of rules in a manifest; a metric's query is made a rule, with something plausible for arguments."""
    kind, name = manifest.get("kind"), (manifest.get("metadata") or {}).get("name")
    if kind == "PrometheusRule":
        yield from (manifest.get("spec") or {}).get("groups") or ()
    if kind == "AnalysisTemplate":
        rules = []
        for metric in (manifest.get("spec") or {}).get("metrics") or ():
            query = ((metric.get("provider") or {}).get("prometheus") or {}).get("query")
            if query is not None:
                plain = _ARGUMENT.sub("x", _ARGUMENT_RANGE.sub("[5m]", str(query)))
                rules.append({"record": re.sub(r"[^a-zA-Z0-9_]", "_", str(metric["name"])), "expr": plain})
        if rules:
            yield {"name": f"{kind}/{name}", "rules": rules}
