"""Intents to promote, for tests: a model is a name, and everything with a digest follows from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from release.artifact.promotion import Promotion
from release.artifact.serial import digest_of
from release.records import (
    Commit,
    Comparison,
    Digest,
    EnvironmentName,
    Inputs,
    ModelName,
    PackageRecord,
    TestSet,
    Verdict,
    VerdictRecord,
)

if TYPE_CHECKING:
    from pathlib import Path

    from release.records import Event

STAGING, PRODUCTION = EnvironmentName("staging"), EnvironmentName("production")
CHART = {"Chart.yaml": b"name: model\n", "templates/rollout.yaml": b"kind: Rollout\r\n"}
DRAFT = b'# Ours to edit.\nimage:\n  repository: ""\n  digest: ""\nmodel:\n  digest: ""\n  version: ""\n'
DRAFT += b'release:\n  operation: ""\n  commit: ""\n  fast: true\nchart:\n  path: ""\nreplicas: 3\n'


class Ticking:
    """A clock that goes on by a second whenever it is asked."""

    def __init__(self, start: datetime = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)) -> None:
        """Begin at `start`."""
        self.time = start

    def now(self) -> datetime:
        """Tell the time, a second later than before."""
        self.time += timedelta(seconds=1)
        return self.time


def digest(text: str) -> Digest:
    return digest_of(text.encode())


def verdict(
    name: str, *, champion: Digest | None = None, outcome: Verdict = Verdict.PASS, reason: str = ""
) -> VerdictRecord:
    """Judge the model called `name`."""
    comparison = Comparison(
        metric="roc_auc",
        role="primary",
        slice=None,
        n=171,
        champion=None if champion is None else 0.9,
        challenger=0.95,
        difference=0.05,
        low=0.01,
        high=0.09,
        level=0.95,
        high_family=0.09,
        margin=0.01,
        p_value=0.1,
        p_margin=0.01,
        method="delong",
        verdict=outcome,
        rows_needed=None,
        reason=reason or None,
    )
    return VerdictRecord(
        verdict=outcome,
        model=None,
        challenger=digest(f"model {name}"),
        champion=champion,
        alpha=0.05,
        comparisons=(comparison,),
        reasons=(),
        test_set=TestSet(digest=digest("test"), looks=1, budget=5),
    )


def rejudged(name: str, champion: Event | None) -> VerdictRecord:
    """Judge again, against the champion of the fresh tip: it passes."""
    return verdict(name, champion=champion.release.model_digest if champion and champion.release else None)


def promotion(commit: str, name: str, **changes: Any) -> Promotion:
    """Make the intent to promote the model called `name`; `changes` are fields of `Promotion`."""
    model = changes.pop("model", ModelName("churn"))
    fields: dict[str, Any] = {
        "environment": STAGING,
        "after": None,
        "inputs": Inputs(**{part: digest(f"{part} {name}") for part in ("train", "test", "policy", "package", "deploy")}),
        "package": PackageRecord(
            model=model,
            key=digest(f"key {name}"),
            model_digest=digest(f"model {name}"),
            repository=f"registry.example/ml/{model}",
            digest=digest(f"image {name}"),
            base=digest("base"),
            layer=digest(f"layer {name}"),
            diff_id=digest(f"diff {name}"),
            size_bytes=1000,
        ),
        "verdict": verdict(name),
        "environments": (STAGING, PRODUCTION),
        "chart": CHART,
        "draft": DRAFT,
        "predictions": None,
        "by": None,
    }
    return Promotion(model=model, commit=Commit(commit), **{**fields, **changes})


def values_of(root: Path, commit: str, path: str) -> dict[str, Any]:
    """Read a values file at a commit as Helm would."""
    import yaml  # noqa: PLC0415 (tests that only promote do not need it)

    from support.git import git  # noqa: PLC0415 (as above)

    found: dict[str, Any] = yaml.safe_load(git(root, "show", f"{commit}:{path}"))
    return found
