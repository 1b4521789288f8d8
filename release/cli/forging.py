"""Joins the forge to a command: which forge, whose token, what a run of the pull request's workflow left behind.

Reads the variables that CI systems set, as `release.cli.wiring` does for everything else. The rules of publishing are in
`release.stages.publish`.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
import urllib.request
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from release.artifact import judgement
from release.artifact.forge import KNOWN, Check, clean_token, detect, remote_of
from release.artifact.judgement import Judgement, Submission, to_log
from release.errors import BadInputError, ReleaseError, SecurityRefusalError
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from release.artifact.forge import PullRequest
    from release.cli.wiring import Workspace
    from release.ports import Forge
    from release.records import VerdictRecord
    from release.stages.publish import PublishRecord, Subject

__all__ = [
    "collect",
    "deploys_forge",
    "open_forge",
    "publish_file",
    "publish_run",
    "rendered",
    "sources_forge",
    "to_log",
]

SUCCESS = "success"
_TOKENS = ("RELEASE_FORGE_TOKEN", "GITHUB_TOKEN", "GITEA_TOKEN", "GITLAB_TOKEN")


def open_forge(address: str | None, repository: str | None) -> Forge:
    """Open the forge named, or the one that this CI job runs on.

    Raises BadInputError when address, repository or token are missing.
    """
    from release.adapters.forge import open_forge as adapter  # noqa: PLC0415 (requests)

    token = clean_token(_first(*_TOKENS))
    server = _first("GITHUB_SERVER_URL", "CI_SERVER_URL")
    api = address or _first("RELEASE_FORGE", "GITHUB_API_URL", "CI_API_V4_URL")
    name = repository or _first("RELEASE_FORGE_REPOSITORY", "GITHUB_REPOSITORY", "CI_PROJECT_PATH")
    if not (api or server):
        raise BadInputError("no forge is named", where="--forge", fix="give the address of its interface")
    found = detect(server, api, name)
    direct = urllib.request.proxy_bypass(urlsplit(found.api).hostname or "")
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    return adapter(found, token, proxies={} if direct else urllib.request.getproxies(), ca_bundle=bundle)


def sources_forge(workspace: Workspace) -> Forge | None:
    """Open the forge where this repository's pull requests are, None where none is configured: no token, or no address.

    RELEASE_FORGE and RELEASE_FORGE_REPOSITORY name it, else the CI job's variables; else RELEASE_FORGE_TOKEN alone
    suffices where `origin` is on a forge that everybody knows. Raises as `open_forge`.
    """
    return _configured(_remote(workspace), _first("RELEASE_FORGE_REPOSITORY", "GITHUB_REPOSITORY", "CI_PROJECT_PATH"))


def deploys_forge(workspace: Workspace) -> Forge | None:
    """Open the forge where the deploy branch's pull requests are: another repository's, where release.yaml names one."""
    elsewhere = workspace.project.deploy.repository
    if elsewhere == ".":
        return sources_forge(workspace)
    return _configured(elsewhere, (remote_of(elsewhere) or ("", ""))[1])


def _configured(url: str, repository: str) -> Forge | None:
    if not _first(*_TOKENS):
        return None
    server, name = remote_of(url) or ("", "")
    if _first("RELEASE_FORGE", "GITHUB_API_URL", "CI_API_V4_URL", "GITHUB_SERVER_URL", "CI_SERVER_URL"):
        return open_forge(None, repository or name)
    if not os.environ.get(_TOKENS[0]) or server not in KNOWN:
        return None
    return open_forge(KNOWN[server], repository or name)


def _remote(workspace: Workspace) -> str:
    from release.adapters.process import Git  # noqa: PLC0415 (kept off the path of --help)

    return Git(workspace.source.root).says("config", "--get", "remote.origin.url") or ""


def _first(*names: str) -> str:
    """Return the first of these variables that is set, empty when none is."""
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def collect(workspace: Workspace, models: Sequence[str], base: str | None) -> Submission:
    """Gather what this job judged at HEAD; a model that could not be judged is left out, and said."""
    from release.cli import jobs, pipeline  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.due import chosen  # noqa: PLC0415 (as above)
    from release.cli.each import base_of  # noqa: PLC0415 (as above)
    from release.judging.feedback import shown_evaluation  # noqa: PLC0415 (as above)

    found = []
    start = base_of(workspace, base)
    for name, kind in chosen(workspace, models, base=base):
        try:
            job = jobs.job(workspace, name, kind=kind, base=start)
            trained = pipeline.train(workspace, job, known=True)
            evaluated = pipeline.evaluate(workspace, job, trained, known=True)
            verdict = pipeline.gate(workspace, job, evaluated, known=True)
        except ReleaseError as error:
            workspace.progress.note(f"{name}: {error}")
            continue
        found.append(Judgement(verdict=verdict, train=trained, evaluate=shown_evaluation(evaluated, verdict)))
    return Submission(judgements=tuple(found))


def publish_run(workspace: Workspace, forge: Forge, number: int) -> PublishRecord:
    """Publish what a finished run of the pull request's workflow wrote into its log."""
    from release.stages.publish import Subject  # noqa: PLC0415 (kept off the path of --help)

    run = forge.run(number)
    pulls = [forge.pull(one) for one in run.pulls]
    subject = Subject(
        head=run.head, pulls=run.pulls, conclusion=run.conclusion, url=run.url, by=_by(pulls), known=frozenset()
    )
    content = judgement.from_log(run.log)
    if content is None and run.conclusion != SUCCESS:
        return _published(workspace, forge, subject, pulls, b'{"judgements": []}', f"run {number}")
    return _published(workspace, forge, subject, pulls, content or b"", f"run {number}")


