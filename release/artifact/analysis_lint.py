"""What goes wrong in AnalysisTemplates and is found by no other linter: arguments, result types, empty answers, patience.

Pure functions over parsed manifests; what a Rollout does with the templates is `rollout_lint`'s.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from release.artifact.findings import Finding, error, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ARGUMENT = re.compile(r"\{\{\s*args\.([A-Za-z0-9_-]+)\s*\}\}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
# `result` other than as `result[…]`, `len(result)` and the like.
_BARE_RESULT = re.compile(r"(?<!\()\bresult\b(?!\s*\[)")
_GUARDED = (re.compile(r"\blen\(\s*result\s*\)\s*(?:>|==|>=|!=)\s*[01]\b"), re.compile(r"!\s*isNaN\("))
_AT_LEAST = re.compile(r"\band\s+on\s*\(\s*\).*>=?\s*\d", re.DOTALL)


def lint_template(template: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with one AnalysisTemplate by itself."""
    name = f"{template['kind']}/{template['metadata']['name']}"
    if template["kind"] == "ClusterAnalysisTemplate":
        yield error(
            name, "is shared by all Applications that render it", "use a namespaced AnalysisTemplate named by release"
        )
    spec = template.get("spec") or {}
    declared = {one["name"] for one in spec.get("args") or ()}
    for used in sorted(set(_ARGUMENT.findall(json.dumps(spec))) - declared):
        yield error(name, f"uses the argument {used}, which it does not declare", f"add {used} to spec.args")
    dry = {one.get("metricName") for one in spec.get("dryRun") or ()}
    for metric in spec.get("metrics") or ():
        if metric["name"] not in dry:
            yield from _lint_metric(f"{name}: metric {metric['name']}", metric)


def lint_use(
    where: str, used: Mapping[str, Any], templates: Mapping[str, Mapping[str, Any]], *, inline: bool
) -> Iterator[Finding]:
    """Yield what is wrong with one use of templates by a Rollout: `used` is its `analysis`, `inline` a step's."""
    given = {one["name"] for one in used.get("args") or ()}
    declared: set[str] = set()
    metrics: list[str] = []
    for one in used.get("templates") or ():
        name = one["templateName"]
        template = templates.get(name)
        if one.get("clusterScope") or template is None:
            yield error(where, f"there is no AnalysisTemplate {name} among the manifests", "render it with the Rollout")
            continue
        arguments = template["spec"].get("args") or ()
        declared |= {arg["name"] for arg in arguments}
        for arg in arguments:
            if arg["name"] not in given and arg.get("value") is None and arg.get("valueFrom") is None:
                # The controller does not say so: the canary stays where it is.
                yield error(where, f"{name} needs the argument {arg['name']}, which has no value", "give it in args")
        metrics += [metric["name"] for metric in template["spec"]["metrics"]]
        for metric in template["spec"]["metrics"]:
            if inline and metric.get("interval") is not None and metric.get("count") is None:
                yield error(where, f"{metric['name']} of {name} is measured for ever", "set its count")
    for extra in sorted(given - declared):
        yield error(where, f"gives the argument {extra}, which no template declares", "take it out or correct its name")
    for twice in sorted({metric for metric in metrics if metrics.count(metric) > 1}):
        yield error(where, f"two templates measure {twice}", "rename one of the metrics")


def _lint_metric(where: str, metric: Mapping[str, Any]) -> Iterator[Finding]:
    provider = metric.get("provider") or {}
    if "prometheus" not in provider:
        return
    conditions = {key: str(metric[key]) for key in ("successCondition", "failureCondition") if metric.get(key)}
    for key in ("successCondition", "failureCondition"):
        if key not in conditions:
            fix = "write both, so that an empty answer is neither"
            yield error(where, f"has no {key}: no answer from Prometheus then passes for a verdict", fix)
    for key, text in conditions.items():
        yield from _lint_condition(f"{where}: {key}", text)
    if not _AT_LEAST.search(str(provider["prometheus"].get("query"))):
        yield note(where, "the query asks for no least number of requests", "append `and on() (… >= N)`")
    yield from _lint_patience(where, metric)


def _lint_condition(where: str, text: str) -> Iterator[Finding]:
    if _BARE_RESULT.search(text):
        yield error(where, "takes the answer for a number, but Prometheus answers with a list", "write result[0]")
    for guard, what, fix in (
        (_GUARDED[0], "does not look whether there is an answer", "begin with `len(result) == 1 &&`"),
        (_GUARDED[1], "does not look whether the answer is a number", "add `!isNaN(result[0]) &&`"),
    ):
        if not guard.search(text):
            yield error(where, what, fix)


def _lint_patience(where: str, metric: Mapping[str, Any]) -> Iterator[Finding]:
    interval, delay = seconds(metric.get("interval")), seconds(metric.get("initialDelay"))
    if interval > delay:
        what = f"the first measurement comes {delay:g} s after the step began, before any traffic was seen"
        yield error(where, what, f"set initialDelay to the interval, {interval:g}s")
    count = metric.get("count")
    if not isinstance(count, int) or count < 1:
        return
    limit = metric.get("inconclusiveLimit") or 0
    if limit >= count:
        what = f"passes when none of its {count} measurements could tell"
        yield error(where, what, f"set inconclusiveLimit to {count - 1}")
    elif limit < count - 1:
        what = f"the canary pauses after {limit + 1} of {count} measurements that could not tell"
        yield note(where, what, f"set inconclusiveLimit to {count - 1}")


def seconds(duration: object) -> float:
    """Return a duration such as 30s or 1m30s in seconds, 0 for none."""
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(str(duration or "")))


def by_name(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the namespaced AnalysisTemplates by name."""
    return {one["metadata"]["name"]: one for one in manifests if one.get("kind") == "AnalysisTemplate"}
