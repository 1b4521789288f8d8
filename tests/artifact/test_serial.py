"""Canonical JSON: one value, one text, one digest; and records read back with a place for what does not fit."""

from __future__ import annotations

import hashlib
import json
import math
import random
from pathlib import PurePosixPath
from typing import Any

import pytest

from release.artifact.serial import canonical, digest_json, digest_of, load, plain
from release.errors import BadInputError
from release.records import CheckRecord, Kind, ModelName, Plan, PlanItem, TestSet


def test_a_digest_is_sha256_of_the_bytes() -> None:
    """The digest of nothing is a well-known one."""
    assert digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_json({"b": 1, "a": [True, None]}) == "sha256:" + hashlib.sha256(b'{"a":[true,null],"b":1}').hexdigest()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        ([1, 2.5, -0.0, 1e-7, 1e22], "[1,2.5,-0.0,1e-07,1e+22]"),
        ({"ä": "é\n\u2028"}, '{"ä":"é\\n\u2028"}'),
        ((1, ("x",)), '[1,["x"]]'),
        ({1: "a", 10: "b"}, '{"1":"a","10":"b"}'),
        ({"path": PurePosixPath("a/b")}, '{"path":"a/b"}'),
        ([], "[]"),
        (None, "null"),
    ],
)
def test_there_is_one_way_to_write_a_value(value: Any, text: str) -> None:
    """UTF-8, fields sorted, no white space, floats as Python writes them exactly."""
    assert canonical(value) == text.encode()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_does_not_know_is_refused(number: float) -> None:
    """Other readers would take `NaN` for an error, or for text."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": [number]})


def test_order_of_fields_does_not_count_and_order_of_lists_does() -> None:
    """On random values, shuffled."""
    for seed in range(200):
        draw = random.Random(seed)
        pairs = [(f"k{number}", draw.choice([1, "x", None, [1, 2], {"a": 0.5}])) for number in range(6)]
        shuffled = draw.sample(pairs, k=len(pairs))
        assert canonical(dict(pairs)) == canonical(dict(shuffled))
        assert json.loads(canonical(dict(pairs))) == dict(pairs)
        assert (canonical(pairs) == canonical(shuffled)) == (pairs == shuffled)


def test_records_become_plain_values_all_the_way_down() -> None:
    """Records in tuples in records."""
    item = PlanItem(model=ModelName("m"), kind=Kind.TRAIN, why=("new", "ä"), inputs=None)
    assert plain({"plan": Plan(commit="c" * 40, base=None, items=(item,))}) == {  # type: ignore[arg-type]
        "plan": {
            "commit": "c" * 40,
            "base": None,
            "items": [{"model": "m", "kind": "train", "why": ["new", "ä"], "inputs": None}],
        }
    }


RIGHT: dict[str, Any] = {"model": "m", "key": "k", "train_rows": 1, "test_rows": 2, "columns": 3, "notes": ["n"]}


def test_a_record_is_read_back() -> None:
    """From bytes and from a mapping; what has a default may be left out."""
    expected = CheckRecord(model="m", key="k", train_rows=1, test_rows=2, columns=3, notes=("n",))  # type: ignore[arg-type]
    assert load(CheckRecord, json.dumps(RIGHT).encode(), where="x") == expected
    assert load(CheckRecord, RIGHT, where="x") == expected
    short = {name: value for name, value in RIGHT.items() if name != "notes"}
    assert load(CheckRecord, short, where="x").notes == ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"columns": "many"}, "columns"),
        ({"columns": 1.5}, "columns"),
        ({"notes": "n"}, "notes"),
        ({"notes": ["a", 1]}, "notes.1"),
        ({"model": None}, "model"),
    ],
)
def test_the_first_field_that_does_not_fit_is_named(change: dict[str, Any], field: str) -> None:
    """With the file and what to do: nobody edits records by hand."""
    with pytest.raises(BadInputError) as caught:
        load(CheckRecord, {**RIGHT, **change}, where="x.json")
    assert caught.value.where == "x.json"
    assert caught.value.what.startswith(f"this is no CheckRecord: {field}: ")
    assert caught.value.fix == "run the stage that writes it again"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"12", b"\xff", b'{"digest": "x"}'])
def test_what_is_no_record_at_all_is_told(content: bytes) -> None:
    """Damage of every kind is one kind of error."""
    with pytest.raises(BadInputError, match=r"^x\.json: this is no TestSet: "):
        load(TestSet, content, where="x.json")