def publish_file(workspace: Workspace, forge: Forge, number: int, path: Path, head: str | None) -> PublishRecord:
    """Publish a record that a job left as a file. A head that has moved on since gets its status and its look only."""
    from release.stages.publish import Subject  # noqa: PLC0415 (kept off the path of --help)

    if not path.is_file():
        fix = "the pull request's job has to leave it there"
        raise BadInputError("there is no such file", where=str(path), fix=fix)
    with path.open("rb") as file:
        content = file.read(judgement.MOST_BYTES + 1)  # enough to be refused for its size
    pull = forge.pull(number)
    judged = Commit(head) if head else pull.head
    pulls = (number,) if judged == pull.head else ()
    subject = Subject(head=judged, pulls=pulls, conclusion=SUCCESS, url="", by=_by([pull]), known=frozenset())
    return _published(workspace, forge, subject, [pull], content, str(path))


def _published(
    workspace: Workspace, forge: Forge, subject: Subject, pulls: Sequence[PullRequest], content: bytes, where: str
) -> PublishRecord:
    """Hand it to the stage; what is refused leaves a status that says so, or the pull request would wait for ever."""
    from release.stages.publish import publish  # noqa: PLC0415 (kept off the path of --help)

    try:
        submission = _told(workspace, judgement.read(content, where=where))
        known = set(workspace.models())
        if pulls and all(pull.source == pull.target for pull in pulls):
            # Who may push here may also begin the ledger of a model that is new.
            known |= {judged.verdict.model or "" for judged in submission.judgements}
        return publish(
            submission,
            replace(subject, known=frozenset(known)),
            forge=forge,
            branch=workspace.branch,
            clock=workspace.clock,
            render=rendered,
            pause=time.sleep,
            rng=random.Random(os.urandom(8)),  # noqa: S311 (jitter, not a secret)
        )
    except (BadInputError, SecurityRefusalError):
        forge.status(subject.head, Check.ERROR, "the record that the job left cannot be used", subject.url)
        raise


def _told(workspace: Workspace, submission: Submission) -> Submission:
    """Withhold what this branch's policy withholds, whatever the record says and holds.

    Of a model that is new here, or whose model.yaml cannot be read here, the record's own word counts.
    """
    from release.cli.budget import told  # noqa: PLC0415 (kept off the path of --help)
    from release.config.build import effective_gate  # noqa: PLC0415 (as above)
    from release.config.names import model_name  # noqa: PLC0415 (as above)
    from release.judging.feedback import FULL, shown_evaluation  # noqa: PLC0415 (as above)

    found = []
    for one in submission.judgements:
        name = model_name(one.verdict.model or "")
        feedback = one.verdict.feedback
        with contextlib.suppress(BadInputError):
            feedback = effective_gate(workspace.spec(name), workspace.project, where=f"models/{name}/model.yaml").feedback
        if feedback == FULL:
            found.append(one)
            continue
        ledger = workspace.ledger(name, tip=workspace.branch.tip(fetch=True))
        verdict = told(workspace, ledger, replace(one.verdict, feedback=feedback))
        evaluated = None if one.evaluate is None else shown_evaluation(one.evaluate, verdict)
        found.append(replace(one, verdict=verdict, evaluate=evaluated))
    return Submission(judgements=tuple(found))


def _by(pulls: Sequence[PullRequest]) -> str:
    return ", ".join(f"{pull.author} in #{pull.number}" for pull in pulls) or "a pull request that has moved on"


def rendered(judged: Judgement) -> tuple[str, str]:
    """Return marker and Markdown of a judgement. Raises BadInputError for numbers that no page can be made of."""
    from release.report import markdown  # noqa: PLC0415 (numpy)

    verdict = judged.verdict
    marker = markdown.marker(verdict.model)
    try:
        body = _brief(marker, verdict) if judged.train is None else markdown.render(judged.train, judged.evaluate, verdict)
    except (ArithmeticError, ValueError, TypeError, LookupError) as error:
        what = f"nothing can be made of these numbers ({type(error).__name__})"
        raise BadInputError(what, where=str(verdict.model), fix="run the pull request's job again") from error
    note = "*From the pull request's own job, provisional: the main branch judges the merged tree again.*"
    # Manifests are not in the record, and never rendered here: a pull request's chart is code, and this job is privileged.
    where = "*What it changes in the manifests of each environment is in that job's summary.*"
    return marker, f"{body.rstrip()}\n\n{where}\n{note}\n"


def _brief(marker: str, verdict: VerdictRecord) -> str:
    """Say a verdict whose training is not known here."""
    from release.report.cells import MARKS  # noqa: PLC0415 (numpy)
    from release.report.escape import code, prose  # noqa: PLC0415 (as above)
    from release.report.words import explanations, headline  # noqa: PLC0415 (as above)

    told = [f"- {prose(text)}" for text in explanations(verdict)[:40]]
    head = f"{marker}\n## {MARKS[verdict.verdict]} {verdict.verdict.value}: {code(verdict.model or '', limit=60)}"
    return "\n\n".join([head, prose(headline(verdict), limit=1200), "\n".join(told)])
