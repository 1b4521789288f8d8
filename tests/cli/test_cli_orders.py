"""What people order after a promotion, and what a cluster's word does to it: exit codes, lines and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cli_running import commit_all, edit, here, ledger, ok, scalar
from support.git import git

from release.adapters.deploy_branch import open_branch
from release.artifact import ledger as events
from release.artifact.actions import Follow, Mode, Next
from release.cli.following import Board, carried, followed
from release.cli.wiring import Workspace
from release.config.names import environment_name
from release.errors import BadInputError
from release.records import EventKind, ModelName

if TYPE_CHECKING:
    from pathlib import Path

LEDGER = "charts/environments/ledger/churn.jsonl"
VALUES = "charts/environments/staging/churn.yaml"
OTHER = ("kind: logistic-regression", "kind: logistic-regression\n  params: {C: 0.5}")
PRODUCTION = "  - {name: production, after: staging, soak: 24h, promote: pull-request, approvals: {count: 1}}"


def verify(shop: Path, environment: str = "staging") -> None:
    """Write the event that a content cluster would bring about."""
    workspace = Workspace.here()
    branch = open_branch(shop, ".", "deploy", shop / ".release/deploy")
    tip = branch.tip(fetch=True)
    parsed = events.parse(branch.read(tip, LEDGER) or b"", LEDGER)
    one = events.serving(parsed, environment_name(environment))
    assert one
    grown, _ = events.append(
        parsed,
        EventKind.VERIFIED,
        at=workspace.clock.now(),
        model=ModelName("churn"),
        environment=environment_name(environment),
        operation=one.operation,
        release=one.release,
        commit=one.commit,
    )
    made = branch.commit(tip, {LEDGER: grown.content}, "Verified\n", workspace.clock.now())
    assert branch.publish(made, tip)


@pytest.fixture
def proven(served: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the shop with `churn` v1 verified in staging."""
    monkeypatch.chdir(served)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    verify(served)
    return served


def second(shop: Path) -> None:
    """Promote v2 to staging."""
    edit(shop, "models/churn/model.yaml", *OTHER)
    commit_all(shop, "Another one")
    ok(here(shop, "dry-run", "churn"))
    ok(here(shop, "promote", "churn", "--to", "staging"))


def test_a_rollback_by_night_and_what_follows(proven: Path) -> None:
    """One command back; then held, refused, resumed and readmitted, each once and each with its line."""
    second(proven)
    told = ok(here(proven, "rollback", "churn", "--json")).document
    assert [event["kind"] for event in told["events"]] == ["rejected", "held", "restored"]
    assert told["environment"] == "staging"
    assert scalar(proven, VALUES, "version") == "v1"
    assert scalar(proven, VALUES, "fast") == "true"
    again = ok(here(proven, "rollback", "churn")).out
    assert again.endswith("name another by --to; nothing to do\n")
    refused = here(proven, "promote", "churn", "--to", "staging")
    assert refused.code == 4
    assert "staging rejected this release" in refused.err
    lifted = ok(here(proven, "override", "churn", "--kind", "rejected", "--reason", "was Prometheus", "--json")).document
    assert [event["release"]["version"] for event in lifted["events"]] == ["v2"]
    held = here(proven, "promote", "churn", "--to", "staging", "--automatic")
    assert (held.code, "staging is held since" in held.err) == (4, True)
    ok(here(proven, "resume", "churn", "--env", "staging"))
    assert "not held; nothing to do" in ok(here(proven, "resume", "churn", "--env", "staging")).out
    ok(here(proven, "promote", "churn", "--to", "staging", "--automatic"))
    assert scalar(proven, VALUES, "version") == "v2"


def test_an_override_needs_those_that_release_yaml_asks_for(proven: Path) -> None:
    """Too few are exit code 4; an end that is too late, or no time, exit code 2; nothing is written by any of them."""
    (proven / "release.yaml").write_text(
        (proven / "release.yaml").read_text() + "override: {approvals: {count: 2}, expires: 2d}\n"
    )
    commit_all(proven, "Two must agree")
    before = len(ledger(proven))
    words = ("override", "churn", "--kind", "freeze", "--reason", "a leak")
    few = here(proven, *words, "--approver", "Grace")
    assert (few.code, len(few.errors), "2 others must approve, 1 did" in few.err) == (4, 1, True)
    both = (*words, "--approver", "Grace", "--approver", "Alan")
    late = here(proven, *both, "--until", "2026-02-03T12:00:01+00:00")
    assert (late.code, "later than the 2 days" in late.err) == (2, True)
    wrong = here(proven, *both, "--until", "soon")
    assert (wrong.code, "'soon' is no time" in wrong.err) == (2, True)
    assert len(ledger(proven)) == before
    told = ok(here(proven, *both)).out
    assert told.startswith("churn freeze overridden in all: commit ")
    assert ledger(proven)[-1]["until"] == "2026-02-02T12:00:00Z"
    assert "overridden already" in ok(here(proven, *both)).out


