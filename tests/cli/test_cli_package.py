"""`release package` and what it puts a model on: runtimes on a server, requests to replay, folders and servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli_running import NO_RUNTIME, commit_all, edit, files, here, ledger, ok, scalar
from support.git import git

from release.adapters.registry_folder import FolderRegistry
from release.adapters.registry_http import HttpRegistry
from release.artifact import oci
from release.artifact.layer import members
from release.artifact.model import installed_versions
from release.artifact.replay import REPLAY
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROJECT = "release.yaml"
TEST = "models/churn/data/test.csv"
HTPASSWD = "lab:$2b$05$abcdefghijklmnopqrstuuhgFx7X8gqZ3JjmIXYnlgFeeWFvr8J5a\n"


@pytest.fixture(scope="module")
def server(start_registry: Callable[..., str]) -> str:
    """Give a registry of this module's own."""
    return start_registry()


def runtime_in(address: str, name: str = "ml/runtime", *, sklearn: str | None = None) -> str:
    """Push something that calls itself a runtime, and return its reference."""
    labels = {"release.runtime.scikit-learn": sklearn or installed_versions()["scikit-learn"]}
    image = oci.build(oci.EMPTY_BASE, {"server": b"code"}, labels=labels, annotations={})
    HttpRegistry(address).push(name, image, "v1")
    return f"{address}/{name}@{image.digest}"


def configure(shop: Path, text: str, *, registry: str | None = None) -> None:
    """Add to release.yaml, name another registry, and commit."""
    path = shop / PROJECT
    path.write_text(path.read_text() + text)
    if registry is not None:
        edit(shop, PROJECT, next(line for line in path.read_text().splitlines() if line.startswith("registry:")), registry)
    commit_all(shop)


def named(reference: str) -> str:
    return f"runtime: {{images: {{skops: '{reference}'}}}}\n"


def replayed(shop: Path) -> None:
    """Have staging judged by a replay."""
    edit(shop, PROJECT, "{name: staging, ", "{name: staging, traffic: replay, ")


def requests_in(registry: HttpRegistry | FolderRegistry, name: str, record: Any) -> list[Any] | None:
    layer = registry.blob(name, Digest(record["layer"]))
    assert layer is not None
    lines = members(layer, prefix="model").get(REPLAY)
    return None if lines is None else [json.loads(line)["inputs"][0]["data"] for line in lines.splitlines()]


def test_without_a_runtime_an_image_in_a_folder_is_a_rehearsal(shop: Path) -> None:
    """It is made as before, and one note says that nothing can run it."""
    told = ok(here(shop, "package", "churn", "spend", "--json"))
    assert [record["runtime"] for record in told.document] == [None, None]
    assert told.err.splitlines().count(NO_RUNTIME) == 1
    assert ok(here(shop, "dry-run")).err.splitlines().count(NO_RUNTIME) == 1


@pytest.mark.parametrize("command", ["package", "dry-run"])
def test_a_server_without_a_runtime_is_refused(shop: Path, server: str, command: str) -> None:
    """What would be deployed could not run: the fix is the command that builds a runtime."""
    configure(shop, "", registry=f"registry: {server}/ml")
    told = here(shop, command, "churn")
    assert told.code == 2
    what = "release.yaml: runtime.images.skops: images for a registry on a server need a runtime, and none is named"
    assert told.errors == [f"error: {what}; build and push one: `release runtime --base IMAGE`"]


def test_a_model_is_put_on_the_runtime_of_its_registry(shop: Path, server: str) -> None:
    """The image lies beside the runtime, its layers mounted; a second run finds it, a promotion names it."""
    reference = runtime_in(server)
    configure(shop, named(reference), registry=f"registry: {server}/ml")
    told = ok(here(shop, "package", "churn", "--json"))
    record = told.document
    assert NO_RUNTIME not in told.err
    assert (record["repository"], record["runtime"], record["requests"]) == (f"{server}/ml/churn", reference, 0)
    registry = HttpRegistry(f"{server}/ml")
    manifest = registry.manifest("churn", Digest(record["digest"]))
    assert manifest is not None
    below = oci.descriptors(manifest)[1:-1]
    assert [one.digest for one in below] == [one.digest for one in _layers(server, reference)]
    assert all(registry.blob("churn", one.digest) is not None for one in below)
    again = ok(here(shop, "package", "churn", "--json"))
    assert again.document == record
    assert "churn: package reused" in again.err
    for stage in ("evaluate", "gate"):
        ok(here(shop, stage, "churn"))
    ok(here(shop, "promote", "churn", "--to", "staging"))
    assert scalar(shop, "charts/environments/staging/churn.yaml", "digest") == record["digest"]


