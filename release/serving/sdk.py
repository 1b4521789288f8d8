"""The parts of the KServe SDK that a server is made of, without the rest of it. The only module that imports the SDK.

`import kserve` also loads a Kubernetes client, three hundred records of its API, and pandas: half of the time to ready and
of the memory, for nothing that a server does. So the package is known here by its place only, and pandas, which two modules
import for conversions that nobody here asks for, by one name while they are imported.
"""

from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def _in_parts() -> Iterator[None]:
    spec = importlib.util.find_spec("kserve") if "kserve" not in sys.modules else None
    if spec is not None:
        sys.modules["kserve"] = importlib.util.module_from_spec(spec)  # found, and not run
    stands_in = ModuleType("pandas")
    stands_in.DataFrame = type("DataFrame", (), {})  # type: ignore[attr-defined]
    ours = sys.modules.setdefault("pandas", stands_in) is stands_in
    try:
        yield
    finally:
        if ours:
            del sys.modules["pandas"]


with _in_parts():
    from kserve import logging, model_server
    from kserve.errors import InvalidInput
    from kserve.model import Model
    from kserve.model_repository import ModelRepository
    from kserve.model_server import ModelServer
    from kserve.protocol.infer_type import InferInput, InferOutput, InferRequest, InferResponse, RequestedOutput

__all__ = [
    "InferInput",
    "InferOutput",
    "InferRequest",
    "InferResponse",
    "InvalidInput",
    "Model",
    "ModelRepository",
    "ModelServer",
    "RequestedOutput",
    "logging",
    "model_server",
]
