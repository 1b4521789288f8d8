"""The server put together: a proved model, its metrics, the SDK's REST and gRPC servers, and the door in front.

The process serves one model and is scaled by replicas, never by workers: each would need the model again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvloop

from release.serving.door import Door
from release.serving.drain import Drain, close_gently
from release.serving.metrics import Metrics
from release.serving.sdk import ModelRepository, ModelServer, logging, model_server
from release.serving.served import ServedModel

if TYPE_CHECKING:
    import uvicorn

    from release.serving.scorer import Scorer

GRACE_SECONDS = 15
"""How long requests that are being answered may take when the server stops."""

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    # A line for every request would cost a fifth of the throughput, and counters say it better.
    "loggers": {
        "release": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "kserve": {"handlers": ["stderr"], "level": "CRITICAL", "propagate": False},
        "kserve.trace": {"level": "CRITICAL"},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "uvicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the server is called and where it listens; `drain_seconds` is how long it answers after being told to stop."""

    name: str
    version: str = ""
    image_digest: str = ""
    pod_template_hash: str = ""
    http_port: int = 8080
    grpc_port: int = 8081
    drain_seconds: float = 2


class _Fixed(ModelRepository):  # type: ignore[misc]  # the SDK has no types
    """A repository whose model stays: the SDK unloads it on a signal, before gRPC requests under way are answered."""

    def unload(self, name: str) -> None:
        """Keep the model until the process ends."""


class _Server(ModelServer):  # type: ignore[misc]  # as above
    """The SDK's server on a quicker event loop."""

    def setup_event_loop(self) -> None:
        """Choose the loop: the SDK would prepare one here that it never runs."""
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

    def close_port(self) -> None:
        """Take no more connections by HTTP than have been made."""
        http: uvicorn.Server = self._rest_server._server  # noqa: SLF001 (the SDK offers no other way to its server)
        more = {"server_state": http.server_state, "app_state": http.lifespan.state}
        protocol: Any = http.config.http_protocol_class
        close_gently(http.servers, lambda: protocol(config=http.config, **more))


def serve(scorer: Scorer, settings: Settings) -> None:
    """Serve a model that has proved itself, until told to stop by SIGTERM or SIGINT."""
    logging.configure_logging(_LOGGING)
    metrics = Metrics(
        scorer,
        pod_template_hash=settings.pod_template_hash,
        image_digest=settings.image_digest,
        version=settings.version,
    )
    model = ServedModel(settings.name, scorer, metrics)
    server = _Server(
        http_port=settings.http_port,
        grpc_port=settings.grpc_port,
        workers=1,
        registered_models=_Fixed(),
        enable_docs_url=False,
        enable_latency_logging=False,
        grace_period=GRACE_SECONDS,
    )
    drain = Drain(settings.drain_seconds, server.close_port)
    model_server.app = Door(model_server.app, model=model, metrics=metrics, drain=drain)
    server.start([model])
