"""What a serving runtime's image says of itself, and whether a model can run in it.

Pure. How the image is built and labelled is `release.adapters.images`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "release.runtime"
VERSION = f"{PREFIX}.version"
FORMAT = f"{PREFIX}.format"
_LOADS = {"skops": ("scikit-learn",)}
"""The libraries of which the server refuses another version than the one that trained the model, by serving format."""


def unfit(labels: Mapping[str, str], versions: Mapping[str, str], serves: str) -> tuple[str, ...]:
    """Say in words why an image with these labels cannot serve a model: nothing when it can, or does not say what it has.

    `versions` are those of the libraries that trained the model, `serves` is its format.
    """
    has = labels.get(FORMAT, serves)
    said = [] if has == serves else [f"it serves {has}, the model is {serves}"]
    for name in _LOADS.get(serves, ()):
        there, needed = labels.get(f"{PREFIX}.{name}"), versions.get(name)
        if there is not None and there != needed:
            said.append(f"it has {name} {there}, the model was trained with {needed}")
    return tuple(said)
