"""Models as canonical `.skops` files: the same bytes for the same fitted model, and no byte believed on the way back.

skops does the turning of objects into files and back; here its files are brought into one form, and a file is given to it
only after its layout, its types, its sizes and its trees have been checked against our own lists. Describing a model in
`model.json` is `release.artifact.model`'s business; this module imports scikit-learn and is slow to import.
"""

from __future__ import annotations

import copy
import io
import json
import re
import zipfile

import sklearn
import skops.io
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import CountVectorizer

from release.artifact.allowed import TRUSTED
from release.artifact.npy import write_csr
from release.artifact.schema import SCHEMA, Rebuilder
from release.artifact.storedzip import Limits, pack, unpack
from release.artifact.structure import check_structure, parts
from release.errors import BadInputError, ReleaseError, SecurityRefusalError

NAMES = re.compile(r"schema\.json|\d{1,20}\.np[yz]")
LIMITS = Limits()
BYTES_PER_BRACKET, SPARE_BRACKETS = 16, 1000
"""A node of a description has some 90 bytes and few brackets; a list of empty lists would cost 30 times its size."""
KNOWN_GOOD = "estimators and feature steps that `release estimators` lists"
REMEDY = "fetch it again by its digest, or train the model again"


def dump(estimator: object, *, limits: Limits = LIMITS) -> bytes:
    """Return a fitted estimator as a canonical `.skops` file; the estimator is left as it is.

    The bytes depend on what was learnt and on the versions of skops and scikit-learn, not on hash seeds, thread or process
    counts, or addresses. What a model says of its training run is replaced (`FIXED_ATTRIBUTES`: `n_jobs` becomes None). The
    result also loads with plain `skops.io.loads`. Raises BadInputError for a type that `load` would refuse.
    """
    try:
        raw = skops.io.dumps(_with_plain_vocabularies(estimator))
    except Exception as error:  # skops documents none of what it raises, and calls the estimator's own code
        raise BadInputError(
            f"a {type(estimator).__name__} cannot be saved as a skops file: {error}", fix=f"use {KNOWN_GOOD}"
        ) from error
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    files = {name: _plain_sparse(name, body) for name, body in entries.items() if name != SCHEMA}
    rebuilder = Rebuilder(files, limits=limits)
    try:
        schema = rebuilder.document(json.loads(entries[SCHEMA]))
    except SecurityRefusalError as error:
        raise BadInputError(f"the model could not be loaded again: {error.what}", fix=f"use {KNOWN_GOOD}") from error
    content = pack({SCHEMA: schema, **rebuilder.arrays})
    if len(schema) > limits.schema or len(rebuilder.arrays) >= limits.entries or len(content) > limits.size:
        raise BadInputError(
            f"the model has {len(content)} bytes in {len(rebuilder.arrays)} arrays, more than `load` accepts",
            fix="train a smaller one: fewer trees, classes or words",
        )
    return content


def load(content: bytes, *, where: str, sklearn_version: str | None = None, limits: Limits = LIMITS) -> object:
    """Return the estimator in a canonical `.skops` file.

    `where` names the file in messages; `sklearn_version` is what the model was trained with, if it is known from elsewhere.
    Raises SecurityRefusalError, one reason each, for anything that `dump` did not write: another format, another layout, a
    type that is not on our list, sizes beyond `limits`, trees and counts that do not fit. Raises BadInputError when the
    installed scikit-learn is not the one the model was trained with.
    """
    _check_version({sklearn_version} - {None}, where)
    try:
        rebuilder, canonical = _canonical(content, limits)
        _check_version(rebuilder.versions, where)
        model = skops.io.loads(canonical, trusted=TRUSTED)
        if not isinstance(model, BaseEstimator):
            raise SecurityRefusalError("it holds no estimator")  # noqa: TRY301 (one place adds the file's name)
        check_structure(model)
    except SecurityRefusalError as error:
        raise SecurityRefusalError(error.what, where=where, fix=REMEDY) from error
    except ReleaseError:
        raise
    except Exception as error:  # whatever a hostile description makes skops, NumPy or scikit-learn raise
        reason = f"it is malformed ({type(error).__name__})"
        raise SecurityRefusalError(reason, where=where, fix=REMEDY) from error
    if canonical != content:
        raise SecurityRefusalError("it is not in its canonical form: something has rewritten it", where=where, fix=REMEDY)
    return model


def _canonical(content: bytes, limits: Limits) -> tuple[Rebuilder, bytes]:
    """Check a file's layout, types and sizes, and write it anew."""
    entries = unpack(content, names=NAMES, limits=limits)
    if SCHEMA not in entries:
        raise SecurityRefusalError("it has no schema.json")
    schema = bytes(entries.pop(SCHEMA))
    _check_schema_size(schema, limits)
    rebuilder = Rebuilder(entries, limits=limits)
    schema = rebuilder.document(json.loads(schema))
    rebuilder.check_all_used()
    return rebuilder, pack({SCHEMA: schema, **rebuilder.arrays})


def _check_schema_size(schema: bytes, limits: Limits) -> None:
    if len(schema) > limits.schema:
        raise SecurityRefusalError(f"its schema.json has {len(schema)} bytes, more than the {limits.schema} allowed")
    if schema.count(b"{") + schema.count(b"[") > len(schema) // BYTES_PER_BRACKET + SPARE_BRACKETS:
        raise SecurityRefusalError("its schema.json is mostly brackets, and would need far more memory than its size")


def _check_version(trained: set[str | None] | set[str], where: str) -> None:
    for version in sorted(str(one) for one in trained):
        if version != sklearn.__version__:
            raise BadInputError(
                f"the model was trained with scikit-learn {version[:40]}, but {sklearn.__version__} is installed",
                where=where,
                fix="install that version, or train the model again",
            )


def _plain_sparse(name: str, body: bytes) -> bytes:
    """Take the compression, which varies with zlib, out of a sparse matrix that skops has just written."""
    return write_csr(sparse.load_npz(io.BytesIO(body))) if name.endswith(".npz") else body


def _with_plain_vocabularies(estimator: object) -> object:
    """Return the estimator, or a copy in which vocabularies count with Python's integers.

    Text vectorisers keep NumPy integers when they limit their words; skops would write a file for each.
    """
    plain = {
        id(thing.vocabulary_): {term: int(column) for term, column in thing.vocabulary_.items()}
        for thing in parts(estimator)
        if isinstance(thing, CountVectorizer) and "vocabulary_" in vars(thing)
    }
    return copy.deepcopy(estimator, plain) if plain else estimator  # the memo makes deepcopy put the plain ones in