def test_retiring(proven: Path) -> None:
    """Status says that nothing serves; where nothing ever did, that is exit code 2."""
    ok(here(proven, "retire", "churn", "--env", "staging", "--reason", "replaced"))
    assert ok(here(proven, "status", "churn")).out.splitlines()[0].endswith("nothing")
    assert here(proven, "retire", "churn", "--env", "production").code == 2


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("rollback", "nobody"), 2, "no release of nobody is known; models with a ledger: churn, spend"),
        (("rollback", "churn", "--env", "moon"), 2, 'there is no environment "moon"; one of: staging, production'),
        (("rollback", "churn"), 4, "no release before the serving one was verified there"),
        (("rollback", "../x"), 3, "is no model name"),
        (("reconcile", "nobody"), 2, "nothing of nobody was ever promoted; models with a ledger: churn, spend"),
        (("reconcile", "--env", "moon"), 2, 'there is no environment "moon"'),
    ],
)
def test_refusals_are_one_line(proven: Path, words: tuple[str, ...], code: int, line: str) -> None:
    """What, where, what to do; and nothing is written."""
    tip = git(proven, "rev-parse", "deploy")
    done = here(proven, *words)
    assert (done.code, len(done.errors)) == (code, 1)
    assert line in done.errors[0]
    assert git(proven, "rev-parse", "deploy") == tip


def test_without_a_cluster_reconcile_is_worth_another_try(proven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig or a context that is not there is a mistake, a server may come back: told, and status goes on without."""
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(proven / "none"))
    nowhere = here(proven, "reconcile", "churn")
    assert (nowhere.code, "the kubeconfig cannot be used" in nowhere.errors[0]) == (2, True)
    path = proven / ".release/kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"
        "clusters: [{name: x, cluster: {server: 'http://127.0.0.1:9'}}]\nusers: [{name: x, user: {}}]\n"
    )
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    down = here(proven, "reconcile", "churn")
    assert (down.code, "the cluster cannot be reached" in down.errors[0]) == (5, True)
    shown = ok(here(proven, "status", "churn", "--cluster"))
    assert "    cluster: unknown, the current context: the cluster cannot be reached" in shown.out
    document = ok(here(proven, "status", "churn", "--cluster", "--json")).document
    assert "cannot be reached" in document["releases"][0]["actual"]["trouble"]
    edit(proven, "release.yaml", "{name: staging,", "{name: staging, context: moon,")
    unknown = here(proven, "reconcile", "churn")
    assert (unknown.code, unknown.errors) == (2, ['error: release.yaml: the kubeconfig has no context "moon"; one of: x'])


def test_the_next_environment_gets_the_same_release_from_the_ledger(proven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Model, image, chart, evidence and commit are those of staging; no record of training is needed."""
    edit(proven, "release.yaml", PRODUCTION, "  - {name: production, after: staging, soak: 24h, promote: automatic}")
    commit_all(proven, "Go on by itself")
    subject = events.serving(Workspace.here().ledger(ModelName("churn"), tip=Workspace.here().branch.tip(fetch=True)), _S)
    assert subject
    go = Follow(next=Next(environment=environment_name("production"), mode=Mode.AUTOMATIC), subject=subject)
    for path in sorted((proven / ".release/records").rglob("*.json")):
        path.unlink()
    with pytest.raises(Exception, match="serve in staging for 1 day"):
        followed(Workspace.here(), go, Board())
    monkeypatch.setenv("RELEASE_NOW", "2026-02-01T12:00:00+00:00")
    assert followed(Workspace.here(), go, Board()) == "promoted to production"
    assert followed(Workspace.here(), go, Board()) == "already to production"
    last, first = ledger(proven)[-1], ledger(proven)[0]
    assert [last[name] for name in ("release", "commit", "evidence", "inputs")] == [
        first[name] for name in ("release", "commit", "evidence", "inputs")
    ]
    assert scalar(proven, "charts/environments/production/churn.yaml", "digest") == first["release"]["image_digest"]


def test_an_event_that_says_too_little_is_not_carried_on(proven: Path) -> None:
    """It is promoted from its commit instead."""
    workspace = Workspace.here()
    parsed = workspace.ledger(ModelName("churn"), tip=workspace.branch.tip(fetch=True))
    with pytest.raises(BadInputError, match="does not say what was promoted"):
        carried(workspace, parsed.events[-1], "production")


_S: Any = environment_name("staging")
