"""Finds the programs that people may have installed beside ours: by RELEASE_<NAME>, else on PATH.

What is done with them is the adapters' business.
"""

from __future__ import annotations

import os
import shutil

from release.errors import BadInputError


def find(name: str) -> str | None:
    """Return the path of a program, None where it is not installed or its variable is set to nothing.

    Raises BadInputError for a variable that names no program.
    """
    variable = f"RELEASE_{name.upper()}"
    said = os.environ.get(variable)
    if said is None:
        return shutil.which(name)
    if not said:
        return None
    found = shutil.which(said)
    if found is None:
        fix = f"correct it, or set it to nothing to do without {name}"
        raise BadInputError(f"{said!r} is no program", where=variable, fix=fix)
    return found


def schemas(option: str | None) -> str | None:
    """Return where Kubernetes' schemas are: the option, else RELEASE_SCHEMAS, else None."""
    return option or os.environ.get("RELEASE_SCHEMAS") or None
