"""Trained models and a running server, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from serving_models import MIXED, MIXED_FEATURES, NUMBERS, Server, Trained, serving, trained

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Give a binary model of columns of every type."""
    return trained("binary", MIXED, MIXED_FEATURES, tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Give a model of three classes, all of whose columns are numbers."""
    return trained("multiclass", NUMBERS, [], tmp_path_factory.mktemp("classes"))


@pytest.fixture(scope="session")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Give a regression, all of whose columns are numbers."""
    return trained("regression", NUMBERS, [], tmp_path_factory.mktemp("costs"))


@pytest.fixture(scope="module")
def server(mixed: Trained) -> Iterator[Server]:
    """Give a running server of the binary model."""
    with serving(mixed) as running:
        yield running
