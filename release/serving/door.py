"""The HTTP door in front of the SDK: inference by V2's REST, metrics, draining; everything else is let through or refused.

Inference is read and written here, because the SDK's own route answers some bad requests with 422 or 500, reads binary
tensors one float at a time and spends most of a batch's time in writing JSON. Its unauthenticated routes that unload models,
its V1 and its documentation are not let through. What a model says is not decided here.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from release.errors import BadInputError
from release.serving.metrics import CONTENT_TYPE
from release.serving.served import Asked, datatype_of
from release.serving.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from release.serving.drain import Drain
    from release.serving.metrics import Metrics
    from release.serving.served import ServedModel

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

MOST_BYTES = 64 * 1024 * 1024
_INFER = re.compile(r"/v2/models/([^/]+)/infer\Z")
_OPEN = re.compile(r"/v2(/health/(live|ready)|/models(/[^/]+(/ready)?)?)?\Z")
_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that gets another answer than 200: its status and one line."""

    def __init__(self, code: int, what: str) -> None:
        """Keep both."""
        self.code = code
        self.what = what
        super().__init__(code, what)


class Door:
    """The ASGI application in front of the SDK's, which stays what the SDK takes it for in everything but being called.

    As one of its middlewares it would stand behind those that the SDK adds, which time and wrap each request.
    """

    def __init__(self, app: Any, model: ServedModel, metrics: Metrics, drain: Drain) -> None:
        """Take the application behind the door, and what is answered without it."""
        self._app = app
        self._model = model
        self._metrics = metrics
        self._drain = drain

    def __getattr__(self, name: str) -> Any:
        """Return what the SDK asks of its application: routes, handlers, middlewares."""
        return getattr(self._app, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "lifespan":
            self._drain.install()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        found = _INFER.match(path)
        if found is not None:
            await self._infer(found[1], scope, receive, send)
        elif path == "/metrics":
            await self._send(send, 200, self._metrics.text(), CONTENT_TYPE)
        elif path == "/v2/health/ready" and self._drain.draining:
            await self._send(send, 503, _error("the server is stopping"))
        elif _OPEN.match(path) and method in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        else:
            await self._send(send, 404, _error(f"there is no {method} {path[:200]} here"))

    async def _infer(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        try:
            code, body = 200, await self._answered(name, scope, receive)
        except RefusedError as refused:
            code, body = refused.code, _error(refused.what)
        except BadInputError as error:
            code, body = 400, _error(str(error))
        except Exception:  # noqa: BLE001 (a bug of ours or the model's: the client learns that, the log everything)
            _log.exception("a request could not be answered")
            code, body = 500, _error("the server could not answer; its log says why")
        # Counted before it is sent, so that whoever has an answer finds it in the metrics.
        self._metrics.request(code, time.perf_counter() - began)
        await self._send(send, code, body)

    async def _answered(self, name: str, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise RefusedError(405, "inference is a POST")
        if name != self._model.name:
            raise RefusedError(404, f'there is no model "{name[:100]}"')
        if any(key == b"inference-header-content-length" for key, _ in scope["headers"]):
            raise RefusedError(400, "binary tensors are not supported; send JSON, or use gRPC")
        asked = decoded(await _body(receive))
        outputs = await self._model.answered(asked)
        answer = {
            "model_name": self._model.name,
            "id": asked.identity,
            "outputs": [
                {"name": called, "shape": values.shape, "datatype": datatype_of(values), "data": values.ravel().tolist()}
                for called, values in outputs.items()
            ],
        }
        return orjson.dumps(answer)

    async def _send(self, send: Send, code: int, body: bytes, kind: str = "application/json") -> None:
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        if self._drain.draining:
            headers.append((b"connection", b"close"))  # so that no client reuses a connection that is about to end
        if code == 405:  # noqa: PLR2004 (Method Not Allowed must name what is)
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def decoded(body: bytes) -> Asked:
    """Read the JSON of a V2 request; NaN is read too, as a missing value. Raises RefusedError (400) for another shape."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RefusedError(400, f"the request is no JSON: {str(error)[:200]}") from error
    request = _object(parsed, "the request")
    identity = request.get("id")
    if identity is not None and not isinstance(identity, str):
        raise RefusedError(400, "id: expected a text")
    parameters = _object(request.get("parameters") or {}, "parameters")
    if parameters.get("binary_data_output"):
        raise RefusedError(400, "binary tensors are not supported; leave out binary_data_output, or use gRPC")
    inputs = [_input(one, f"inputs[{number}]") for number, one in enumerate(_list(request.get("inputs"), "inputs"))]
    outputs = [
        _text(_object(one, f"outputs[{number}]").get("name"), f"outputs[{number}].name")
        for number, one in enumerate(_list(request.get("outputs") or [], "outputs"))
    ]
    return Asked(identity or str(uuid.uuid4()), inputs, outputs)


def _input(value: object, where: str) -> Tensor:
    one = _object(value, where)
    name = _text(one.get("name"), f"{where}.name")
    shape = _list(one.get("shape"), f'input "{name[:100]}": shape')
    if not shape or not all(type(length) is int and length >= 0 for length in shape):
        raise RefusedError(400, f'input "{name[:100]}": shape: expected whole numbers of 0 or more')
    datatype = _text(one.get("datatype"), f'input "{name[:100]}": datatype')
    data = _list(one.get("data"), f'input "{name[:100]}": data')
    return Tensor(name, datatype, tuple(shape), data)


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError(400, f"{what}: expected a JSON object")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise RefusedError(400, f"{what}: expected a list")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise RefusedError(400, f"{what}: expected a text")
    return value


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "the client went away")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            raise RefusedError(413, f"the request is larger than {MOST_BYTES} bytes; send fewer rows")
        if not message.get("more_body", False):
            return b"".join(parts)


def _error(what: str) -> bytes:
    return orjson.dumps({"error": what})
