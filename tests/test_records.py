"""Records: frozen, plain, and the same after a journey through JSON, whatever optional parts are there."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import random
import types
import typing
from collections.abc import Mapping
from typing import Any

import pytest

from release import records
from release.artifact.serial import canonical, digest_json, load
from release.records import Digest, Kind, Verdict

RECORDS = [one for _, one in inspect.getmembers(records, dataclasses.is_dataclass)]
EXAMPLES: dict[type, Any] = {
    str: ["", "text", 'ä "quoted"\n', "sha256:" + "0" * 64],
    int: [0, -3, 2**53],
    float: [0.0, -0.25, 0.1 + 0.2, 1e-300, 5e-324],
    bool: [True, False],
    type(None): [None],
}


def example(kind: Any, draw: random.Random) -> Any:
    """Return some value of a type that records use."""
    kind = getattr(kind, "__supertype__", kind)
    if typing.get_origin(kind) is not None:
        return composed(typing.get_origin(kind), typing.get_args(kind), draw)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: example(hints[field.name], draw) for field in dataclasses.fields(kind)})  # type: ignore[operator]
    return draw.choice(list(kind) if issubclass(kind, enum.Enum) else EXAMPLES[kind])


def composed(origin: Any, inside: tuple[Any, ...], draw: random.Random) -> Any:
    """Return some value of a union, a tuple or a mapping."""
    if origin in (typing.Union, types.UnionType):
        return example(draw.choice(inside), draw)
    count = draw.randint(0, 2)
    if origin is Mapping:
        return {f"k{number}": example(inside[1], draw) for number in range(count)}
    assert origin is tuple, f"no example of {origin}: add one"
    return tuple(example(one, draw) for one in (inside[:1] * count if inside[-1] is Ellipsis else inside))


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_record_comes_back_from_json_as_it_was(kind: type) -> None:
    """Forty random ones of each kind: equal, with the same bytes and so the same digest, from bytes and from a mapping."""
    for seed in range(40):
        record = example(kind, random.Random(seed))
        content = canonical(record)
        back = load(kind, content, where="x.json")
        assert back == record
        assert canonical(back) == content
        assert digest_json(back) == digest_json(record)
        assert load(kind, json.loads(content), where="x.json") == record


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_records_are_frozen_and_named(kind: type) -> None:
    """What a stage returned nobody changes, and no field is given by its position."""
    record = example(kind, random.Random(1))
    first = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, first, None)
    with pytest.raises(TypeError):
        kind("by position")


def test_the_records_of_all_stages_are_here() -> None:
    """A new stage brings its record, and the tests above find it by themselves."""
    names = {kind.__name__ for kind in RECORDS}
    assert {"Plan", "CheckRecord", "TrainRecord", "EvaluateRecord", "VerdictRecord", "ReportRecord"} <= names
    assert {"PackageRecord", "PromoteRecord", "Event"} <= names


def test_enums_are_written_as_people_write_them() -> None:
    """Values of the contract, as text."""
    assert [kind.value for kind in Kind] == ["train", "repackage", "redeploy", "policy", "test-set", "retire"]
    assert [verdict.value for verdict in Verdict] == ["PASS", "FAIL", "INCONCLUSIVE", "INVALID"]
    assert canonical({"a": Kind.TEST_SET, "b": Verdict.PASS}) == b'{"a":"test-set","b":"PASS"}'


def test_importing_records_needs_no_library() -> None:
    """They are on the path of `release plan`."""
    tree = inspect.getsource(records)
    imported = [line.split()[1].split(".")[0] for line in tree.splitlines() if line.startswith(("import ", "from "))]
    assert set(imported) <= {"__future__", "enum", "collections", "dataclasses", "typing"}


def test_a_verdict_record_has_the_names_of_the_contract() -> None:
    """Pipelines read these."""
    fields = {field.name for field in dataclasses.fields(records.VerdictRecord)}
    assert {"verdict", "model", "challenger", "champion", "alpha", "comparisons", "reasons", "test_set", "review"} <= fields
    assert [field.name for field in dataclasses.fields(records.TestSet)][:3] == ["digest", "looks", "budget"]
    assert {field.name for field in dataclasses.fields(records.Comparison)} >= {
        *("metric", "role", "slice", "n", "champion", "challenger", "difference", "low", "high", "level", "high_family"),
        *("margin", "p_value", "p_margin", "method", "verdict", "rows_needed"),
    }
    assert records.TestSet(digest=Digest("x"), looks=1, budget=2).looks == 1
