"""Runtimes in release.yaml, and what an environment says of traffic."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from release.cli.commands.schema import command
from release.config.build import load_project
from release.config.model import RolloutSpec
from release.config.project import replays, rollout_in
from release.errors import BadInputError, SecurityRefusalError

DIGEST = "sha256:" + "0" * 64
ENVIRONMENTS = "environments: [{name: staging, traffic: replay}, {name: production}]\n"


def project(runtime: str, environments: str = ENVIRONMENTS) -> bytes:
    return f"{environments}runtime: {runtime}\n".encode()


def test_runtimes_are_read_by_format() -> None:
    """Both, one, or none; a minimum is numbers with dots."""
    loaded = load_project(
        project(f"{{images: {{skops: 'r.example/a@{DIGEST}', onnx: 'r.example/b@{DIGEST}'}}, minimum: '0.1.0'}}"), where="r"
    )
    assert loaded.runtime.images.skops == f"r.example/a@{DIGEST}"
    assert loaded.runtime.images.onnx == f"r.example/b@{DIGEST}"
    assert loaded.runtime.minimum == "0.1.0"
    bare = load_project(ENVIRONMENTS.encode(), where="r")
    assert (bare.runtime.images.skops, bare.runtime.images.onnx) == (None, None)


@pytest.mark.parametrize(
    "text", ["r.example/a:latest", "r.example/a", f"r.example/a@{DIGEST}0", "r.example/a@sha256:00", ""]
)
def test_a_runtime_without_a_digest_is_a_security_refusal(text: str) -> None:
    """File, line and column are named, and the command that prints a right one."""
    with pytest.raises(SecurityRefusalError) as caught:
        load_project(project(f"{{images: {{onnx: '{text}'}}}}"), where="release.yaml")
    assert caught.value.where == "release.yaml:2:26"
    assert caught.value.what.endswith(" does not name an image by its digest")
    assert "release runtime" in caught.value.fix


def test_an_unknown_format_or_version_is_bad_input() -> None:
    """Formats are a closed set; versions are compared, so they must be versions."""
    for runtime in (f"{{images: {{pickle: 'r.example/a@{DIGEST}'}}}}", "{minimum: latest}"):
        with pytest.raises(BadInputError):
            load_project(project(runtime), where="r")


@pytest.mark.parametrize(("text", "fine"), [(f"r.example/a@{DIGEST}", True), ("r.example/a:latest", False)])
def test_editors_see_it_too(capsys: pytest.CaptureFixture[str], text: str, fine: bool) -> None:  # noqa: FBT001 (a parameter)
    """The schema's pattern and the reader agree."""
    command.callback("release", as_json=False)  # type: ignore[misc]
    schema = json.loads(capsys.readouterr().out)
    given = {"environments": [{"name": "staging"}], "runtime": {"images": {"skops": text}}}
    assert Draft202012Validator(schema).is_valid(given) is fine


@pytest.mark.parametrize(("own", "staging", "production"), [("live", "replay", "live"), ("replay", "replay", "replay")])
def test_an_environments_traffic_counts_where_it_says_any(own: str, staging: str, production: str) -> None:
    """All else of a rollout is the model's."""
    loaded = load_project(ENVIRONMENTS.encode(), where="r")
    spec = RolloutSpec.model_validate({"traffic": own, "steps": (5,)})
    found = [rollout_in(environment, spec) for environment in loaded.environments]
    assert [one["traffic"] for one in found] == [staging, production]
    assert all({**one, "traffic": own} == spec.model_dump() for one in found)


@pytest.mark.parametrize(
    ("environments", "own", "expected"),
    [
        ("[{name: a}]", "live", False),
        ("[{name: a}]", "replay", True),
        ("[{name: a, traffic: live}]", "replay", False),
        ("[{name: a, traffic: live}, {name: b}]", "replay", True),
        ("[{name: a}, {name: b, traffic: replay}]", "live", True),
    ],
)
def test_requests_are_needed_where_any_environment_replays(environments: str, own: str, expected: bool) -> None:  # noqa: FBT001 (a parameter)
    """Nowhere else does an image carry held-out rows."""
    loaded = load_project(f"environments: {environments}\n".encode(), where="r")
    assert replays(loaded, RolloutSpec.model_validate({"traffic": own})) is expected
