"""What a model's release depends on, as digests, from Git object names alone.

Nothing here opens a data file or checks a field: `release plan` must answer in tens of milliseconds for hundreds of models,
so inputs are digests of the plain values of `model.yaml` and of the object names that Git already has. Comments, layout and
the order of fields do not count, except where order decides what is trained: of columns (the first glob that matches counts)
and of searched parameters (draws are dealt out in turn). pydantic and scikit-learn must not be imported here.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from release.artifact.serial import digest_json
from release.config.source import parse
from release.records import Inputs, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS = "models"
PROJECT = "release.yaml"
CHART = "charts/model"
SKOPS = "skops"
"""The format in which a model is served that names none."""

_TRAIN = ("task", "features", "estimator", "search", "seed")
_SAID = {
    Kind.TRAIN: "what is trained changed",
    Kind.TEST_SET: "the held-out rows changed",
    Kind.POLICY: "the gate's policy changed",
    Kind.REPACKAGE: "the serving format or runtime changed",
    Kind.REDEPLOY: "serving, rollout or the chart changed",
}


def data_files(spec: Mapping[str, Any]) -> tuple[str, str]:
    """Return where a `model.yaml` says that its training and held-out rows are, spelt as Git spells paths in its folder."""
    rows = _fields(spec, "data")
    train, test = (posixpath.normpath(str(rows.get(name))) for name in ("train", "test"))
    return train, test


def inputs_of(
    spec: Mapping[str, Any], *, train: str | None, test: str | None, project: Mapping[str, Any], chart: str | None
) -> Inputs:
    """Digest what decides a model's release.

    `spec` holds the plain values of `model.yaml`, `project` those of `release.yaml`; `train` and `test` are the Git object
    names of the model's two data files, `chart` that of the chart's folder, None where there is none.
    """
    serving = _fields(spec, "serving")
    serves = serving.get("format", SKOPS)
    rows = {name: value for name, value in _fields(spec, "data").items() if name not in ("test", "columns")}
    searched = _fields(spec, "search")
    return Inputs(
        train=digest_json(
            {
                "spec": {name: spec.get(name) for name in _TRAIN},
                "data": rows,
                # As pairs: canonical JSON sorts fields, and here the order means something.
                "columns": [list(pair) for pair in _fields(_fields(spec, "data"), "columns").items()],
                "search": [list(pair) for pair in _fields(searched, "params").items()],
                "evaluation": {name: value for name, value in _fields(spec, "evaluation").items() if name == "threshold"},
                "rows": train,
                "tool": project.get("tool"),
                # Another format is another model; the first one is not named, so that older ledgers' digests stay.
                **({} if serves == SKOPS else {"format": serves}),
            }
        ),
        test=digest_json({"rows": test}),
        policy=digest_json({"gate": spec.get("gate"), "gates": project.get("gates") or {}}),
        package=digest_json({"format": serves, "runtime": _runtime(project, serves)}),
        deploy=digest_json(
            {
                "serving": {name: value for name, value in serving.items() if name != "format"},
                "rollout": spec.get("rollout"),
                "chart": chart,
            }
        ),
    )


def _runtime(project: Mapping[str, Any], serves: object) -> object:
    """Return the digest of the runtime image that a format's models are put on, None where `release.yaml` names none.

    What else is said of the runtime makes no other image: not `minimum`, not where the image is kept.
    """
    image = _fields(_fields(project, "runtime"), "images").get(str(serves))
    return image.rpartition("@")[2] if isinstance(image, str) else image


def _fields(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = spec.get(name)
    return found if isinstance(found, dict) else {}


def plain_values(content: bytes, *, where: str) -> Mapping[str, Any]:
    """Return a configuration file's plain values. Raises BadInputError when it cannot be read."""
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
