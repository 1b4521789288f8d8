"""How much of a test set's budget of looks is used up, looks at older files with the same rows included.

Rows are compared by the marks that are kept of every test set that judged somebody here, else by the file as Git has it.
What a look is worth, and what becomes of a spent budget, is the gate's; what may be shown meanwhile is
`release.judging.feedback`'s, fed here with what the ledger and this machine know.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from release.adapters.process import Git
from release.artifact.ledger import looks
from release.artifact.looks import displayed, judged_on, passed
from release.artifact.serial import digest_json, digest_of
from release.errors import BadInputError, EnvironmentTroubleError
from release.judging.feedback import FULL, ladder_value, shown, without_numbers
from release.records import Commit, Digest, EvaluateRecord, Verdict, VerdictRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from release.artifact.ledger import Ledger
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.config.model import DataSpec
    from release.data.shared import Marks

_STAGE = "rows"
_SHOWN = "shown"
_RECIPE = 1
_VERSIONS = 200
"""So many versions of a test file are searched for one that a lost commit had."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """That the marks of a test set's rows are a blob here."""

    model: str
    test: Digest
    marks: Digest


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A value that the Ladder has shown here."""

    test: Digest
    value: float


@dataclass(frozen=True, kw_only=True)
class Kin:
    """Another test set with looks, `shared` of the present one's rows in it."""

    test: Digest
    shared: int
    looks: int


@dataclass(frozen=True, kw_only=True)
class Spent:
    """The looks that count against a test set: its own, and those at its kin; `unknown` could not be compared with it."""

    own: int
    kin: tuple[Kin, ...] = ()
    unknown: tuple[Digest, ...] = ()

    @property
    def inherited(self) -> int:
        """How many looks were at other files."""
        return sum(one.looks for one in self.kin)

    @property
    def used(self) -> int:
        """How many looks there were."""
        return self.own + self.inherited


def spent(workspace: Workspace, job: Job, test: Digest) -> Spent:
    """Count the looks at a test set, which is the model's file as it lies here, and at those it shares rows with.

    One shared row suffices, by its id or its content: neither renaming nor reordering nor dropping rows makes a new budget.
    Raises EnvironmentTroubleError where a shallow clone lacks a file that would tell.
    """
    known = {one.test: one for one in workspace.store.records(_STAGE, Kept) if one.model == job.model}
    before = judged_on(job.ledger)
    own = looks(job.ledger, test) | workspace.store.looks(test)
    path = workspace.source.root / job.folder / job.spec.data.test
    ours = _kept(workspace, known.get(test)) or _mark(workspace, job, test, path, job.spec.data)
    kin, unknown = [], []
    for other in [*before, *(one for one in known if one not in before)]:
        seen = looks(job.ledger, other) | workspace.store.looks(other)
        if other == test or not seen:
            continue
        theirs = _kept(workspace, known.get(other)) or _from_git(workspace, job, other, before.get(other, ()))
        if theirs is None:
            unknown.append(other)
        elif (common := _shared(ours, theirs)) > 0:
            kin.append(Kin(test=other, shared=common, looks=len(seen)))
    return Spent(own=len(own), kin=tuple(kin), unknown=tuple(unknown))


def notes(found: Spent) -> tuple[str, ...]:
    """Say whose looks were inherited, and what could not be compared."""
    told = [
        f"{one.shared} of its rows are in the test set {one.test[7:19]}, whose {_looks(one.looks)} count here too: "
        "only new rows, with ids of their own, make a new budget"
        for one in found.kin
    ]
    told += [
        f"whether it shares rows with the test set {one[7:19]} is not known: its commits are not in this clone, "
        "nor is the file in the history of this branch"
        for one in found.unknown
    ]
    return tuple(told)


def _looks(count: int) -> str:
    return f"{count} look{'' if count == 1 else 's'}"


def told(workspace: Workspace, ledger: Ledger, verdict: VerdictRecord) -> VerdictRecord:
    """Return what may leave this machine's memory of a judgement, by the feedback that it names."""
    if verdict.feedback == FULL:
        return verdict
    test = verdict.test_set.digest
    before = [one.value for one in workspace.store.records(_SHOWN, Shown) if one.test == test]
    for one in verdict.comparisons:
        if one.role == "primary":
            before += displayed(ledger, test, one.metric)
    answer = shown(verdict, passed=has_passed(workspace, ledger, test), before=before)
    climbed = ladder_value(answer)
    if climbed is not None and climbed.challenger is not None:
        key = digest_json({"test": test, "challenger": verdict.challenger})
        workspace.store.put_record(_SHOWN, key, Shown(test=test, value=climbed.challenger))
    return answer


