"""`release check` on what people would deploy, on a machine without helm; with it: tests/charts/test_chart_check.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_running import commit_all, customers, edit, here, ok
from support.git import git

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "models/churn/model.yaml"
VALUES = "charts/environments/staging/churn.yaml"
NO_HELM = "note: manifests were not rendered, nor linted: helm is not installed (PATH, RELEASE_HELM)"


def test_what_cannot_be_looked_at_is_one_note(shop: Path) -> None:
    """Never silence, and never a failure: the rest is checked."""
    told = ok(here(shop, "check"))
    assert told.out.splitlines().count(NO_HELM) == 1
    document = ok(here(shop, "check", "--json")).document
    assert NO_HELM in document["notes"]
    assert [(one["model"], one["environment"]) for one in document["manifests"]] == [
        (model, environment) for model in ("churn", "spend") for environment in ("staging", "production")
    ]


def test_a_program_that_is_not_there_is_a_mistake(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names one wants it; nothing goes on as if it had never been said."""
    monkeypatch.setenv("RELEASE_HELM", "/nowhere/helm")
    told = here(shop, "check")
    assert told.code == 2
    assert told.errors == [
        "error: RELEASE_HELM: '/nowhere/helm' is no program; correct it, or set it to nothing to do without helm"
    ]


@pytest.mark.parametrize(
    ("rollout", "what"),
    [
        ("", "live traffic is to judge the canary, and rollout.rps does not say how much there is"),
        (
            "rollout: {rps: 1, steps: [50]}\n",
            (
                "live traffic cannot judge the canary: 1 requests/s x 50% (1 of 2 pods) x 150 s are 75, "
                "and a measurement needs 200; rollout.analysis.count: 14 would do, a step of 420 s"
            ),
        ),
    ],
)
def test_live_traffic_that_cannot_judge_is_refused(shop: Path, rollout: str, what: str) -> None:
    """In every environment that asks for it, by the numbers; nothing has to be rendered for that."""
    edit(shop, MODEL, "rollout: {rps: 40}\n", rollout)
    told = here(shop, "check", "churn")
    assert told.code == 2
    assert told.errors[0].startswith(f"error: {MODEL} in staging: rollout: {what}")
    assert f"{MODEL} in production: rollout: {what}" in told.err


def test_replayed_requests_need_no_traffic(shop: Path) -> None:
    """By the model, or by the environment in release.yaml."""
    edit(shop, MODEL, "rollout: {rps: 40}", "rollout: {traffic: replay}")
    ok(here(shop, "check", "churn"))
    edit(shop, MODEL, "rollout: {traffic: replay}\n", "")
    edit(shop, "release.yaml", "name: staging,", "name: staging, traffic: replay,")
    assert here(shop, "check", "churn").errors[0].startswith(f"error: {MODEL} in production: ")


def test_values_on_the_deploy_branch_are_told_and_do_not_refuse_a_change_here(served: Path) -> None:
    """They are corrected there: no change to this tree could."""
    git(served, "switch", "-q", "deploy")
    edit(served, VALUES, "rps: 40.0", "rps: 0.1")
    commit_all(served)
    git(served, "switch", "-q", "main")
    told = ok(here(served, "check", "churn"))
    [line] = [one for one in told.out.splitlines() if one.startswith("  staging: note: rollout: live traffic cannot judge")]
    assert "0.1 requests/s" in line


def test_serving_in_an_environment_that_is_not_there(shop: Path) -> None:
    """By line and column, with the nearest name."""
    with (shop / MODEL).open("a") as file:
        file.write("serving: {environments: {stagign: {replicas: 2}}}\n")
    lines = len((shop / MODEL).read_text().splitlines())
    told = here(shop, "check", "churn")
    assert (told.code, told.errors) == (
        2,
        [f'error: {MODEL}:{lines}:26: release.yaml has no environment "stagign"; did you mean "staging"?'],
    )


def test_what_init_drafts_passes(shop: Path) -> None:
    """Nobody has said how much traffic there is: requests are replayed until somebody does."""
    (shop.parent / "customers.csv").write_text(customers(seed=8))
    ok(here(shop, "init", "second", "--from", "../customers.csv", "--target", "churned"))
    assert "rollout: {traffic: replay}" in (shop / "models/second/model.yaml").read_text()
    ok(here(shop, "check", "second"))


@pytest.fixture
def deployed(shop: Path) -> Path:
    """Give the shop with its values on main, where a promotion to staging waits for a cluster."""
    edit(shop, "release.yaml", "branch: deploy", "branch: main")
    commit_all(shop)
    ok(here(shop, "dry-run", "churn"))
    ok(here(shop, "promote", "churn", "--to", "staging"))
    edit(shop, "release.yaml", "oci:.release/registry", "127.0.0.1:9/ml")
    commit_all(shop)
    git(shop, "switch", "-q", "-c", "change")
    edit(shop, VALUES, "replicas: 1", "replicas: 2")
    commit_all(shop)
    return shop


def test_an_edit_of_values_waits_until_the_release_is_settled(deployed: Path) -> None:
    """It would start the canary anew, which may just have failed."""
    told = here(deployed, "check", "--base", "main")
    assert told.code == 6
    [line] = told.errors
    assert line == (
        f"error: {VALUES}: v1, promoted on 2026-01-31T12:00:00Z, is not settled yet, and an edit would start its canary "
        "anew; wait until `release reconcile` has verified or restored it"
    )


def test_where_no_cluster_can_pull_the_image_nothing_has_to_settle(deployed: Path) -> None:
    """A demonstration with its images in a folder is never verified."""
    edit(deployed, "release.yaml", "127.0.0.1:9/ml", "oci:.release/registry")
    commit_all(deployed)
    ok(here(deployed, "check", "--base", "main"))


def test_another_file_may_change_meanwhile(deployed: Path) -> None:
    """Only that environment's values of that model wait."""
    git(deployed, "switch", "-q", "-c", "other", "main")
    edit(deployed, MODEL, "seed: 1", "seed: 2")
    commit_all(deployed)
    ok(here(deployed, "check", "--base", "main"))
