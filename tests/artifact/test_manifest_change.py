"""What differs between two renders, in words and as a diff: the chart's own renders, changed in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.artifact.manifest_change import ManifestChange, compare
from release.errors import BadInputError

GOLDEN = Path(__file__).resolve().parents[1] / "charts" / "golden"
NAME = "breast-cancer-staging"


def render(scenario: str = "canary", *pieces: str) -> str:
    text = (GOLDEN / scenario / "manifests.yaml").read_text()
    for old, new in zip(pieces[::2], pieces[1::2], strict=True):
        assert old in text, old
        text = text.replace(old, new)
    return text


def test_the_same_render_is_no_change() -> None:
    """Nothing is said, and there is no diff."""
    assert compare("staging", render(), render()) == ManifestChange(environment="staging")


TEN = "10% (really 17%, 1 of 6 pods)"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("replicas: 5", "replicas: 9", ("replicas: 5 → 9", f"canary: {TEN}, 50% → 10%, 50%")),
        ('cpu: "500m"', 'cpu: "2"', ("cpu: 500m → 2",)),
        ('memory: "1Gi"', 'memory: "2Gi"', ("memory: 1Gi → 2Gi",)),
        ("setWeight: 10", "setWeight: 20", (f"canary: {TEN}, 50% → 20%, 50%",)),
        ("result[0] <= 0.01", "result[0] <= 0.02", ("limit of error-rate: at most 0.01 → at most 0.02",)),
        ("count: 5", "count: 8", ("measurements: 5 every 30s → 8 every 30s",)),
        (">= 200)", ">= 300)", ("requests a measurement needs: 200 → 300",)),
        ("maxUnavailable: 1", "maxUnavailable: 2", (f"also different: PodDisruptionBudget/{NAME}",)),
        ("revisionHistoryLimit: 5", "revisionHistoryLimit: 6", (f"also different: Rollout/{NAME}",)),
    ],
)
def test_each_fact_is_told_with_old_and_new(old: str, new: str, words: tuple[str, ...]) -> None:
    """What has no words of its own is named by its object."""
    found = compare("staging", render(), render("canary", old, new))
    assert found.words == words
    assert "\n-" in found.diff


def test_without_steps_all_pods_are_replaced_at_once() -> None:
    """As when a verified release is restored."""
    found = compare("staging", render(), render("fast"))
    assert f"canary: {TEN}, 50% → none, all pods are replaced at once" in found.words


def test_digests_are_shortened_as_people_compare_them() -> None:
    """Image and model, by twelve digits."""
    found = compare("staging", render(), render("canary", "c" * 64, "d" * 64, "b" * 64, "e" * 64))
    assert found.words == (
        f"image: registry.example:5000/ml/breast-cancer@{'c' * 12} → registry.example:5000/ml/breast-cancer@{'d' * 12}",
        f"model: {'b' * 12} → {'e' * 12}",
    )


def test_a_new_version_is_told_once() -> None:
    """It is a label of every object, and would drown what else is different."""
    found = compare("staging", render(), render("canary", 'version: "v2"', 'version: "v3"'))
    assert found.words == ("version: v2 → v3",)
    assert [line for line in found.diff.splitlines() if line.startswith("diff ")] == [
        f"diff --git a/staging/Rollout/{NAME}.yaml b/staging/Rollout/{NAME}.yaml"
    ]


def test_objects_that_come_and_go_are_named() -> None:
    """An autoscaler takes the place of a number of replicas."""
    found = compare("staging", render("canary"), render("autoscaled"))
    assert any(word.startswith("autoscaler: ") for word in found.words)
    assert any(f"HorizontalPodAutoscaler/{NAME}" in word for word in found.words if word.startswith("new: "))
    back = compare("staging", render("autoscaled"), render("canary"))
    assert any(f"HorizontalPodAutoscaler/{NAME}" in word for word in back.words if word.startswith("gone: "))


def test_a_first_release_is_told_as_one() -> None:
    """There is nothing to compare with; what will be there is said, and shown."""
    found = compare("staging", None, render(), remarks=("mind the step",))
    assert found.words[0].startswith("the first release here, ")
    assert "version: v2" in found.words
    assert found.remarks == ("mind the step",)
    assert found.diff.count("new file mode") == found.diff.count("diff --git") > 5


def test_a_render_that_is_no_yaml_is_refused() -> None:
    """A template may print anything."""
    with pytest.raises(BadInputError, match="the chart renders what is not YAML"):
        compare("staging", None, "kind: [\n")
