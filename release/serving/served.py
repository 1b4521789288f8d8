"""The model as the KServe SDK knows it: one subclass of its `Model`, which answers V2 requests by REST and gRPC.

Here are the SDK's traps, each covered: an id is always set (without one it answers 500), bad input is InvalidInput (400),
predicting happens off the event loop (which answers probes), metadata names inputs and outputs.
"""

from __future__ import annotations

import asyncio
import struct
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.errors import BadInputError
from release.serving.sdk import InferOutput, InferRequest, InferResponse, InvalidInput, Model
from release.serving.tensors import Tensor, inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from release.serving.metrics import Metrics
    from release.serving.scorer import Scorer
    from release.serving.sdk import InferInput


_FEW = 16
"""Rows that a quick model scores before another thread would have begun."""


@dataclass(frozen=True)
class Asked:
    """One request, however it came: its id, its tensors, and the outputs it names, all of them if none."""

    identity: str
    inputs: Sequence[Tensor]
    outputs: Sequence[str]


class ServedModel(Model):  # type: ignore[misc]  # the SDK has no types
    """One verified model under its name."""

    def __init__(self, name: str, scorer: Scorer, metrics: Metrics) -> None:
        """Take a model that has proved itself: it is ready from the start."""
        super().__init__(name)
        self._scorer = scorer
        self._metrics = metrics
        # One thread: a pod is scaled by replicas, and requests are answered in their order.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        """Return the inputs for the model's metadata."""
        return inputs(self._scorer.rows.columns)

    def get_output_types(self) -> list[dict[str, Any]]:
        """Return the outputs for the model's metadata."""
        return self._scorer.outputs()

    async def answered(self, asked: Asked) -> Mapping[str, NDArray[Any]]:
        """Return the outputs that were asked for. Raises BadInputError about the input that is wrong."""
        if self._scorer.quick and asked.inputs and asked.inputs[0].shape[0] <= _FEW:
            return self._answer(asked)  # in less time than handing it to another thread takes
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, asked)

    async def predict(
        self, payload: InferRequest, headers: Mapping[str, str] | None = None, response_headers: Any = None
    ) -> InferResponse:
        """Answer one request by gRPC. Raises InvalidInput with one line about the input that is wrong."""
        del headers, response_headers
        began = time.perf_counter()
        code = 500
        try:
            wanted = [one.name for one in payload.request_outputs or []]
            asked = Asked(payload.id or str(uuid.uuid4()), [_tensor(one) for one in payload.inputs], wanted)
            outputs = await self.answered(asked)
            code = 200
        except BadInputError as error:
            code = 400
            raise InvalidInput(str(error)) from error
        finally:
            self._metrics.request(code, time.perf_counter() - began)
        raw = payload.use_binary_outputs is True
        return InferResponse(
            response_id=asked.identity,
            model_name=self.name,
            infer_outputs=[_output(name, values, raw=raw) for name, values in outputs.items()],
            from_grpc=payload.from_grpc,
            use_binary_outputs=raw,
        )

    def _answer(self, asked: Asked) -> Mapping[str, NDArray[Any]]:
        if not asked.inputs:
            raise BadInputError("the request has no inputs", fix="send a tensor for every column")
        features = self._scorer.rows.features(asked.inputs)
        answer = self._scorer.answer(features)
        found = {name: answer.outputs[name] for name in _wanted(asked, list(answer.outputs))}
        self._metrics.rows(features, answer)
        return found


def _tensor(sent: InferInput) -> Tensor:
    """Return a tensor as it was sent, raw bytes (gRPC) decoded."""
    data: Any = sent.data
    if sent._raw_data is not None:  # noqa: SLF001 (the SDK has no public way to know)
        try:
            data = sent.as_numpy().ravel()
        except (ValueError, struct.error, IndexError, TypeError) as error:
            raise BadInputError(
                f"its bytes are no {sent.datatype[:20]} tensor of shape {sent.shape}",
                where=f'input "{sent.name[:100]}"',
                fix="send as many values as the shape says",
            ) from error
    return Tensor(sent.name, sent.datatype, tuple(sent.shape), data)


def datatype_of(values: NDArray[Any]) -> str:
    """Return V2's name for what an output holds."""
    return "BYTES" if values.dtype == np.object_ else "FP64"


def _wanted(asked: Asked, names: list[str]) -> list[str]:
    for name in asked.outputs:
        if name not in names:
            raise BadInputError(
                "the model has no such output", where=f'output "{name[:100]}"', fix=f"ask for {' or '.join(names)}"
            )
    return list(asked.outputs) or names


def _output(name: str, values: NDArray[Any], *, raw: bool) -> InferOutput:
    output = InferOutput(name, list(values.shape), datatype_of(values))
    if raw:
        output.set_data_from_numpy(values, binary_data=True)
    else:
        output.data = values.ravel().tolist()
    return output
