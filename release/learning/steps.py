"""Feature steps as scikit-learn transformers: one closed match, nothing looked up by name.

Only types that a canonical model file may hold are used: no lambdas, no transformer that calls back into our own code.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif, f_regression, mutual_info_classif, mutual_info_regression
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from release.config.estimators import Bin, Impute, OneHot, Ordinal, Pca, Polynomial, Scale, Select, TfIdf
from release.learning.seeds import derive

if TYPE_CHECKING:
    from release.learning.columns import Named, Whole
    from release.learning.rows import Task

_SCALERS: dict[str, type] = {"standard": StandardScaler, "min-max": MinMaxScaler, "robust": RobustScaler}
# scikit-learn 1.7 asks to name the method of quantiles, 1.6 does not know the word.
_QUANTILES: dict[str, Any] = (
    {"quantile_method": "averaged_inverted_cdf"} if "quantile_method" in signature(KBinsDiscretizer).parameters else {}
)


def transformer(step: Named | Whole, *, task: Task, seed: int) -> Any:  # noqa: PLR0911 (one return a step)
    """Return the unfitted transformer of a step, seeded where it draws."""
    match step:
        case Impute():
            # keep_empty_features: a fold without a single value must not lose the column.
            return SimpleImputer(
                strategy=step.strategy.replace("-", "_"),
                fill_value=step.value,
                add_indicator=step.indicator,
                keep_empty_features=True,
            )
        case Scale():
            return _SCALERS[step.method]()
        case OneHot():
            drop = None if step.drop is None else step.drop.replace("-", "_")
            return OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=step.min_frequency, drop=drop)
        case Ordinal():
            return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
        case Polynomial():
            return PolynomialFeatures(step.degree, interaction_only=step.interaction_only, include_bias=False)
        case Bin():
            chosen = derive(seed, "bin")
            quantiles = _QUANTILES if step.strategy == "quantile" else {}
            return KBinsDiscretizer(
                step.bins, encode="onehot-dense", strategy=step.strategy, random_state=chosen, **quantiles
            )
        case TfIdf():
            return TfidfVectorizer(max_features=step.max_features, ngram_range=(1, step.ngrams))
        case Select():
            return SelectKBest(_judge(step, task, seed), k=step.keep)
        case Pca():
            # The full decomposition draws nothing; a share of 1.0 means all, which scikit-learn spells None.
            share = isinstance(step.components, float)
            return PCA(None if share and step.components == 1 else step.components, svd_solver="full")


def as_it_is() -> Any:
    """Return the transformer that changes nothing, for columns that no step touches.

    A ColumnTransformer's own "passthrough" becomes a transformer around a function when it is fitted; this stays data.
    """
    return StandardScaler(with_mean=False, with_std=False)


def _judge(step: Select, task: Task, seed: int) -> Any:
    if step.method == "f-test":
        return f_regression if task == "regression" else f_classif
    # Mutual information adds a little noise to break ties, and would draw it from the process's global stream.
    judge = mutual_info_regression if task == "regression" else mutual_info_classif
    return partial(judge, random_state=derive(seed, "select"))
