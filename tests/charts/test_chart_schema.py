"""What the chart's schema refuses, and that it refuses in words that name the value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from release.artifact import values
from release.config.model import RolloutSpec, ServingSpec

if TYPE_CHECKING:
    from conftest import Helm

DIGEST = b"sha256:" + b"a" * 64
REFUSALS = {
    "no digest": (b'  digest: "' + DIGEST + b'"', b"  #", "at '/image/digest': '' does not match pattern '^sha256:"),
    "empty digest": (DIGEST, b"", "at '/image/digest': '' does not match pattern '^sha256:"),
    "short digest": (DIGEST, DIGEST[:-1], "at '/image/digest': 'sha256:aaa"),
    "digest of another kind": (DIGEST, b"sha1:" + b"a" * 40, "at '/image/digest': 'sha1:aaa"),
    "null digest": (b'"' + DIGEST + b'"', b"null", "at '/image': missing property 'digest'"),
    "a tag": (b"image:\n", b"image:\n  tag: v1\n", "at '/image': additional properties 'tag' not allowed"),
    "a tag in the repository": (
        b"ml/breast-cancer",
        b"ml/breast-cancer:v1",
        "at '/image/repository': 'registry.example:5000/ml/breast-cancer:v1' does not match pattern",
    ),
    "a digest in the repository": (b"ml/breast-cancer", b"ml/m@sha256", "at '/image/repository': 'registry"),
    "no repository": (b'"registry.example:5000/ml/breast-cancer"', b'""', "at '/image/repository': '' does not match"),
    "unknown key": (b"serving:\n", b"serving:\n  cpus: 2\n", "at '/serving': additional properties 'cpus' not allowed"),
    "unknown section": (b"image:\n", b"imgae: {}\nimage:\n", "at '': additional properties 'imgae' not allowed"),
    "all-digit version": (b'"v1"', b"20260101", "at '/model/version': got number, want string"),
    "a commit that reads as a number": (
        b'"' + b"1" * 36 + b'e123"',
        b"1" * 36 + b"e123",
        "at '/release/commit': got number, want string",
    ),
    "fast as text": (b"fast: false", b'fast: "false"', "at '/release/fast': got string, want boolean"),
    "a step beyond all": (b"[10, 50]", b"[10, 101]", "at '/rollout/steps/1': maximum: got 101, want 100"),
    "a limit beyond all": (
        b"image:\n",
        b"limits: {error_rate: 1}\nimage:\n",
        "at '/limits/error_rate': exclusiveMaximum: got 1",
    ),
    "a Prometheus without scheme": (
        b"image:\n",
        b"prometheus: {address: prometheus:9090}\nimage:\n",
        "at '/prometheus/address': 'prometheus:9090' does not match pattern",
    ),
    "an unknown way to be scraped": (
        b"image:\n",
        b"prometheus: {scrape: both}\nimage:\n",
        "at '/prometheus/scrape': value must be one of 'annotations', 'service-monitor', 'none'",
    ),
    "an unknown unit": (b"interval: 30s", b"interval: 30", "at '/rollout/analysis/interval': got number, want string"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refuses(helm: Helm, first_release: bytes, case: str) -> None:
    """Each mistake is refused by the schema, at its path, and nothing is rendered."""
    old, new, message = REFUSALS[case]
    assert first_release.count(old) >= 1
    result = helm.template(first_release.replace(old, new, 1))
    assert (result.code, result.out) == (1, "")
    assert "values don't meet the specifications of the schema(s)" in result.err
    assert message in result.err


def test_a_draft_is_refused_until_it_is_patched(helm: Helm) -> None:
    """The file that the tool drafts names no image yet, so it cannot be deployed by mistake."""
    content = values.draft(model="m", environment="staging", serving={"cpu": "1", "memory": "1Gi"}, rollout={"steps": []})
    result = helm.template(content)
    assert result.code == 1
    for path in ("/image/repository", "/image/digest", "/model/digest"):
        assert f"at '{path}': '' does not match pattern" in result.err


@pytest.mark.parametrize(
    "rollout",
    [
        RolloutSpec(),
        RolloutSpec(steps=(), traffic="replay", rps=0.5, when_unsure="abort", timeout="1d"),
        RolloutSpec(steps=(1, 100), rps=1_000_000, analysis={"interval": "999999s", "count": 1000, "min_requests": 1}),
    ],
)
@pytest.mark.parametrize("serving", [ServingSpec(), ServingSpec(format="onnx", cpu="0.5", memory="1024", replicas=1000)])
@pytest.mark.parametrize("model", ["m", "7", "on", "1e5", "no-1", "a" * 40])
def test_accepts_whatever_model_yaml_accepts(
    helm: Helm, first_release: bytes, model: str, serving: ServingSpec, rollout: RolloutSpec
) -> None:
    """A model.yaml that passes its own check never gives values that the chart refuses."""
    content = values.draft(model=model, environment="x", serving=serving.model_dump(), rollout=rollout.model_dump())
    known = {name: value for name, value in values.read(first_release, where="x").items() if value is not None}
    assert (result := helm.template(values.patch(content, known, where="x"))).code == 0, result.err
    assert f'app.kubernetes.io/name: "{model}"' in result.out