def told_evaluation(workspace: Workspace, job: Job, evaluated: EvaluateRecord) -> EvaluateRecord:
    """Return what may leave this machine's memory of an evaluation that is not judged yet."""
    met_itself = evaluated.champion is not None and evaluated.champion.model_digest == evaluated.challenger.model_digest
    if job.policy.feedback == FULL or met_itself or has_passed(workspace, job.ledger, evaluated.test_digest):
        return evaluated
    return without_numbers(evaluated)


def has_passed(workspace: Workspace, ledger: Ledger, test: Digest) -> bool:
    """Say whether a challenger has passed on a test set, by the ledger or here; a champion that met itself has not."""
    local = (one for one in workspace.store.records("gate", VerdictRecord) if one.test_set.digest == test)
    won = any(one.verdict is Verdict.PASS and one.challenger != one.champion for one in local)
    return won or passed(ledger, test)


def _shared(ours: Marks, theirs: Marks) -> int:
    from release.data.shared import shared  # noqa: PLC0415 (pandas)

    return shared(ours, theirs)


def _kept(workspace: Workspace, record: Kept | None) -> Marks | None:
    """Read marks back; None where they are gone or damaged."""
    from release.data.shared import from_bytes  # noqa: PLC0415 (pandas)

    content = workspace.store.get(record.marks) if record is not None else None
    with contextlib.suppress(ValueError):
        return None if content is None else from_bytes(content)
    return None


def _mark(workspace: Workspace, job: Job, test: Digest, path: Path, data: DataSpec) -> Marks:
    """Mark the rows of a file and remember it under the file's digest."""
    from release.data import tables  # noqa: PLC0415 (pandas)
    from release.data.shared import marks, to_bytes  # noqa: PLC0415 (as above)

    found = marks(tables.read(path, where=f"{job.folder}/{data.test}"), data)
    key = digest_json({"model": job.model, "test": test, "recipe": _RECIPE})
    workspace.store.put_record(_STAGE, key, Kept(model=job.model, test=test, marks=workspace.store.put(to_bytes(found))))
    return found


def _from_git(workspace: Workspace, job: Job, test: Digest, commits: Sequence[Commit]) -> Marks | None:
    """Mark the rows of a test set as a commit has it: one that it judged at, else any of this branch's history.

    None where no commit here has it. Raises EnvironmentTroubleError where that may be because the clone is shallow.
    """
    lacking: EnvironmentTroubleError | None = None
    for commit in commits:
        try:
            data = _data_at(workspace, job, commit)
            content = workspace.source.read(commit, f"{job.folder}/{data.test}")
        except EnvironmentTroubleError as error:
            lacking = error
            continue
        if content is not None and digest_of(content) == test:
            return _mark_content(workspace, job, test, content, data)
    for commit, content in _versions(workspace, f"{job.folder}/{job.spec.data.test}"):
        if digest_of(content) == test:
            return _mark_content(workspace, job, test, content, _data_at(workspace, job, commit))
    if lacking is not None and "--unshallow" in lacking.fix:
        what = f"whether this test set shares rows with an older one, {test[7:19]}, cannot be told in a shallow clone"
        raise EnvironmentTroubleError(what, where=f"{job.folder}/{job.spec.data.test}", fix=lacking.fix) from lacking
    return None


def _data_at(workspace: Workspace, job: Job, commit: Commit) -> DataSpec:
    """Return where a commit keeps the rows and what names them; the present answer where the commit's is unreadable."""
    try:
        return workspace.spec(job.model, commit).data
    except BadInputError:
        return job.spec.data


def _versions(workspace: Workspace, path: str) -> Iterator[tuple[Commit, bytes]]:
    """Yield the distinct contents that a file had on this branch, the latest first."""
    limit = f"--max-count={_VERSIONS}"
    listing = Git(workspace.source.root).run("log", limit, "--format=%H", workspace.source.resolve("HEAD"), "--", path)
    for commit in (Commit(line) for line in listing.decode().split()):
        content = workspace.source.read(commit, path)
        if content is not None:
            yield commit, content


def _mark_content(workspace: Workspace, job: Job, test: Digest, content: bytes, data: DataSpec) -> Marks:
    workspace.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.state, prefix="rows-") as folder:
        path = Path(folder) / Path(data.test).name
        path.write_bytes(content)
        return _mark(workspace, job, test, path, data)