def _layers(server: str, reference: str) -> tuple[oci.Descriptor, ...]:
    name, _, digest = reference.removeprefix(f"{server}/").partition("@")
    manifest = HttpRegistry(server).manifest(name, Digest(digest))
    assert manifest is not None
    return oci.descriptors(manifest)[1:]


def test_a_patched_runtime_is_another_image_of_the_same_model(shop: Path, server: str) -> None:
    """The key of a package includes the runtime's digest."""
    configure(shop, named(runtime_in(server)), registry=f"registry: {server}/patched")
    one = ok(here(shop, "package", "churn", "--json")).document
    edit(shop, PROJECT, runtime_in(server), _patched(server))
    commit_all(shop)
    other = ok(here(shop, "package", "churn", "--json")).document
    assert one["model_digest"] == other["model_digest"]
    assert one["digest"] != other["digest"]
    assert one["key"] != other["key"]


def _patched(server: str) -> str:
    image = oci.build(oci.EMPTY_BASE, {"server": b"patched"}, labels={}, annotations={})
    HttpRegistry(server).push("ml/runtime", image, "v2")
    return f"{server}/ml/runtime@{image.digest}"


def test_a_folder_gets_the_runtimes_layers_too(shop: Path, server: str) -> None:
    """With a runtime on a server and images in a folder, the folder holds whole images."""
    configure(shop, named(runtime_in(server)))
    record = ok(here(shop, "package", "churn", "--json")).document
    assert FolderRegistry(shop / ".release/registry").has("churn", Digest(record["digest"]))


def test_a_rehearsal_on_a_runtime_pushes_nothing(shop: Path, server: str) -> None:
    """A dry-run says the digest that `package` will give, and the registry never hears of it."""
    configure(shop, named(runtime_in(server)), registry=f"registry: {server}/dry")
    rehearsed = ok(here(shop, "dry-run", "churn", "--json")).document["models"][0]["package"]
    assert not HttpRegistry(f"{server}/dry").has("churn", Digest(rehearsed["digest"]))
    assert ok(here(shop, "package", "churn", "--json")).document == rehearsed


def test_a_rehearsal_needs_no_registry(shop: Path, start_registry: Callable[..., str]) -> None:
    """A fork's job may not read the registry: it judges all the same, and says that the image's digest is not the one."""
    closed = start_registry(HTPASSWD)
    configure(shop, named(f"{closed}/ml/runtime@sha256:{'0' * 64}"), registry=f"registry: {closed}/ml")
    told = ok(here(shop, "dry-run", "churn"))
    assert "churn: the image's digest will be another one, as its runtime cannot be had: " in told.err
    assert "the registry refuses anonymous access: no permission to pull ml/runtime" in told.err
    assert NO_RUNTIME in told.err
    assert here(shop, "package", "churn").code == 5


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        ("registry.example/runtime:latest", 3, "does not name an image by its digest"),
        ("registry.example/runtime@sha256:12", 3, "does not name an image by its digest"),
        ("runtime", 3, "does not name an image by its digest"),
        (f"runtime@sha256:{'0' * 64}", 2, "is no image in a registry"),
        (f"registry.example/Runtime@sha256:{'0' * 64}", 2, "is no repository name"),
        (f"registry.example/runtime:v1@sha256:{'0' * 64}", 2, "is no image in a registry"),
    ],
)
def test_a_runtime_is_named_by_its_digest_alone(shop: Path, text: str, code: int, what: str) -> None:
    """A tag could change what models run on under everybody's feet."""
    configure(shop, named(text))
    told = here(shop, "package", "churn")
    assert told.code == code
    assert what in told.errors[0]
    assert told.errors[0].startswith("error: release.yaml:")


def test_a_runtime_that_is_not_there_is_worth_another_try(shop: Path, server: str) -> None:
    """The reference is named; nothing is pushed."""
    missing = f"{server}/ml/runtime@sha256:{'0' * 64}"
    configure(shop, named(missing), registry=f"registry: {server}/missing")
    told = here(shop, "package", "churn")
    fix = "push it, or name in release.yaml one that is there (`release runtime` builds one)"
    assert (told.code, told.errors) == (5, [f"error: {missing}: the runtime image is not there; {fix}"])


