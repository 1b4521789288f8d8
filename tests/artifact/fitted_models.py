"""One small fitted pipeline for every kind of model a release may hold; as a script, the digests of their canonical files.

`python fitted_models.py JOBS` trains with that many jobs and prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif, f_regression, mutual_info_classif, mutual_info_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, SVR

from release.artifact.canonical import dump
from release.artifact.serial import digest_of

ROWS = 120
WORDS = ["red", "green", "blue", "cat", "dog", "the", "of"]


def table() -> pd.DataFrame:
    """Make rows with numbers, gaps, categories, flags and words."""
    draw = np.random.default_rng(3)
    rows = pd.DataFrame({name: draw.normal(size=ROWS) for name in ("height", "weight", "age")})
    rows["colour"] = draw.choice(["red", "green", "blue"], ROWS, p=[0.5, 0.45, 0.05])
    rows["grade"] = draw.choice([1, 2], ROWS)
    rows["note"] = [" ".join(draw.choice(WORDS, 5)) for _ in range(ROWS)]
    rows.loc[::9, "height"] = np.nan
    rows["binary"] = np.where(rows["weight"] + draw.normal(size=ROWS) > 0, "yes", "no")
    rows["many"] = draw.integers(0, 3, ROWS)
    rows["amount"] = rows["weight"] * 2 + draw.normal(size=ROWS)
    return rows


FEATURES = ["height", "weight", "age", "colour", "grade", "note"]


def columns(*, jobs: int | None = None) -> ColumnTransformer:
    """Put every transformer there is on columns that suit it; dense output."""
    numbers = Pipeline(
        [
            ("impute", SimpleImputer(add_indicator=True)),
            ("scale", StandardScaler()),
            ("poly", PolynomialFeatures(2, include_bias=False)),
            ("range", MinMaxScaler()),
            ("robust", RobustScaler()),
            ("pca", PCA(4, random_state=0)),
        ]
    )
    bins = KBinsDiscretizer(3, random_state=0, quantile_method="averaged_inverted_cdf")
    rare = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20, drop="first", sparse_output=False)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return ColumnTransformer(
        [
            ("numbers", numbers, ["height", "weight"]),
            ("bins", bins, ["age"]),
            ("onehot", OneHotEncoder(handle_unknown="ignore"), ["colour", "grade"]),
            ("rare", rare, ["colour"]),
            ("ordinal", ordinal, ["colour"]),
            ("rest", "passthrough", ["age"]),
            ("words", TfidfVectorizer(max_features=5, stop_words=["of", "the"]), "note"),
        ],
        sparse_threshold=0,
        n_jobs=jobs,
    )


def words() -> ColumnTransformer:
    """Make a sparse matrix, from text alone."""
    return ColumnTransformer([("words", TfidfVectorizer(), "note")], sparse_threshold=1)


def pipelines(jobs: int | None = None) -> dict[str, tuple[str, Pipeline]]:
    """Build pipelines by name, with the column each predicts; `jobs` goes to whatever can work in parallel."""
    chosen = SelectKBest(partial(mutual_info_classif, random_state=0), k=4)
    informative = SelectKBest(partial(mutual_info_regression, random_state=0), k=4)
    found = {
        "logistic": ("binary", [SelectKBest(f_classif, k=6), LogisticRegression()]),
        "logistic-many": ("many", [chosen, LogisticRegression()]),
        "forest": ("binary", [RandomForestClassifier(4, random_state=0, n_jobs=jobs)]),
        "forest-many": ("many", [RandomForestClassifier(3, random_state=1, class_weight="balanced", n_jobs=jobs)]),
        "boosting": ("binary", [HistGradientBoostingClassifier(max_iter=4, random_state=0)]),
        "boosting-many": ("many", [HistGradientBoostingClassifier(max_iter=3, random_state=0)]),
        "svm": ("binary", [CalibratedClassifierCV(SVC(class_weight="balanced"), ensemble=False, cv=3, n_jobs=jobs)]),
        "svm-many": ("many", [CalibratedClassifierCV(SVC(kernel="poly"), method="isotonic", cv=3)]),
        "svm-probability": ("many", [SVC(probability=True, random_state=0)]),
        "neighbours": ("binary", [KNeighborsClassifier(algorithm="kd_tree", n_jobs=jobs)]),
        "neighbours-ball": ("many", [KNeighborsClassifier(algorithm="ball_tree", weights="distance", p=1)]),
        "neighbours-brute": ("many", [KNeighborsClassifier(algorithm="brute")]),
        "dummy": ("binary", [DummyClassifier()]),
        "ridge": ("amount", [SelectKBest(f_regression, k=5), Ridge()]),
        "ridge-mi": ("amount", [informative, Ridge()]),
        "forest-amount": ("amount", [RandomForestRegressor(3, random_state=0, n_jobs=jobs)]),
        "boosting-amount": ("amount", [HistGradientBoostingRegressor(max_iter=4, max_features=0.5, random_state=0)]),
        "svr": ("amount", [SVR()]),
        "neighbours-amount": ("amount", [KNeighborsRegressor(algorithm="kd_tree", p=3)]),
        "dummy-amount": ("amount", [DummyRegressor()]),
    }
    built = {
        name: (target, Pipeline([("columns", columns(jobs=jobs if name == "logistic" else None)), *_named(steps)]))
        for name, (target, steps) in found.items()
    }
    sparse = {"svm-sparse": SVC(), "neighbours-sparse": KNeighborsClassifier(), "logistic-sparse": LogisticRegression()}
    return built | {name: ("many", Pipeline([("words", words()), ("model", model)])) for name, model in sparse.items()}


def _named(steps: list[Any]) -> list[tuple[str, Any]]:
    return [(f"step{number}", step) for number, step in enumerate(steps)]


def fitted(jobs: int | None = None) -> dict[str, Pipeline]:
    """Fit the pipelines, by name."""
    rows = table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # SVC(probability=True) is on its way out
        return {name: model.fit(rows[FEATURES], rows[target]) for name, (target, model) in pipelines(jobs).items()}


def answers(model: Any, rows: pd.DataFrame) -> np.ndarray:
    """Ask the model for probabilities if it has them, else for predictions."""
    ask = model.predict_proba if hasattr(model, "predict_proba") else model.predict
    return ask(rows[FEATURES])


if __name__ == "__main__":
    print(json.dumps({name: digest_of(dump(model)) for name, model in fitted(int(sys.argv[1])).items()}))  # noqa: T201 (its output)
