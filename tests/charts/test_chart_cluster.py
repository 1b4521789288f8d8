"""The charts beside the model's: charts/argocd and charts/reconciler, rendered, and what they may touch."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Helm

HERE = Path(__file__).resolve().parent
CHARTS = HERE.parents[1] / "charts"
KUBERNETES = "1.34.0"
VALUES: dict[str, dict[str, Any]] = {
    "argocd": {
        "repository": "https://forge.example/ml/models.git",
        "environments": [
            {"name": "staging", "namespace": "models-staging", "prometheus": "http://prometheus.example:9090"},
            {"name": "production", "namespace": "models", "server": "https://production.example:6443"},
        ],
    },
    "reconciler": {
        "image": {"repository": "registry.example/release", "digest": "sha256:" + "a" * 64, "pull_secrets": ["registry"]},
        "git": {"repository": "https://forge.example/ml/models.git"},
        "forge": {"secret": "forge-token", "api": "https://forge.example/api/v1"},
        "ca": {"config_map": "company-ca"},
        "environments": ["staging", "production"],
        "namespaces": ["models-staging", "models"],
    },
}


def render(helm: Helm, chart: str, values: dict[str, Any]) -> Any:
    """Return the result of rendering one of the charts."""
    path = helm.home / f"{chart}.yaml"
    path.write_text(yaml.safe_dump(values))
    options = ("--namespace=tools", f"--kube-version={KUBERNETES}", f"--values={path}")
    return helm.run("template", "release", str(CHARTS / chart), *options)


def objects(helm: Helm, chart: str) -> list[dict[str, Any]]:
    result = render(helm, chart, VALUES[chart])
    assert result.code == 0, result.err
    return [one for one in yaml.safe_load_all(result.out) if one]


@pytest.mark.parametrize("chart", VALUES)
def test_renders_as_the_golden_file(helm: Helm, chart: str, golden: Callable[[Path, str], None]) -> None:
    """The manifests are those that a reviewer has read."""
    golden(HERE / "golden_cluster" / f"{chart}.yaml", render(helm, chart, VALUES[chart]).out)


@pytest.mark.parametrize("chart", VALUES)
def test_lints_strictly(helm: Helm, chart: str) -> None:
    """`helm lint --strict` has nothing to say."""
    render(helm, chart, VALUES[chart])
    path = helm.home / f"{chart}.yaml"
    result = helm.run("lint", "--strict", str(CHARTS / chart), f"--kube-version={KUBERNETES}", f"--values={path}")
    assert result.code == 0, result.out


@pytest.mark.parametrize(
    ("chart", "change", "message"),
    [
        ("argocd", {"environments": []}, "at '/environments': minItems: got 0, want 1"),
        ("argocd", {"repository": ""}, "at '/repository'"),
        ("argocd", {"environments": [{"name": "*", "namespace": "models"}]}, "at '/environments/0/name'"),
        ("argocd", {"project": "default"}, "additional properties 'project' not allowed"),
        ("reconciler", {"image": {"repository": "r.example/release", "digest": ""}}, "at '/image/digest'"),
        ("reconciler", {"git": {"repository": "https://user:token@forge.example/m.git"}}, "at '/git/repository'"),
        ("reconciler", {"namespaces": []}, "at '/namespaces': minItems: got 0, want 1"),
        ("reconciler", {"environments": []}, "at '/environments': minItems: got 0, want 1"),
        ("reconciler", {"environments": ["--watch"]}, "at '/environments/0'"),
        ("reconciler", {"forge": {"secret": "token"}}, "at '/forge/api'"),
        ("reconciler", {"ca": {"secret": "one", "config_map": "another"}}, "at '/ca/config_map'"),
    ],
)
def test_refuses(helm: Helm, chart: str, change: dict[str, Any], message: str) -> None:
    """What would reach further than it should, or names nothing, is refused by the schema."""
    result = render(helm, chart, {**VALUES[chart], **change})
    assert (result.code, result.out) == (1, "")
    assert message in result.err


def test_an_environment_is_one_namespace_and_nothing_of_the_cluster(helm: Helm) -> None:
    """A project names one destination, one repository, and only the kinds that charts/model renders."""
    for one in objects(helm, "argocd"):
        if one["kind"] == "AppProject":
            assert one["spec"]["clusterResourceWhitelist"] == []
            assert len(one["spec"]["destinations"]) == len(one["spec"]["sourceRepos"]) == 1
            allowed = {entry["kind"] for entry in one["spec"]["namespaceResourceWhitelist"]}
    rendered = set()
    for golden in (HERE / "golden").glob("*/manifests.yaml"):
        rendered |= {one["kind"] for one in yaml.safe_load_all(golden.read_text()) if one}
    assert allowed == rendered


def test_applications_are_never_deleted_by_a_generator(helm: Helm) -> None:
    """One ApplicationSet an environment, its project and destination fixed, and only its own folder read."""
    sets = {one["metadata"]["name"]: one["spec"] for one in objects(helm, "argocd") if one["kind"] == "ApplicationSet"}
    assert set(sets) == {"models-staging", "models-production"}
    for name, spec in sets.items():
        environment = name.removeprefix("models-")
        assert spec["syncPolicy"] == {"applicationsSync": "create-update", "preserveResourcesOnDeletion": True}
        assert [one["path"] for one in spec["generators"][0]["git"]["files"]] == [
            f"charts/environments/{environment}/*.yaml"
        ]
        template = spec["template"]["spec"]
        assert "{{" not in template["project"] + str(template["destination"])
        assert template["syncPolicy"]["retry"]["refresh"] is True


def test_the_reconciler_only_reads_the_cluster(helm: Helm) -> None:
    """Roles in the models' namespaces alone, no secret, no write; nothing for the whole cluster."""
    found = objects(helm, "reconciler")
    assert {one["kind"] for one in found} == {"ServiceAccount", "Role", "RoleBinding", "Deployment", "NetworkPolicy"}
    roles = [one for one in found if one["kind"] == "Role"]
    assert [one["metadata"]["namespace"] for one in roles] == ["models-staging", "models"]
    for role in roles:
        granted = {(verb, kind) for rule in role["rules"] for verb in rule["verbs"] for kind in rule["resources"]}
        assert granted == {("watch", "rollouts"), *(("list", kind) for kind in ("rollouts", "analysisruns", "replicasets"))}


