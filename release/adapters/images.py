"""The serving runtime's image, built and pushed by a Docker daemon; models are put on it without one.

The only module that knows the Docker SDK. What is in the image is `release/serving/Dockerfile`'s business.
"""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import APIError, BuildError, DockerException

from release.artifact.reference import check_digest
from release.errors import EnvironmentTroubleError
from release.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from release.records import Digest

PACKAGE = Path(__file__).parents[1]
RECIPE = PACKAGE / "serving"
SERVED = (
    "__init__.py",
    "errors.py",
    "records.py",
    "version.py",
    "artifact/*.py",
    "learning/__init__.py",
    "learning/asked.py",
    "learning/onnx_session.py",
    "learning/predict.py",
    "learning/threads.py",
    "serving/*.py",
)
"""What of this package the server imports, and nothing more: what else changes must not change the image."""

RUNTIME = "release.runtime"
"""Labels below this name say what the runtime has: `release.runtime.version`, `release.runtime.scikit-learn`."""
REQUIREMENTS = {"skops": "requirements.txt", "onnx": "requirements-onnx.txt"}
"""What is installed in the runtime of each serving format."""

_PINNED = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)
_LABELLED = frozenset({"kserve", "numpy", "onnxruntime", "scikit-learn", "skops"})
_SECONDS = 1800


def context(*, format: str = "skops", ca: bytes | None = None) -> bytes:  # noqa: A002 (what model.yaml calls it)
    """Return the build context of a serving format's runtime as a tar archive, the same bytes for the same package.

    `ca` holds certificates (PEM) that pip trusts while building, beside none; they do not reach the image.
    """
    files = {
        "Dockerfile": (RECIPE / "Dockerfile").read_bytes(),
        # The other formats' lists stay out: what is not installed must not change the image.
        REQUIREMENTS[format]: (RECIPE / REQUIREMENTS[format]).read_bytes(),
        "ca/extra.pem": ca or b"",
    }
    for pattern in SERVED:
        for path in PACKAGE.glob(pattern):
            files[f"release/{path.relative_to(PACKAGE).as_posix()}"] = path.read_bytes()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def labels(format: str = "skops") -> Mapping[str, str]:  # noqa: A002 (what model.yaml calls it)
    """Return what the image says of itself: format, the toolkit's version, those of the libraries that matter to a model."""
    pinned = dict(_PINNED.findall((RECIPE / REQUIREMENTS[format]).read_text(encoding="utf-8")))
    return {
        "org.opencontainers.image.title": "model-release runtime",
        "org.opencontainers.image.version": __version__,
        "org.opencontainers.image.licenses": "Apache-2.0",
        f"{RUNTIME}.version": __version__,
        f"{RUNTIME}.format": format,
        **{f"{RUNTIME}.{name}": version for name, version in sorted(pinned.items()) if name in _LABELLED},
    }


class DockerImages:
    """A Docker daemon as a builder of runtime images."""

    def __init__(self, address: str | None = None) -> None:
        """Connect to a daemon, by default as the `docker` command does. Raises EnvironmentTroubleError without one."""
        try:
            self._client: Any = (
                docker.DockerClient(address, timeout=_SECONDS) if address else docker.from_env(timeout=_SECONDS)
            )
            self._client.ping()
        except DockerException as error:
            raise EnvironmentTroubleError(
                f"no Docker daemon answers: {_line(error)}", where=address or "docker", fix="start it, or set DOCKER_HOST"
            ) from error

    def build(
        self,
        *,
        base: str,
        format: str = "skops",  # noqa: A002 (what model.yaml calls it)
        index: str | None = None,
        ca: bytes | None = None,
        say: Callable[[str], None] | None = None,
    ) -> str:
        """Build a serving format's runtime on a base image (Python 3.11 with venv) and return the image's id.

        `index` is a package index instead of PyPI; `say` hears each line of the build. Raises EnvironmentTroubleError with
        the build's last words.
        """
        lines: list[str] = []
        try:
            events = self._client.api.build(
                fileobj=io.BytesIO(context(format=format, ca=ca)),
                custom_context=True,
                buildargs={"BASE": base, "FORMAT": format, **({"INDEX": index} if index else {})},
                labels={**labels(format), "org.opencontainers.image.base.name": base},
                rm=True,
                forcerm=True,
                decode=True,
            )
            for event in events:
                for line in str(event.get("stream", "")).splitlines():
                    lines.append(line)
                    if say and line.strip():
                        say(line)
                if "error" in event:
                    raise _failed(base, lines, str(event["error"]))
        except (APIError, BuildError) as error:
            raise _failed(base, lines, _line(error)) from error
        built = [line.rpartition(" ")[2] for line in lines if line.startswith("Successfully built ")]
        if not built:
            raise _failed(base, lines, "the daemon named no image")
        return str(self._client.images.get(built[-1]).id)

    def push(self, image: str, repository: str, tag: str) -> Digest:
        """Push an image and return its manifest's digest, by which it is named from then on.

        Raises EnvironmentTroubleError when the registry cannot be reached or refuses it.
        """
        where = f"{repository}:{tag}"
        try:
            self._client.images.get(image).tag(repository, tag=tag)
            events: Iterable[Mapping[str, Any]] = self._client.api.push(repository, tag=tag, stream=True, decode=True)
            found = None
            for event in events:
                if "error" in event:
                    raise EnvironmentTroubleError(f"the push failed: {event['error']}", where=where, fix="run it again")
                found = event.get("aux", {}).get("Digest", found)
        except (APIError, DockerException) as error:
            raise EnvironmentTroubleError(f"the push failed: {_line(error)}", where=where, fix="run it again") from error
        if found is None:
            raise EnvironmentTroubleError("the daemon named no digest", where=where, fix="run it again")
        return check_digest(found)


def _failed(base: str, lines: list[str], said: str) -> EnvironmentTroubleError:
    told = next((line.strip() for line in reversed(lines) if line.strip().startswith("ERROR")), "")
    reason = f"{said[:300]} ({told[:300]})" if told else said[:300]
    return EnvironmentTroubleError(
        f"the runtime was not built: {reason}",
        where=base,
        fix="check the base image, the index and its certificate, and run it again",
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
