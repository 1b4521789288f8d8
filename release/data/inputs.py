"""What a model's release depends on, as digests, from Git object names alone.

Nothing here opens a data file or checks a field: `release plan` must answer in tens of milliseconds for hundreds of models, so
inputs are digests of the plain values of `model.yaml` (comments, order of fields and layout do not count) and of the object
names that Git already has. pydantic and scikit-learn must not be imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from release.artifact.serial import digest_json
from release.config.source import parse
from release.errors import BadInputError
from release.records import Inputs, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS = "models"
PROJECT = "release.yaml"
CHART = "charts/model"

_TRAIN = ("task", "features", "estimator", "search", "seed")
_SAID = {
    Kind.TRAIN: "what is trained changed",
    Kind.TEST_SET: "the held-out rows changed",
    Kind.POLICY: "the gate's policy changed",
    Kind.REPACKAGE: "the serving format or runtime changed",
    Kind.REDEPLOY: "serving, rollout or the chart changed",
}


def inputs_of(
    model_yaml: bytes, *, where: str, files: Mapping[str, str], project: Mapping[str, Any], chart: Mapping[str, str]
) -> Inputs:
    """Digest what decides a model's release.

    `files` maps paths in the model's folder (relative to it) to Git object names, `project` holds `release.yaml`'s plain
    values, `chart` maps the chart's files to object names. Raises BadInputError when `model.yaml` cannot be read.
    """
    data = parse(model_yaml, where=where).data
    rows = data.get("data") if isinstance(data.get("data"), dict) else {}
    evaluation = data.get("evaluation") if isinstance(data.get("evaluation"), dict) else {}
    serving = data.get("serving") if isinstance(data.get("serving"), dict) else {}
    gates = project.get("gates") or {}
    return Inputs(
        train=digest_json(
            {
                "spec": {name: data.get(name) for name in _TRAIN},
                "data": {name: value for name, value in rows.items() if name != "test"},
                "evaluation": evaluation,
                "rows": files.get(str(rows.get("train"))),
                "tool": project.get("tool"),
            }
        ),
        test=digest_json({"rows": files.get(str(rows.get("test")))}),
        policy=digest_json({"gate": data.get("gate"), "gates": gates}),
        package=digest_json({"format": serving.get("format", "skops"), "runtime": project.get("runtime")}),
        deploy=digest_json(
            {
                "serving": {name: value for name, value in serving.items() if name != "format"},
                "rollout": data.get("rollout"),
                "chart": dict(sorted(chart.items())),
            }
        ),
    )


def project_values(content: bytes | None, *, where: str = PROJECT) -> Mapping[str, Any]:
    """Return `release.yaml`'s plain values. Raises BadInputError when the file is missing."""
    if content is None:
        raise BadInputError(
            "there is no release.yaml", where=where, fix="run `release init MODEL --from data.csv --target y`"
        )
    values: Mapping[str, Any] = parse(content, where=where).data
    return values


def difference(old: Inputs, new: Inputs) -> tuple[Kind, tuple[str, ...]] | None:
    """Name the kind of a change and its reasons in words, None when nothing that matters differs.

    The most consequential part decides: training before the test set, then policy, packaging, deployment.
    """
    parts = (
        (Kind.TRAIN, old.train != new.train),
        (Kind.TEST_SET, old.test != new.test),
        (Kind.POLICY, old.policy != new.policy),
        (Kind.REPACKAGE, old.package != new.package),
        (Kind.REDEPLOY, old.deploy != new.deploy),
    )
    changed = [kind for kind, differs in parts if differs]
    return (changed[0], tuple(_SAID[kind] for kind in changed)) if changed else None