def test_the_reconcilers_credentials_are_secrets_by_reference(helm: Helm) -> None:
    """The Git credential is a mounted file that is only read, the forge's token a reference."""
    (deployment,) = (one for one in objects(helm, "reconciler") if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (secret,) = (one["secret"] for one in pod["volumes"] if one["name"] == "git")
    assert secret["secretName"] == "reconciler-git"
    (container,) = pod["containers"]
    assert container["command"] == ["release", "reconcile", "--watch"]
    assert container["args"] == ["--follow=main", "--env=staging", "--env=production"]
    (token,) = (one for one in container["env"] if one["name"] == "RELEASE_FORGE_TOKEN")
    assert token["valueFrom"] == {"secretKeyRef": {"name": "forge-token", "key": "token"}}
    for one in (container, *pod["initContainers"]):
        assert re.fullmatch(r"registry\.example/release@sha256:a{64}", one["image"])
        assert one["securityContext"]["readOnlyRootFilesystem"] is True


def test_git_reads_the_mounted_credential_and_never_writes_it(helm: Helm, tmp_path: Path) -> None:
    """Git, configured by the pod's variables, gets user and token from the file, and leaves a new one alone."""
    env = pod_environment(helm, tmp_path)
    asked = "protocol=https\nhost=forge.example\n\n"
    answered = subprocess.run(
        ["git", "credential", "fill"], env=env, input=asked, capture_output=True, text=True, check=True
    )
    assert {"username=release", "password=secret"} <= set(answered.stdout.splitlines())
    new = "protocol=https\nhost=forge.example\nusername=other\npassword=other\n\n"
    subprocess.run(["git", "credential", "approve"], env=env, input=new, capture_output=True, text=True, check=True)
    assert (tmp_path / "git-credentials").read_text() == "https://release:secret@forge.example\n"


def test_the_forge_is_named_only_with_a_token(helm: Helm) -> None:
    """Its interface, and a repository where one is named; without a Secret nothing of it."""

    def told(**forge: str) -> dict[str, str]:
        result = render(helm, "reconciler", {**VALUES["reconciler"], "forge": forge})
        (deployment,) = (one for one in yaml.safe_load_all(result.out) if one and one["kind"] == "Deployment")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        return {one["name"]: one.get("value", "") for one in container["env"] if "FORGE" in one["name"]}

    api = "https://forge.example/api/v1"
    named = {"RELEASE_FORGE_TOKEN": "", "RELEASE_FORGE": api}
    assert told(secret="forge-token", api=api) == named  # noqa: S106 (a Secret's name)
    other = told(secret="forge-token", api=api, repository="team/other")  # noqa: S106 (as above)
    assert other == {**named, "RELEASE_FORGE_REPOSITORY": "team/other"}
    assert told() == {}


@pytest.mark.parametrize(
    ("ca", "source"), [({"config_map": "a"}, "configMap"), ({"secret": "a", "key": "k"}, "secret"), ({}, None)]
)
def test_a_certificate_authority_of_ones_own_is_trusted_by_git_and_the_forge(
    helm: Helm, ca: dict[str, str], source: str | None
) -> None:
    """Mounted in both containers and named to git and requests; without one the image's own are trusted."""
    result = render(helm, "reconciler", {**VALUES["reconciler"], "ca": ca})
    (deployment,) = (one for one in yaml.safe_load_all(result.out) if one and one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    found = [one for one in pod["volumes"] if one["name"] == "ca"]
    assert [set(one) - {"name"} for one in found] == ([{source}] if source else [])
    for container in (*pod["containers"], *pod["initContainers"]):
        told = {one["name"] for one in container["env"]} & {"GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE"}
        assert len(told) == (2 if source else 0)
        assert any(one["name"] == "ca" for one in container["volumeMounts"]) == bool(source)


def test_a_pod_that_starts_again_keeps_its_clone_and_what_it_remembers(helm: Helm, tmp_path: Path) -> None:
    """The first container clones the branch once; begun again it replaces what is half-done and keeps what is whole."""
    origin = tmp_path / "origin"
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(origin)], check=True)
    git = ["git", "-C", str(origin), *identity]
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=first"], check=True)
    values = {**VALUES["reconciler"], "git": {"repository": "https://forge.example/m.git", "branch": "main"}}
    found = yaml.safe_load_all(render(helm, "reconciler", values).out)
    (deployment,) = (one for one in found if one["kind"] == "Deployment")
    (clone,) = deployment["spec"]["template"]["spec"]["initContainers"]
    words = [*clone["command"], *clone["args"]]
    words = [word.replace("/work/", f"{tmp_path}/").replace("https://forge.example/m.git", str(origin)) for word in words]
    (tmp_path / "new").mkdir()
    (tmp_path / "new/half").touch()
    subprocess.run(words, env=pod_environment(helm, tmp_path), capture_output=True, check=True)
    assert (tmp_path / "repository" / ".git").is_dir()
    remembered = tmp_path / "repository" / ".release" / "deploy" / "tip"
    remembered.parent.mkdir(parents=True)
    remembered.touch()
    subprocess.run(words, env=pod_environment(helm, tmp_path), capture_output=True, check=True)
    assert remembered.exists()


def pod_environment(helm: Helm, folder: Path) -> dict[str, str]:
    """Return the reconciler's variables, its mounted files being in `folder`."""
    (folder / "git-credentials").write_text("https://release:secret@forge.example\n")
    (deployment,) = (one for one in objects(helm, "reconciler") if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one["value"].replace("/etc/release/git", str(folder)) for one in container["env"] if "value" in one}
    return {**env, "HOME": str(folder), "PATH": os.environ["PATH"]}
