"""The closed registry of estimators and feature steps: what each is called, for which tasks, with which typed parameters.

Only names and bounds live here, so that `release estimators` and `release schema` need no scikit-learn;
`release.learning` turns them into objects. Parameter names and defaults are scikit-learn's.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, le=1e9)]
NonNegative = Annotated[float, Field(ge=0, le=1e9)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Depth = Annotated[int, Field(ge=1, le=10_000)]


class Frozen(BaseModel):
    """What every configuration record shares: frozen, strict, and no field that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class LogisticRegressionParams(Frozen):
    """Linear model of the log-odds (`sklearn.linear_model.LogisticRegression`)."""

    C: Positive = Field(1.0, description="inverse of the regularisation strength")
    l1_ratio: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="0 is an L2 penalty, 1 is L1")
    class_weight: Literal["balanced"] | None = None
    fit_intercept: bool = True
    max_iter: Count = 1000
    tol: Positive = 1e-4


class RidgeParams(Frozen):
    """Least squares with an L2 penalty (`sklearn.linear_model.Ridge`)."""

    alpha: NonNegative = Field(1.0, description="strength of the penalty")
    fit_intercept: bool = True


class RandomForestParams(Frozen):
    """Averaged randomised trees (`sklearn.ensemble.RandomForest*`)."""

    n_estimators: Annotated[int, Field(ge=1, le=10_000)] = 100
    max_depth: Depth | None = None
    min_samples_split: Annotated[int, Field(ge=2, le=100_000)] = 2
    min_samples_leaf: Count = 1
    max_features: Literal["sqrt", "log2"] | Share | None = None
    class_weight: Literal["balanced", "balanced_subsample"] | None = None


class HistGradientBoostingParams(Frozen):
    """Gradient boosting on binned features (`sklearn.ensemble.HistGradientBoosting*`)."""

    learning_rate: Positive = 0.1
    max_iter: Annotated[int, Field(ge=1, le=10_000)] = 100
    max_leaf_nodes: Annotated[int, Field(ge=2, le=10_000)] | None = 31
    max_depth: Depth | None = None
    min_samples_leaf: Count = 20
    l2_regularization: NonNegative = 0.0
    max_bins: Annotated[int, Field(ge=2, le=255)] = 255
    early_stopping: bool = False


class SvmParams(Frozen):
    """Support vector machine (`sklearn.svm.SVC` calibrated by folds, or `SVR`)."""

    C: Positive = 1.0
    kernel: Literal["linear", "rbf", "poly", "sigmoid"] = "rbf"
    gamma: Literal["scale", "auto"] | Positive = "scale"
    degree: Annotated[int, Field(ge=1, le=10)] = 3
    class_weight: Literal["balanced"] | None = None


class KNearestNeighboursParams(Frozen):
    """Votes or averages of the nearest training rows (`sklearn.neighbors.KNeighbors*`)."""

    n_neighbors: Count = 5
    weights: Literal["uniform", "distance"] = "uniform"
    p: Annotated[float, Field(ge=1, le=10)] = Field(2.0, description="1 is Manhattan, 2 Euclidean distance")


class DummyParams(Frozen):
    """The baseline that looks at no feature: class shares, or the mean (`sklearn.dummy.Dummy*`)."""


class LogisticRegressionSpec(Frozen):
    """`kind: logistic-regression`."""

    kind: Literal["logistic-regression"]
    params: LogisticRegressionParams = LogisticRegressionParams()


class RidgeSpec(Frozen):
    """`kind: ridge`."""

    kind: Literal["ridge"]
    params: RidgeParams = RidgeParams()


class RandomForestSpec(Frozen):
    """`kind: random-forest`."""

    kind: Literal["random-forest"]
    params: RandomForestParams = RandomForestParams()


class HistGradientBoostingSpec(Frozen):
    """`kind: hist-gradient-boosting`."""

    kind: Literal["hist-gradient-boosting"]
    params: HistGradientBoostingParams = HistGradientBoostingParams()


class SvmSpec(Frozen):
    """`kind: svm`."""

    kind: Literal["svm"]
    params: SvmParams = SvmParams()


