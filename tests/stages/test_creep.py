"""Small losses that add up: each within its margin of the one before, and stopped by the anchor."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from release.adapters.store import FolderStore
from release.artifact import ledger as events
from release.artifact.ledger import EMPTY, Ledger
from release.artifact.promotion_commit import evidence_of
from release.artifact.serial import digest_of
from release.config.build import load_model
from release.learning.predict import Predictions, to_csv
from release.records import (
    Commit,
    Digest,
    EnvironmentName,
    EvaluateRecord,
    EventKind,
    ModelName,
    ReleaseId,
    Scored,
    Verdict,
    VerdictRecord,
)
from release.stages.gate import gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

N, MARGIN, RELEASES = 4_000, 0.04, 20
MODEL = f"""\
owner: a
task: binary
data: {{train: data/train.csv, test: data/test.csv, target: y, id: key, columns: {{x: float}}}}
estimator: {{kind: logistic-regression}}
gate:
  primary: {{metric: accuracy, margin: {MARGIN}}}
  floors: {{accuracy: 0.2}}
  looks: 40
"""
STAGING, NAME, AT = EnvironmentName("staging"), ModelName("m"), datetime(2026, 1, 31, 12, tzinfo=UTC)
Y = np.arange(N) % 2
IDS = np.array([f"k{number}" for number in range(N)], dtype=object)
ORDER = np.random.default_rng(5).permutation(N)


class Quiet:
    """Progress that nobody reads."""

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Let a step pass."""
        assert what
        yield

    def note(self, what: str) -> None:
        """Fail: a judgement has nothing to note."""
        raise AssertionError(what)


class Line:
    """A model's releases: each judged by the gate, and promoted in a ledger when it passes."""

    def __init__(self, folder: Path) -> None:
        """Write the held-out rows and begin with nothing released."""
        (folder / "data").mkdir()
        (folder / "data/test.csv").write_text(
            "key,x,y\n" + "".join(f"k{number},{number / 10},{number % 2}\n" for number in range(N))
        )
        self.folder, self.store, self.ledger = folder, FolderStore(folder / "state"), EMPTY
        self.spec = load_model(MODEL.encode(), where="models/m/model.yaml")
        self.known: dict[Digest, Scored] = {}

    def model(self, wrong: int) -> Scored:
        """Keep the predictions of a model that is wrong on so many rows, on the same ones as a better model and more."""
        values = np.where(np.isin(np.arange(N), ORDER[:wrong]), 0.9 - 0.8 * Y, 0.1 + 0.8 * Y)
        content = to_csv(Predictions(task="binary", ids=IDS, y=Y, values=values))
        digest = digest_of(f"model {wrong}".encode())
        self.known[digest] = Scored(
            model_digest=digest, predictions=self.store.put(content), source="store", metrics={}, threshold=0.5
        )
        return self.known[digest]

    def judge(self, challenger: Scored, *, anchored: bool) -> VerdictRecord:
        """Judge a model against what the ledger says, with or without the anchor."""
        best = events.champion(self.ledger, [STAGING])
        fixed = events.anchor(self.ledger, [STAGING], "accuracy") if anchored else None
        champion, anchor = (self.known[one.release.model_digest] if one and one.release else None for one in (best, fixed))
        evaluated = EvaluateRecord(
            model=NAME,
            commit=Commit("c" * 40),
            key=challenger.model_digest,
            task="binary",
            test_digest=digest_of(b"rows"),
            rows=N,
            threshold=0.5,
            classes=("0", "1"),
            challenger=challenger,
            champion=champion,
            anchor=None if anchor == champion else anchor,
        )
        return gate(
            evaluated,
            self.spec,
            self.spec.gate,
            key=challenger.model_digest,
            commit=evaluated.commit,
            looks=1,
            folder=self.folder,
            store=self.store,
            progress=Quiet(),
        )

    def promote(self, verdict: VerdictRecord) -> Ledger:
        """Append what promoting a passed challenger appends, and read the chain back."""
        digest = verdict.challenger
        release = ReleaseId(
            model_digest=digest,
            image_repository="registry.example/m",
            image_digest=digest,
            chart="charts/versions/1",
            version=events.version_of(self.ledger, digest),
        )
        grown, _ = events.append(
            self.ledger,
            EventKind.PROMOTED,
            at=AT,
            model=NAME,
            environment=STAGING,
            operation=digest,
            release=release,
            evidence=evidence_of(verdict),
        )
        self.ledger = events.parse(grown.content, "ledger")
        return self.ledger


def _worsened(line: Line, *, anchored: bool) -> tuple[int, VerdictRecord]:
    """Propose twenty models, each half a margin worse than the champion; return how many pass, and the last verdict."""
    half, passed = round(N * MARGIN / 2), 0
    line.promote(line.judge(line.model(200), anchored=anchored))
    verdict = None
    for _ in range(RELEASES):
        verdict = line.judge(line.model(200 + (passed + 1) * half), anchored=anchored)
        if verdict.verdict is not Verdict.PASS:
            break
        line.promote(verdict)
        passed += 1
    assert verdict is not None
    return passed, verdict


def test_twenty_releases_each_half_a_margin_worse_are_stopped(tmp_path: Path) -> None:
    """Before they have lost one margin in all: the champion alone would let every one of them pass."""
    (tmp_path / "with").mkdir()
    passed, verdict = _worsened(Line(tmp_path / "with"), anchored=True)
    assert passed == 1
    assert verdict.verdict is not Verdict.PASS
    assert [c.against for c in verdict.comparisons if c.verdict is not Verdict.PASS] == ["anchor"]
    (tmp_path / "without").mkdir()
    assert _worsened(Line(tmp_path / "without"), anchored=False)[0] == RELEASES


def test_a_release_that_is_shown_better_becomes_the_anchor(tmp_path: Path) -> None:
    """From then on losses are counted from it, though it was the first release that they were counted from before."""
    line = Line(tmp_path)
    for wrong in (600, 560, 350):
        line.promote(line.judge(line.model(wrong), anchored=True))
    shown = events.anchor(line.ledger, [STAGING], "accuracy")
    assert shown is not None
    assert shown.release is not None
    assert shown.release.model_digest == digest_of(b"model 350")
    line.promote(line.judge(line.model(400), anchored=True))
    verdict = line.judge(line.model(520), anchored=True)
    assert verdict.anchor == digest_of(b"model 350")
    near, far = (c for c in verdict.comparisons if c.role == "primary")
    assert (near.verdict, far.against) == (Verdict.PASS, "anchor")
    assert far.verdict is not Verdict.PASS
