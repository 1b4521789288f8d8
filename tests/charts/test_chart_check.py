"""`release check` and `release report` where helm, kubeconform and promtool are there: a small repository, by the CLI."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from cli.cli_running import commit_all, customers, edit, here, ok, start_repository
from support.git import git, isolate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Helm  # type: ignore[attr-defined]

MODEL = "models/churn/model.yaml"
VALUES = "charts/environments/production/churn.yaml"
GATE = "  primary: {metric: roc_auc, margin: 0.18}"
REPORT = ".release/reports/churn/report.md"


@pytest.fixture(scope="session")
def _tools(helm: Helm, kubeconform: str, promtool: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        for name, program in (("HELM", helm.program), ("KUBECONFORM", kubeconform), ("PROMTOOL", promtool)):
            patch.setenv(f"RELEASE_{name}", program)
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        yield


@pytest.fixture(scope="session")
def _shop(_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    start_repository(folder)
    (folder.parent / "customers.csv").write_text(customers())
    ok(here(folder, "init", "churn", "--from", "../customers.csv", "--target", "churned"))
    edit(folder, MODEL, GATE, GATE.replace("0.18", "0.2"))
    edit(folder, MODEL, "rollout: {traffic: replay}", "rollout: {rps: 40}")
    edit(folder, "release.yaml", "branch: deploy", "branch: main")
    commit_all(folder, "Start")
    ok(here(folder, "dry-run"))
    ok(here(folder, "promote", "--to", "staging"))
    return folder


@pytest.fixture
def shop(_tools: None, _shop: Path, tmp_path: Path) -> Path:
    """Give a repository whose model is in staging by the ledger, its values on main."""
    shutil.copytree(_shop, tmp_path / "shop", symlinks=True)
    return tmp_path / "shop"


def test_weights_of_whole_pods_are_notes(shop: Path) -> None:
    """A tenth of one replica is a half; all else of a drafted repository is in order."""
    told = ok(here(shop, "check"))
    lines = [line for line in told.out.splitlines() if line.startswith("  ")]
    assert "  staging: note: Rollout/churn-staging: step 1: 10% of 1 replica is really 50%: 1 of 2 pods; " in told.out
    assert all(": note: " in line for line in lines if "ing: " in line or "production: " in line)
    manifests = ok(here(shop, "check", "--json")).document["manifests"]
    assert [one["values"] for one in manifests] == ["charts/environments/staging/churn.yaml", f"{MODEL} in production"]
    assert {finding["severity"] for one in manifests for finding in one["findings"]} == {"note"}


@pytest.mark.parametrize(
    ("path", "old", "new", "where"),
    [
        ("templates/rollout.yaml", "progressDeadlineAbort: true", "progressDeadlineAbort: false", "Rollout/churn-staging"),
        ("templates/rollout.yaml", "revisionHistoryLimit", "revisionHistoryLimt", "Rollout/churn-staging: spec"),
        ("templates/_queries.tpl", "clamp_min({{ $x }}", "clamp_min(({{ $x }}", "promtool"),
        ("templates/rollout.yaml", "kind: Rollout", "kind: {{ fail `no` }}", "helm template"),
    ],
    ids=["our rules", "schemas", "PromQL", "helm"],
)
def test_a_chart_that_must_not_be_deployed_is_refused(shop: Path, path: str, old: str, new: str, where: str) -> None:
    """Whoever finds it: exit 2, whose values, which object, and every other error is told too."""
    edit(shop, f"charts/model/{path}", old, new)
    told = here(shop, "check")
    assert told.code == 2
    assert told.errors[0].startswith(f"error: charts/environments/staging/churn.yaml: {where}: "), told.err
    assert f"{MODEL} in production: {where}".replace("-staging", "-production") in told.err


def test_values_that_the_schema_refuses_are_refused_with_their_file(shop: Path) -> None:
    """Before Argo CD would say so, to nobody."""
    edit(shop, "charts/environments/staging/churn.yaml", "replicas: 1", "replicas: -1")
    told = here(shop, "check")
    assert told.code == 2
    assert told.errors[0].startswith("error: charts/environments/staging/churn.yaml: helm template: ")
    assert "replicas" in told.errors[0]


def test_kinds_without_a_schema_are_one_note(shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that has none of them says nothing against the chart."""
    monkeypatch.setenv("RELEASE_SCHEMAS", str(tmp_path))
    edit(shop, "charts/environments/staging/churn.yaml", "serving:\n", "prometheus: {rules: true}\n\nserving:\n")
    notes = ok(here(shop, "check", "--json")).document["notes"]
    assert [note for note in notes if "PrometheusRule" in note] == [
        "note: kubeconform: no schema of PrometheusRule can be had: not checked; name a copy with RELEASE_SCHEMAS"
    ]


