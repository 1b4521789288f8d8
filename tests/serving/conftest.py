"""Trained models and a running server, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from serving_models import MIXED, MIXED_FEATURES, NUMBERS, Server, Trained, serving, trained

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", params=["skops", "onnx"])
def serves(request: pytest.FixtureRequest) -> str:
    """Give each serving format in turn: clients must not be able to tell them apart."""
    return str(request.param)


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory, serves: str) -> Trained:
    """Give a binary model of columns of every type."""
    return trained("binary", MIXED, MIXED_FEATURES, tmp_path_factory.mktemp("mixed"), serves)


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory, serves: str) -> Trained:
    """Give a model of three classes, all of whose columns are numbers."""
    return trained("multiclass", NUMBERS, [], tmp_path_factory.mktemp("classes"), serves)


@pytest.fixture(scope="session")
def costs(tmp_path_factory: pytest.TempPathFactory, serves: str) -> Trained:
    """Give a regression, all of whose columns are numbers."""
    return trained("regression", NUMBERS, [], tmp_path_factory.mktemp("costs"), serves)


@pytest.fixture(scope="module")
def server(mixed: Trained) -> Iterator[Server]:
    """Give a running server of the binary model."""
    with serving(mixed) as running:
        yield running
