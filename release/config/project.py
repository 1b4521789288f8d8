"""`release.yaml` as frozen typed records: where things are kept, which environments there are, and the limits of policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from release.config.estimators import Frozen
from release.config.model import Duration, GateSpec
from release.schedule import FORM


class Limits(Frozen):
    """The loosest that any model's gate may be."""

    margin: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)


class Gates(Frozen):
    """Gate policy for every model: what holds where a model says nothing, and what none may exceed."""

    defaults: GateSpec = GateSpec()
    limits: Limits = Limits()


class Deploy(Frozen):
    """The branch that holds `charts/environments/`."""

    repository: str = Field(".", description="`.` is this repository (its origin, when it has one); else a URL or a path")
    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")] = "deploy"
    predictions: bool = Field(
        default=False,
        description="commit the test-set predictions of what is promoted, so that a clone without the registry can judge",
    )


class Approvals(Frozen):
    """Who must agree, and how many."""

    count: Annotated[int, Field(ge=0, le=20)] = 0
    from_: tuple[str, ...] = Field((), alias="from")


class EnvironmentSpec(Frozen):
    """One place where models serve."""

    name: str
    context: str | None = Field(None, description="the cluster's name in the kubeconfig")
    namespace: str = "models"
    after: str | None = Field(None, description="the environment in which a release must be verified first")
    soak: Duration | None = Field(
        None,
        description="with `after`: how long a release must have served there, verified, before it is promoted here; "
        "without: how long it must have been Healthy here before it is verified",
    )
    traffic: Literal["live", "replay"] | None = None
    promote: Literal["manual", "automatic", "pull-request"] = "manual"
    approvals: Approvals = Approvals()
    freeze: tuple[str, ...] = Field((), description=f"when nothing is promoted: {FORM}")


class OverridePolicy(Frozen):
    """What an override takes, and how long it lasts."""

    approvals: Approvals = Approvals()
    expires: Duration = "14d"


class Runtime(Frozen):
    """The serving runtime."""

    minimum: str | None = None


class ProjectSpec(Frozen):
    """The repository's `release.yaml`."""

    tool: str = Field("", description="the toolkit this repository is pinned to, such as ==0.1.*")
    registry: str = Field("oci:.release/registry", description="oci:FOLDER, or a registry's host[:port]/prefix")
    gates: Gates = Gates()
    deploy: Deploy = Deploy()
    environments: tuple[EnvironmentSpec, ...]
    override: OverridePolicy = OverridePolicy()
    runtime: Runtime = Runtime()
    tracking: str = Field("sqlite:///.release/mlflow.db", description="an MLflow tracking URI")
