"""`model.yaml` as frozen typed records: everything that decides what is trained, judged and served.

Each field's description is what `release schema` shows in editors. Rules that span fields are in `release.config.build`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from release.config.estimators import EstimatorSpec, FeatureStep, Frozen

DURATION = r"^[1-9][0-9]{0,5}(s|m|h|d)$"
PERCENT = r"^[0-9]{1,2}(\.[0-9]{1,4})?%$"
CPU = r"^[0-9]+(\.[0-9]+)?m?$"
MEMORY = r"^[0-9]+(Ki|Mi|Gi|Ti)?$"
RESAMPLES = r"^[1-9][0-9]?x([2-9]|[1-4][0-9]|50)$"
LIKE = {DURATION: "30s, 10m or 14d", PERCENT: "2%", CPU: "500m", MEMORY: "512Mi", RESAMPLES: "10x10"}
"""What texts of each form look like, for messages."""

Scalar = str | int | float | bool
RelativePath = Annotated[str, Field(min_length=1, max_length=200)]
Duration = Annotated[str, Field(pattern=DURATION, description="a whole number and s, m, h or d")]
Percent = Annotated[str, Field(pattern=PERCENT, description="a percentage, such as 2%")]


def _short(field: str, schema: Any) -> Any:
    """Accept a bare value where a mapping with this one field would do; `schema` is the type that editors are told."""
    return BeforeValidator(
        lambda value: value if isinstance(value, dict | Frozen) else {field: value}, json_schema_input_type=schema
    )


class Target(Frozen):
    """The column to predict."""

    column: str
    positive: Scalar | None = Field(None, description="the value that counts as positive (binary; default 1, true)")


ColumnType = Literal["float", "int", "bool", "category", "text", "datetime"]


class Column(Frozen):
    """What a column must look like."""

    type: ColumnType
    min: float | None = None
    max: float | None = None
    # Behind `_short` the library sees Python's lists, which are no tuples to its strict mode.
    values: Annotated[tuple[Scalar, ...], Field(strict=False)] | None = Field(
        None, description="the categories that may occur"
    )
    missing: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="the share of values that may be missing")


class DataSpec(Frozen):
    """Where the rows are and what each column must hold."""

    train: RelativePath = Field(description="CSV or Parquet, in the model's folder")
    test: RelativePath = Field(description="the held-out rows, never trained on")
    target: Annotated[Target, _short("column", str | Target)]
    id: str = Field(description="names a row; two models' rows are aligned by it")
    group: str | None = Field(None, description="rows that belong together")
    time: str | None = None
    weight: str | None = None
    columns: dict[str, Annotated[Column, _short("type", ColumnType | Column)]] = Field(
        description="by name or glob; the first match counts"
    )
    ignore: tuple[str, ...] = Field((), description="present, not used")


class SearchRange(Frozen):
    """A range to draw from."""

    low: float
    high: float
    log: bool = False
    int: bool = False


class SearchSpec(Frozen):
    """Which parameters to try; judged by cross-validation on the training rows only."""

    method: Literal["grid", "random", "halving"]
    params: dict[str, tuple[Scalar | None, ...] | SearchRange]
    trials: Annotated[int, Field(ge=1, le=10_000)] | None = Field(None, description="how many draws (random, halving)")
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    metric: str


class FoldsThreshold(Frozen):
    """Choose the threshold on out-of-fold training predictions."""

    from_: Literal["folds"] = Field(alias="from")
    maximise: Literal["f1", "balanced_accuracy", "accuracy"]


class Migration(Frozen):
    """How rows of this schema are put to a champion that was trained on another one."""

    rename: dict[str, str] = Field(default_factory=dict, description="the champion's column: the column it is called now")
    fill: dict[str, Scalar] = Field(
        default_factory=dict, description="the champion's column that is gone: what to put there"
    )


class EvaluationSpec(Frozen):
    """How scores become labels (binary), and what is asked of the recipe besides the artifact."""

    threshold: Annotated[float, Field(gt=0, lt=1)] | FoldsThreshold = 0.5
    resamples: Annotated[str, Field(pattern=RESAMPLES)] | None = Field(
        None, description="repeats x folds of the training rows on which both recipes are trained and compared"
    )
    seeds: Annotated[int, Field(ge=2, le=50)] | None = Field(
        None, description="how many seeds the training is repeated with, to see how much of a difference is luck"
    )
    migration: Migration = Migration()


class Relative(Frozen):
    """A margin as a share of the champion's value."""

    relative: Percent

    @property
    def share(self) -> float:
        """The share as a number: `2%` is 0.02."""
        return float(self.relative.removesuffix("%")) / 100


