"""The closed list of what a model file may hold, by the way skops builds it. Names only; nothing is imported here.

A type is added together with a look at what its compiled code trusts: if it follows an index that the file supplies,
`release.artifact.structure` must check that index first. The list in a file is never read.
"""

from __future__ import annotations


def _names(module: str, names: str) -> set[str]:
    return {f"{module}.{name}" for name in names.split()}


ESTIMATORS = frozenset(
    _names("sklearn.pipeline", "Pipeline")
    | _names("sklearn.compose._column_transformer", "ColumnTransformer")
    | _names("sklearn.impute._base", "SimpleImputer MissingIndicator")
    | _names("sklearn.preprocessing._data", "StandardScaler MinMaxScaler RobustScaler")
    | _names("sklearn.preprocessing._polynomial", "PolynomialFeatures")
    | _names("sklearn.preprocessing._discretization", "KBinsDiscretizer")
    | _names("sklearn.preprocessing._encoders", "OneHotEncoder OrdinalEncoder")
    | _names("sklearn.preprocessing._function_transformer", "FunctionTransformer")
    | _names("sklearn.preprocessing._label", "LabelEncoder")
    | _names("sklearn.feature_extraction.text", "TfidfVectorizer TfidfTransformer")
    | _names("sklearn.feature_selection._univariate_selection", "SelectKBest")
    | _names("sklearn.decomposition._pca", "PCA")
    | _names("sklearn.linear_model._logistic", "LogisticRegression")
    | _names("sklearn.linear_model._ridge", "Ridge")
    | _names("sklearn.tree._classes", "DecisionTreeClassifier DecisionTreeRegressor")
    | _names("sklearn.ensemble._forest", "RandomForestClassifier RandomForestRegressor")
    | _names(
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting",
        "HistGradientBoostingClassifier HistGradientBoostingRegressor",
    )
    | _names("sklearn.svm._classes", "SVC SVR")
    | _names("sklearn.calibration", "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration")
    | _names("sklearn.isotonic", "IsotonicRegression")
    | _names("sklearn.neighbors._classification", "KNeighborsClassifier")
    | _names("sklearn.neighbors._regression", "KNeighborsRegressor")
    | _names("sklearn.dummy", "DummyClassifier DummyRegressor")
)

PARTS = frozenset(
    _names("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper")
    | _names("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor")
    | _names("sklearn._loss.link", "IdentityLink Interval LogitLink MultinomialLogit")
    | _names("sklearn._loss.loss", "HalfBinomialLoss HalfMultinomialLoss HalfSquaredError")
    | _names("sklearn.neighbors._kd_tree", "KDTree")
    | _names("sklearn.neighbors._ball_tree", "BallTree")
    | _names("sklearn.metrics._dist_metrics", "EuclideanDistance64 ManhattanDistance64 MinkowskiDistance64")
)

SCALARS = frozenset(_names("numpy", "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 str_"))

ALLOWED: dict[str, frozenset[str]] = {
    "JsonNode": frozenset({"builtins.str"}),
    "DictNode": frozenset({"builtins.dict"}),
    "ListNode": frozenset({"builtins.list"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "SetNode": frozenset({"builtins.set"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "NdArrayNode": frozenset({"numpy.ndarray"}) | SCALARS,
    "SparseMatrixNode": frozenset(_names("scipy.sparse._csr", "csr_matrix csr_array")),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "TypeNode": frozenset(_names("builtins", "str int float bool")) | SCALARS,
    "FunctionNode": frozenset(
        _names("sklearn.feature_selection._univariate_selection", "f_classif f_regression")
        | _names("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression")
    ),
    "PartialNode": frozenset({"functools.partial"}),
    "ObjectNode": ESTIMATORS | PARTS,
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "LossNode": frozenset(_names("sklearn._loss._loss", "CyHalfBinomialLoss CyHalfMultinomialLoss CyHalfSquaredError")),
}

TRUSTED: list[str] = sorted(set().union(*ALLOWED.values()))

KEY_TYPES = frozenset({"builtins.str", "builtins.int"})
"""What the keys of a dictionary may be; JSON writes both without loss."""

FIXED_ATTRIBUTES: dict[str, object] = {
    "n_jobs": None,  # how many processes trained it
    "n_threads": 1,  # the CPU count of the machine that trained it, kept by histogram boosting
    "_feature_subsample_rng": None,  # histogram boosting, only used to train on
    "_stop_words_id": None,  # a memory address, kept by text vectorisers
}
"""Attributes that say something of the training run and nothing of the model, and what is written instead."""