def test_a_runtime_with_another_scikit_learn_is_refused(shop: Path, server: str) -> None:
    """Found before anything is deployed, not by pods that never become ready."""
    configure(shop, named(runtime_in(server, "ml/old", sklearn="0.1")), registry=f"registry: {server}/old")
    told = here(shop, "package", "churn")
    assert told.code == 2
    assert "the runtime cannot serve churn: it has scikit-learn 0.1, the model was trained with" in told.errors[0]


def test_requests_are_carried_where_an_environment_replays(shop: Path, server: str) -> None:
    """Held-out features, one request a row; the values file is drafted with the environment's traffic."""
    replayed(shop)
    configure(shop, named(runtime_in(server)), registry=f"registry: {server}/replay")
    record = ok(here(shop, "package", "churn", "--json")).document
    rows = [line.split(",") for line in (shop / TEST).read_text().splitlines()[1:]]
    header = (shop / TEST).read_text().splitlines()[0].split(",")
    expected = [[float(row[header.index(name)]) for name in ("usage", "tenure", "noise")] for row in rows]
    assert sorted(requests_in(HttpRegistry(f"{server}/replay"), "churn", record)) == sorted(expected)
    assert record["requests"] == len(rows)
    ok(here(shop, "promote", "churn", "--to", "staging"))
    assert "  traffic: replay\n" in git(shop, "show", "deploy:charts/environments/staging/churn.yaml")


def test_an_environments_traffic_overrides_the_models(shop: Path) -> None:
    """`traffic: live` everywhere, and a model that asks for a replay carries no request."""
    edit(shop, "models/churn/model.yaml", "rollout: {", "rollout: {traffic: replay, ")
    commit_all(shop)
    carries = ok(here(shop, "package", "churn", "--json")).document
    assert carries["requests"] > 0
    text = (shop / PROJECT).read_text()
    (shop / PROJECT).write_text(
        text.replace("{name: staging,", "{name: staging, traffic: live,").replace(
            "{name: production,", "{name: production, traffic: live,"
        )
    )
    commit_all(shop)
    assert ok(here(shop, "package", "churn", "--json")).document["requests"] == 0


def test_another_test_set_does_not_change_the_image_of_a_model_that_serves(served: Path) -> None:
    """Its requests stay those of the commit that first promoted it, so that nothing restarts for new held-out rows."""
    replayed(served)
    commit_all(served)
    one = ok(here(served, "package", "churn", "--json")).document
    promoted = ledger(served)[-1]["commit"]
    text = (served / TEST).read_text().splitlines()
    (served / TEST).write_text("\n".join(text[:-3]) + "\n")
    commit_all(served)
    assert git(served, "rev-parse", "HEAD") != promoted
    other = ok(here(served, "package", "churn", "--json")).document
    assert (one["digest"], one["requests"]) == (other["digest"], other["requests"])
    assert one["requests"] == len(text) - 1


def test_rows_that_are_not_in_this_clone_are_taken_from_head(served: Path, tmp_path: Path) -> None:
    """A shallow clone lacks the commit that first promoted the model: the present rows are taken, and that is said."""
    replayed(served)
    text = (served / TEST).read_text().splitlines()
    (served / TEST).write_text("\n".join(text[:-3]) + "\n")
    commit_all(served)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", served.as_uri(), str(clone))
    ok(here(clone, "train", "churn"))
    told = ok(here(clone, "package", "churn", "--json"))
    assert told.document["requests"] == len(text) - 4
    commit = ledger(served)[-1]["commit"][:12]
    assert (
        "churn: requests to replay are made of the present rows: "
        f"the held-out rows of {commit} are not in this clone" in told.err
    )


def test_packaging_changes_nothing_but_release_state(shop: Path, server: str) -> None:
    """Held-out rows of an older commit are read aside, and nothing of that is left."""
    configure(shop, named(runtime_in(server)), registry=f"registry: {server}/clean")
    before = files(shop, without=".release")
    ok(here(shop, "package", "churn"))
    assert files(shop, without=".release") == before
    assert not [path for path in (shop / ".release").iterdir() if path.name.startswith("held-out-")]