class KNearestNeighboursSpec(Frozen):
    """`kind: k-nearest-neighbours`."""

    kind: Literal["k-nearest-neighbours"]
    params: KNearestNeighboursParams = KNearestNeighboursParams()


class DummySpec(Frozen):
    """`kind: dummy`."""

    kind: Literal["dummy"]
    params: DummyParams = DummyParams()


EstimatorSpec = Annotated[
    LogisticRegressionSpec
    | RidgeSpec
    | RandomForestSpec
    | HistGradientBoostingSpec
    | SvmSpec
    | KNearestNeighboursSpec
    | DummySpec,
    Field(discriminator="kind"),
]

CLASSIFICATION = ("binary", "multiclass")
ESTIMATORS: dict[str, tuple[type[Frozen], tuple[str, ...]]] = {
    "logistic-regression": (LogisticRegressionParams, CLASSIFICATION),
    "ridge": (RidgeParams, ("regression",)),
    "random-forest": (RandomForestParams, (*CLASSIFICATION, "regression")),
    "hist-gradient-boosting": (HistGradientBoostingParams, (*CLASSIFICATION, "regression")),
    "svm": (SvmParams, (*CLASSIFICATION, "regression")),
    "k-nearest-neighbours": (KNearestNeighboursParams, (*CLASSIFICATION, "regression")),
    "dummy": (DummyParams, (*CLASSIFICATION, "regression")),
}
"""Each estimator's parameters and the tasks it can do."""

Columns = Annotated[
    str | tuple[str, ...],
    Field(description="a column, a glob, a list of them, or one of numeric, categorical, text, all"),
]


class Impute(Frozen):
    """Fill missing values."""

    columns: Columns = "numeric"
    strategy: Literal["mean", "median", "most-frequent", "constant"] = "median"
    value: float | str | None = Field(None, description="the constant, for strategy constant")
    indicator: bool = Field(default=False, description="add a column that says where a value was missing")


class Scale(Frozen):
    """Bring numeric columns to one scale."""

    columns: Columns = "numeric"
    method: Literal["standard", "min-max", "robust"] = "standard"


class OneHot(Frozen):
    """One column a category; categories unseen in training become all zeros."""

    columns: Columns = "categorical"
    min_frequency: Count | None = None
    drop: Literal["first", "if-binary"] | None = None


class Ordinal(Frozen):
    """Categories as whole numbers; unseen ones become -1."""

    columns: Columns = "categorical"


class Polynomial(Frozen):
    """Products and powers of numeric columns."""

    columns: Columns = "numeric"
    degree: Annotated[int, Field(ge=2, le=4)] = 2
    interaction_only: bool = False


class Bin(Frozen):
    """Cut numeric columns into bins."""

    columns: Columns = "numeric"
    bins: Annotated[int, Field(ge=2, le=255)] = 5
    strategy: Literal["quantile", "uniform"] = "quantile"


class TfIdf(Frozen):
    """Words of one text column, weighted by term frequency and inverse document frequency."""

    columns: Columns = "text"
    max_features: Count | None = 10_000
    ngrams: Annotated[int, Field(ge=1, le=3)] = 1


class Select(Frozen):
    """Keep the columns that say most about the target, judged one at a time on the training rows."""

    method: Literal["f-test", "mutual-information"] = "f-test"
    keep: Count = 20


class Pca(Frozen):
    """Project everything so far on its principal components."""

    components: Count | Share = Field(0.95, description="a number of components, or the share of variance to keep")


class FeatureStep(Frozen):
    """One step, named by its only key; steps run in the order of the list."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    impute: Impute | None = None
    scale: Scale | None = None
    one_hot: OneHot | None = Field(None, alias="one-hot")
    ordinal: Ordinal | None = None
    polynomial: Polynomial | None = None
    bin: Bin | None = None
    tf_idf: TfIdf | None = Field(None, alias="tf-idf")
    select: Select | None = None
    pca: Pca | None = None

    @property
    def step(self) -> Impute | Scale | OneHot | Ordinal | Polynomial | Bin | TfIdf | Select | Pca:
        """The one step that is set."""
        steps = (
            *(self.impute, self.scale, self.one_hot, self.ordinal, self.polynomial),
            *(self.bin, self.tf_idf, self.select, self.pca),
        )
        return next(step for step in steps if step is not None)