Margin = float | Relative
WhenUnsure = Literal["block", "review", "note"]


class Primary(Frozen):
    """What the challenger must show first: not worse by more than `margin`, or better by more than `better_by`."""

    metric: str
    margin: Margin | None = None
    better_by: Annotated[float, Field(ge=0)] | None = None
    when_unsure: WhenUnsure = "block"


class Guard(Frozen):
    """A metric that must not get worse by more than the margin."""

    metric: str
    margin: Margin
    when_unsure: WhenUnsure = "block"


class Slice(Frozen):
    """A guard on the rows where columns have the given values."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    where: dict[str, Scalar]
    metric: str
    margin: Margin
    when_unsure: WhenUnsure = "block"


class Budgets(Frozen):
    """Limits on what serving may cost."""

    latency_ms: Annotated[float, Field(gt=0)] | None = None
    size_mb: Annotated[float, Field(gt=0)] | None = None


class GateSpec(Frozen):
    """The requirements a challenger must meet, and how sure of them one must be."""

    primary: Primary | None = None
    guards: tuple[Guard, ...] = ()
    floors: dict[str, float] = Field(default_factory=dict, description="absolute; what a first release must clear")
    slices: tuple[Slice, ...] = ()
    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    looks: Annotated[int, Field(ge=1, le=10_000)] = Field(20, description="how many challengers this test set may judge")
    feedback: Literal["full", "verdict", "ladder"] = Field(
        "full",
        description="what is shown of a judgement: all numbers; the verdict alone until a challenger passes; or steps",
    )
    costs: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="for the metric `cost`: by true class, what each wrong label costs (others: 0)"
    )
    budgets: Budgets = Budgets()


Cpu = Annotated[str, Field(pattern=CPU)]
Memory = Annotated[str, Field(pattern=MEMORY)]
Replicas = Annotated[int, Field(ge=0, le=1000)]


class EnvironmentServing(Frozen):
    """What one environment does differently."""

    replicas: Replicas | None = None
    cpu: Cpu | None = None
    memory: Memory | None = None


class ServingSpec(Frozen):
    """What serves the model, and with how much."""

    format: Literal["skops", "onnx"] = "skops"
    cpu: Cpu = "500m"
    memory: Memory = "512Mi"
    replicas: Replicas = 1
    environments: dict[str, EnvironmentServing] = Field(default_factory=dict)


class Analysis(Frozen):
    """How often the canary is measured, and on how much traffic."""

    interval: Duration = "30s"
    count: Annotated[int, Field(ge=1, le=1000)] = 5
    min_requests: Annotated[int, Field(ge=1)] = 200


class RolloutSpec(Frozen):
    """How a release reaches all traffic."""

    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...] = (10, 50)
    traffic: Literal["live", "replay"] = "live"
    rps: Annotated[float, Field(ge=0)] | None = Field(None, description="requests a second that the service usually sees")
    when_unsure: Literal["pause", "abort"] = "pause"
    timeout: Duration = "10m"
    analysis: Analysis = Analysis()


class ModelSpec(Frozen):
    """One model's proposal: `models/<model>/model.yaml`."""

    description: str = ""
    owner: str
    task: Literal["binary", "multiclass", "regression"]
    data: DataSpec
    features: tuple[FeatureStep, ...] = ()
    estimator: EstimatorSpec
    search: SearchSpec | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    evaluation: EvaluationSpec = EvaluationSpec()
    gate: GateSpec = GateSpec()
    serving: ServingSpec = ServingSpec()
    rollout: RolloutSpec = RolloutSpec()
