"""What the environment of a training process must say, so that the same rows give the same bytes on every machine.

BLAS, OpenMP and NumPy choose code by processor and core count when they are loaded, and their sums then differ in the last
bits. So whoever starts training sets these variables before NumPy is imported (they are read once); this module therefore
imports nothing heavy and sets nothing itself.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
# Haswell's kernels (AVX2 and FMA, 2013) run on every x86-64 machine that still trains models; so do NumPy's below AVX-512.
_KERNELS = {
    "x86_64": {"OPENBLAS_CORETYPE": "Haswell", "MKL_CBWR": "AVX2"},
    "aarch64": {"OPENBLAS_CORETYPE": "ARMV8"},
}


def _wide_vectors() -> str:
    """Name NumPy's AVX-512 code paths; since 2.4 they are grouped. A name NumPy does not know costs a (hidden) warning."""
    try:
        major, minor = (int(part) for part in version("numpy").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return ""
    grouped = (major, minor) >= (2, 4)
    return "X86_V4 AVX512_ICL AVX512_SPR" if grouped else "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"


def _pinned() -> dict[str, str]:
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    vectors = {"NPY_DISABLE_CPU_FEATURES": _wide_vectors()} if machine == "x86_64" else {}
    return {**_ONE_THREAD, **_KERNELS.get(machine, {}), **vectors}


PINNED: dict[str, str] = _pinned()
"""Environment variables to set, whatever they were, before NumPy is imported."""
