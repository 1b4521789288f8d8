"""`release publish`: bring to the forge what a pull request's job found, by code that the pull request could not change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option, models_argument
from release.errors import BadInputError

if TYPE_CHECKING:
    from release.stages.publish import PublishRecord


@click.command(short_help="Tell the forge what a pull request's job found.")
@models_argument
@click.option("--collect", is_flag=True, help="In the pull request's job: print the record, as lines for its log.")
@click.option("--base", metavar="REV", help="With --collect: as for the stages before.")
@click.option("--run", type=click.IntRange(min=1), metavar="ID", help="In the trusted job: publish the record of this run.")
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Publish a record that is a file here.")
@click.option("--pull", type=click.IntRange(min=1), metavar="NUMBER", help="With --record: the pull request it is about.")
@click.option("--head", metavar="COMMIT", help="With --record: the commit that was judged, unless it is the head.")
@click.option("--forge", metavar="URL", help="The forge's interface; a CI job knows its own.")
@click.option("--repository", metavar="OWNER/NAME", help="The repository there; a CI job knows its own.")
@json_option
def command(
    models: tuple[str, ...],
    collect: bool,  # noqa: FBT001 (click passes it)
    base: str | None,
    run: int | None,
    record: Path | None,
    pull: int | None,
    head: str | None,
    forge: str | None,
    repository: str | None,
    as_json: bool,  # noqa: FBT001 (click passes it)
) -> None:
    """Keep one comment a model and the status `release / verdict` up to date, and record the look at the test set.

    The job that judges a pull request has no permission to write, and prints a record (--collect). A second job, which runs
    the base branch's code, publishes it and trusts none of it: names and digests are checked, the comment is rendered anew,
    commit and pull request come from the forge. The token is RELEASE_FORGE_TOKEN, else the CI job's own.

    \b
    Example:
      release publish --collect --base main
      release publish --run 4711
      release publish --record record.json --pull 12
    """
    from release.cli import forging  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)

    if [collect, run is not None, record is not None].count(True) != 1 or (record is None) != (pull is None):
        fix = "give --collect, or --run ID, or --record FILE with --pull NUMBER"
        raise BadInputError("it is not said what to publish", where="release publish", fix=fix)
    workspace = Workspace.here()
    if collect:
        found = forging.collect(workspace, models, base)
        emit(found, lambda: forging.to_log(found), as_json=as_json)
        return
    opened = forging.open_forge(forge, repository)
    if run is not None:
        done = forging.publish_run(workspace, opened, run)
    else:
        done = forging.publish_file(workspace, opened, pull or 0, record or Path(), head)
    emit(done, lambda: _text(done), as_json=as_json)


def _text(record: PublishRecord) -> str:
    where = ", ".join(f"#{number}" for number in record.pulls) or "no open pull request has this head any more"
    looks = f"; new looks recorded: {', '.join(record.new)}" if record.new else ""
    return f"{record.head[:12]} {record.state}: {record.description} ({where}){looks}"
