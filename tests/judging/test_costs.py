"""What a gate says of classes, held against the classes there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from release.config.model import GateSpec, Guard, Primary, Slice
from release.errors import BadInputError
from release.judging.costs import cost_matrix, refuse_unfit

if TYPE_CHECKING:
    from release.config.source import Path


def at(path: Path) -> str:
    return ".".join(map(str, path))


def test_costs_become_a_matrix_in_the_order_of_the_classes() -> None:
    """True class first; what is not written costs nothing, and a right label may cost something."""
    costs = {"ill": {"well": 50.0, "ill": 2.0}, "well": {"ill": 5.0}}
    assert cost_matrix(costs, ("well", "ill"), at) == ((0.0, 5.0), (50.0, 2.0))
    assert cost_matrix({"c": {"a": 1.0}}, ("a", "b", "c"), at) == ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    assert cost_matrix({}, ("well", "ill"), at) is None


def test_a_class_may_be_written_in_another_way() -> None:
    """Labels are matched by value: numbers as numbers, true and false in any case."""
    assert cost_matrix({"1": {"0": 3.0}}, ("0.0", "1.0"), at) == ((0.0, 0.0), (3.0, 0.0))
    assert cost_matrix({"true": {"false": 3.0}}, ("False", "True"), at) == ((0.0, 0.0), (3.0, 0.0))


@pytest.mark.parametrize(
    ("costs", "line"),
    [
        (
            {"il": {"well": 1.0}},
            'gate.costs.il: "il" in gate.costs is no class of the target; did you mean "ill"? one of: well, ill',
        ),
        ({"ill": {"7": 1.0}}, 'gate.costs.ill.7: "7" in gate.costs is no class of the target; one of: well, ill'),
    ],
)
def test_a_class_that_does_not_exist_is_refused_where_it_is_written(costs: dict[str, dict[str, float]], line: str) -> None:
    """A cost that no row can have would hold nobody."""
    with pytest.raises(BadInputError) as caught:
        cost_matrix(costs, ("well", "ill"), at)
    assert str(caught.value) == line


def test_a_class_that_is_named_twice_is_refused() -> None:
    """Two spellings of one class would leave open which of the two costs counts."""
    with pytest.raises(BadInputError) as caught:
        cost_matrix({"1": {"0": 1.0}, "1.0": {"0": 2.0}}, ("0", "1"), at)
    assert str(caught.value) == 'gate.costs.1.0: "1" is twice in gate.costs; name it once'


@pytest.mark.parametrize(
    ("gate", "where"),
    [
        (GateSpec(primary=Primary(metric="top_3_accuracy", margin=0.1)), "gate.primary.metric"),
        (GateSpec(guards=(Guard(metric="top_3_accuracy", margin=0.1),)), "gate.guards.0.metric"),
        (
            GateSpec(slices=(Slice(name="s", where={"a": 1}, metric="top_3_accuracy", margin=0.1),)),
            "gate.slices.0.metric",
        ),
        (GateSpec(floors={"accuracy": 0.5, "top_3_accuracy": 0.9}), "gate.floors.top_3_accuracy"),
    ],
)
def test_more_places_than_classes_are_refused_where_they_are_written(gate: GateSpec, where: str) -> None:
    """Of three classes the true one is always among three; of four it need not be."""
    refuse_unfit(gate, ("a", "b", "c", "d"), at)
    with pytest.raises(BadInputError) as caught:
        refuse_unfit(gate, ("a", "b", "c"), at)
    assert str(caught.value) == f"{where}: top_3_accuracy of 3 classes is always 1; use a smaller k, or accuracy"


def test_a_gate_of_a_number_has_no_classes_to_fit() -> None:
    """Regression has none, and none are asked for."""
    refuse_unfit(GateSpec(primary=Primary(metric="mae", margin=0.1)), (), at)
