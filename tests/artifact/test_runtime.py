"""What a runtime's labels say, held against what a model needs."""

from __future__ import annotations

import pytest

from release.artifact.runtime import unfit

VERSIONS = {"scikit-learn": "1.9.0", "numpy": "2.3.0"}
LABELS = {"release.runtime.scikit-learn": "1.9.0", "release.runtime.numpy": "2.1.0", "release.runtime.format": "skops"}


@pytest.mark.parametrize(
    ("labels", "serves", "said"),
    [
        (LABELS, "skops", ()),
        ({}, "skops", ()),
        ({}, "onnx", ()),
        (
            LABELS | {"release.runtime.scikit-learn": "1.8.2"},
            "skops",
            ("it has scikit-learn 1.8.2, the model was trained with 1.9.0",),
        ),
        (LABELS, "onnx", ("it serves skops, the model is onnx",)),
        ({"release.runtime.format": "onnx", "release.runtime.scikit-learn": "1.8.2"}, "onnx", ()),
    ],
)
def test_a_runtime_that_cannot_load_the_model_is_named_with_both_versions(
    labels: dict[str, str], serves: str, said: tuple[str, ...]
) -> None:
    """Only what the server refuses counts: scikit-learn for skops, and the format itself; silence is no refusal."""
    assert unfit(labels, VERSIONS, serves) == said
