"""Start the server: what it serves and where comes from the environment, and only from here is it read.

MODEL_DIGEST (required), MODEL_NAME, MODEL_DIR, MODEL_VERSION, IMAGE_DIGEST, POD_TEMPLATE_HASH, HTTP_PORT, GRPC_PORT and
DRAIN_SECONDS. A model that must not be served ends the process with one line and the error's exit code.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from release.errors import BadInputError, ReleaseError
from release.learning.threads import PINNED
from release.records import Digest


def main() -> int:
    """Serve until told to stop, and return the exit code."""
    # Before NumPy is imported: the arithmetic of the training, and one thread a pod.
    os.environ.update(PINNED)
    # The SDK, about a library it uses: nothing that whoever runs a model could act on.
    warnings.filterwarnings("ignore", "ORJSONResponse is deprecated")
    try:
        _serve()
    except ReleaseError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.code
    return 0


def _serve() -> None:
    digest = Digest(_required("MODEL_DIGEST"))
    ports = {"http_port": int(_number("HTTP_PORT", 8080)), "grpc_port": int(_number("GRPC_PORT", 8081))}
    drain = _number("DRAIN_SECONDS", 2)
    from release.serving.scorer import load  # noqa: PLC0415 (imports NumPy)

    scorer = load(Path(os.environ.get("MODEL_DIR") or "/model"), digest)
    from release.serving.server import Settings, serve  # noqa: PLC0415 (the SDK is slow to import: refusals come first)

    settings = Settings(
        name=os.environ.get("MODEL_NAME") or "model",
        version=os.environ.get("MODEL_VERSION", ""),
        image_digest=os.environ.get("IMAGE_DIGEST", ""),
        pod_template_hash=os.environ.get("POD_TEMPLATE_HASH", ""),
        drain_seconds=drain,
        **ports,
    )
    serve(scorer, settings)


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise BadInputError("it is not set", where=name, fix="set it to the digest of the model in the image")
    return value


def _number(name: str, default: float) -> float:
    text = os.environ.get(name)
    try:
        value = default if not text else float(text)
    except ValueError as error:
        raise BadInputError(f"{text!r} is no number", where=name, fix="set a number, or leave it out") from error
    return value


if __name__ == "__main__":
    sys.exit(main())