def proposed(shop: Path) -> str:
    """Change chart, values and model on a branch, judge it against main, and return the comment."""
    git(shop, "switch", "-q", "-c", "change")
    edit(shop, "charts/model/values.yaml", "error_rate: 0.01", "error_rate: 0.02")
    edit(shop, "charts/environments/staging/churn.yaml", "replicas: 1", "replicas: 3")
    edit(shop, MODEL, "kind: logistic-regression", "kind: logistic-regression\n  params: {C: 0.5}")
    with (shop / MODEL).open("a") as file:
        file.write("serving: {memory: 1Gi}\n")
    commit_all(shop)
    here(shop, "dry-run", "--base", "main")
    return (shop / REPORT).read_text()


def test_a_pull_request_shows_what_it_would_deploy(shop: Path) -> None:
    """Base against head, per environment, in words and as a diff, without a cluster."""
    comment = proposed(shop)
    shown = comment.split("**What would be deployed**")[1].split("<details><summary>ROC")[0]
    staging, production = shown.split("<code>production</code>", 1)
    assert "replicas: 1 → 3" in staging
    assert "canary: 10% (really 50%, 1 of 2 pods), 50% → 10% (really 25%, 1 of 4 pods), 50%" in staging
    assert "limit of error-rate: at most 0.01 → at most 0.02" in staging
    assert "version: v1 → v2" in staging
    assert "serving&#46;&#8203;memory: 1Gi" in staging
    assert "says 512Mi" in staging
    assert "memory: 512Mi → 1Gi" in production  # no values file there yet: it will be drafted from model.yaml
    assert "replicas" not in production.split("<details>")[0]
    assert "```diff\n" in shown
    assert "+  replicas: 3\n" in shown
    page = (shop / REPORT.replace(".md", ".html")).read_text()
    assert "What would be deployed" in page


def test_the_summary_of_the_job_is_the_dry_runs_report(shop: Path) -> None:
    """`report --markdown` after `dry-run` is the same text, found and not made again."""
    comment = proposed(shop)
    told = ok(here(shop, "report", "--base", "main", "--markdown"))
    assert told.out == comment.rstrip("\n") + "\n"
    assert "churn: report reused" in told.err


def test_a_report_is_made_again_when_what_it_shows_changes(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base's chart, the values, or whether helm is there: all of it is in the key."""
    proposed(shop)
    monkeypatch.setenv("RELEASE_HELM", "")
    told = ok(here(shop, "report", "--base", "main", "--markdown"))
    assert "The manifests are not shown: helm is not installed here" in told.out.replace("&#8203;", "")
    assert "report reused" not in told.err


def test_nothing_to_deploy_is_said(shop: Path) -> None:
    """A change of the gate alone leaves every manifest as it is."""
    git(shop, "switch", "-q", "-c", "change")
    edit(shop, MODEL, "  looks: 5 ", "  looks: 6 ")
    commit_all(shop)
    here(shop, "dry-run", "--base", "main")
    assert "Nothing changes in the manifests of staging and production" in (shop / REPORT).read_text()
