"""Arrays as bytes: the one `.npy` and `.npz` form that model files hold, and a reader that believes no header.

Values keep their memory order (C or Fortran): BLAS takes another path for the other order, and predictions would move in the
last bit. What arrays mean (trees, indexes) is checked elsewhere.
"""

from __future__ import annotations

import io
import math
import re
from typing import Any

import numpy as np
from scipy import sparse

from release.artifact.storedzip import Buffer, Limits, pack, unpack
from release.errors import SecurityRefusalError

Array = np.ndarray[Any, np.dtype[Any]]

KINDS = "biufU"
MAGIC = b"\x93NUMPY\x01\x00"
CSR_PARTS = ("data", "format", "indices", "indptr", "shape")
CSR_NAMES = re.compile(rf"({'|'.join(CSR_PARTS)}|_is_array)\.npy")


def read_npy(content: Buffer) -> Array:
    """Read a `.npy` file of numbers, booleans, text, or records of numbers.

    Raises SecurityRefusalError when its header promises another size than the file has, or a type that is none of these.
    """
    raw = bytes(content)
    stream = io.BytesIO(raw)
    if raw[: len(MAGIC)] != MAGIC:
        raise SecurityRefusalError("an array is not in the npy format, version 1.0")
    stream.seek(len(MAGIC))
    try:
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:
        raise SecurityRefusalError("an array has a header that cannot be read") from error
    kinds = [dtype[name].kind for name in dtype.names] if dtype.names else [dtype.kind]
    if dtype.hasobject or dtype.subdtype or not set(kinds) <= set(KINDS) or not dtype.isnative:
        raise SecurityRefusalError(f"an array holds {dtype}, not plain numbers or text")
    size = len(raw) - stream.tell()
    if dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize != size:
        raise SecurityRefusalError(f"an array of shape {shape} claims another size than the {size} bytes it has")
    flat = np.frombuffer(raw, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def write_npy(array: Array) -> bytes:
    """Write an array in the canonical form: version 1.0, and the padding of records zeroed."""
    if array.dtype.names:
        clean = np.zeros(array.shape, array.dtype)
        for name in array.dtype.names:
            clean[name] = array[name]
        array = clean
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def write_csr(matrix: Any) -> bytes:
    """Write a compressed sparse row matrix as a stored `.npz` that `scipy.sparse.load_npz` reads."""
    if matrix.format != "csr":
        raise SecurityRefusalError(f"a sparse matrix is in the form {matrix.format}; only csr is allowed")
    parts = {
        "data": matrix.data,
        "format": np.array("csr"),
        "indices": matrix.indices,
        "indptr": matrix.indptr,
        "shape": np.array(matrix.shape, dtype=np.int64),
    }
    if isinstance(matrix, sparse.sparray):
        parts["_is_array"] = np.array(True)  # noqa: FBT003 (a value, as scipy writes it)
    return pack({f"{name}.npy": write_npy(part) for name, part in parts.items()})


def read_csr(content: Buffer, limits: Limits) -> Any:
    """Read what `write_csr` wrote. Raises SecurityRefusalError for indexes out of range: compiled code would follow them."""
    parts = {name.removesuffix(".npy"): read_npy(body) for name, body in _members(content, limits).items()}
    if not set(CSR_PARTS) <= set(parts) or parts["format"].tolist() != "csr":
        raise SecurityRefusalError("a sparse matrix lacks a part")
    kind = sparse.csr_array if "_is_array" in parts else sparse.csr_matrix
    shape = tuple(parts["shape"].tolist())
    try:
        matrix = kind((parts["data"], parts["indices"], parts["indptr"]), shape=shape)
        matrix.check_format(full_check=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise SecurityRefusalError("a sparse matrix has indexes out of range") from error
    return matrix


def _members(content: Buffer, limits: Limits) -> dict[str, memoryview]:
    return unpack(content, names=CSR_NAMES, limits=limits)
