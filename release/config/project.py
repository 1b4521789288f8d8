"""`release.yaml` as frozen typed records: where things are kept, which environments there are, and the limits of policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.config import JsonDict  # noqa: TC002 (pydantic reads annotations at run time)

from release.config.estimators import Frozen
from release.config.model import Duration, GateSpec, RolloutSpec
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
    from_: tuple[str, ...] = Field(
        (),
        alias="from",
        description="whose approval counts: logins, ORG/TEAM (GitLab: a group's full path), or `owners`, who may write to "
        "the repository and who are meant where nobody is named",
    )


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


_REFERENCE: JsonDict = {
    "pattern": "^[^@\\s]+@sha256:[0-9a-f]{64}$"
}  # for editors; the reader's own complaint is `config.rules`'s


class RuntimeImages(Frozen):
    """The images that models are put on, by serving format."""

    skops: str | None = Field(
        None, description="HOST/REPOSITORY@sha256:…, as `release runtime` prints it", json_schema_extra=_REFERENCE
    )
    onnx: str | None = Field(None, description="the same for `serving.format: onnx`", json_schema_extra=_REFERENCE)


class Runtime(Frozen):
    """The serving runtime."""

    images: RuntimeImages = RuntimeImages()
    minimum: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,3}$")] | None = Field(
        None, description="models on an older runtime are packaged again"
    )
    batch: Annotated[int, Field(ge=1)] = Field(
        5, description="how many models may be on their way to another runtime at once, in each environment"
    )


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


def rollout_in(environment: EnvironmentSpec, rollout: RolloutSpec) -> dict[str, object]:
    """Return a model's rollout as it is in an environment, whose own `traffic`, where it has one, counts."""
    return rollout.model_dump() | ({} if environment.traffic is None else {"traffic": environment.traffic})


def replays(project: ProjectSpec, rollout: RolloutSpec) -> bool:
    """Say whether any environment judges this model by requests that are replayed."""
    return any(rollout_in(environment, rollout)["traffic"] == "replay" for environment in project.environments)
