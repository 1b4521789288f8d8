"""What differs between two models' manifests, as people read it."""

from __future__ import annotations

from typing import Any

from release.artifact.model import Column, ModelManifest
from release.artifact.signature import changes, described
from release.records import SignatureChange


def manifest(*columns: Column, **fields: Any) -> ModelManifest:
    given = {"task": "multiclass", "target": "y", "classes": ("a", "b"), **fields}
    return ModelManifest(format="skops", files={}, columns=columns, versions={}, **given)


def test_equal_manifests_differ_in_nothing() -> None:
    """Versions and files are no signature."""
    one = manifest(Column(name="x", type="float"))
    assert changes(one, one) == ()


def test_each_way_in_which_a_column_can_differ() -> None:
    """New, gone, another type, other bounds, other values, more missing; in the challenger's order, what is gone last."""
    old = manifest(
        Column(name="gone", type="bool"),
        Column(name="typed", type="int"),
        Column(name="bound", type="float", min=0, max=1),
        Column(name="valued", type="category", values=("u", "v")),
        Column(name="kept", type="text"),
    )
    new = manifest(
        Column(name="new", type="float", min=0),
        Column(name="typed", type="category"),
        Column(name="bound", type="float", min=0, max=2.5, missing=0.2),
        Column(name="valued", type="category", values=("u", "v", "w")),
        Column(name="kept", type="text"),
    )
    assert changes(old, new) == (
        SignatureChange(what="new", champion=None, challenger="float, 0 to any"),
        SignatureChange(what="typed", champion="int", challenger="category"),
        SignatureChange(what="bound", champion="float, 0 to 1", challenger="float, 0 to 2.5, up to 20% missing"),
        SignatureChange(what="valued", champion="category, one of u, v", challenger="category, one of u, v, w"),
        SignatureChange(what="gone", champion="bool", challenger=None),
    )


def test_what_a_model_answers_counts_too() -> None:
    """Classes, the positive one, target and format."""
    old = manifest(classes=("0", "1"), positive="1", task="binary")
    new = manifest(classes=("no", "yes"), positive="yes", task="binary", target="churned")
    found = {one.what: (one.champion, one.challenger) for one in changes(old, new)}
    assert found == {"target": ("y", "churned"), "classes": ("0, 1", "no, yes"), "positive class": ("1", "yes")}


def test_ranges_of_training_stand_beside_the_contract() -> None:
    """Where the caller knows that they moved."""
    one = manifest(Column(name="x", type="float", min=0), Column(name="z", type="int"))
    [found] = changes(one, one, seen={"x": ("1 to 2", "1 to 90")})
    assert found.champion == "float, 0 to any; trained on 1 to 2"
    assert found.challenger == "float, 0 to any; trained on 1 to 90"


def test_a_family_with_the_same_change_is_one_line() -> None:
    """784 pixels are no 784 lines."""
    old, new = (manifest(*(Column(name=f"p{n}", type="int", max=top) for n in range(64))) for top in (16, 255))
    [found] = changes(old, new)
    assert (found.what, found.champion, found.challenger) == ("p0 and 63 more columns", "int, any to 16", "int, any to 255")


def test_long_lists_are_cut() -> None:
    """A hundred categories are six, and a number."""
    assert described(Column(name="c", type="category", values=tuple(f"v{n}" for n in range(100)))).endswith("v5 and 94 more")
