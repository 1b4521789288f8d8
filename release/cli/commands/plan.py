"""`release plan`: which models are due, why, and what kind of release each asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option

if TYPE_CHECKING:
    from release.records import Plan


@click.command(short_help="Say which models are due, why, and what kind of release each is.")
@click.option("--base", metavar="REV", help="Compare with the merge base of REV and HEAD; otherwise with the ledger.")
@json_option
def command(base: str | None, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Say which models are due: against a base revision in a pull request, against the ledger otherwise.

    With --json the document holds `matrix`, which a CI matrix can be made of.

    \b
    Examples:
      release plan --base main
      release plan --json
    """
    from release.cli.due import make_plan  # noqa: PLC0415 (kept off the path of --help)

    found = make_plan(base)
    document = {
        "commit": found.commit,
        "base": found.base,
        "due": [{"model": item.model, "kind": item.kind, "why": list(item.why)} for item in found.items],
        "matrix": {"include": [{"model": item.model, "kind": str(item.kind)} for item in found.items]},
    }
    emit(document, lambda: _text(found), as_json=as_json)


def _text(plan: Plan) -> str:
    if not plan.items:
        return "nothing to release"
    width = max(len(item.model) for item in plan.items)
    return "\n".join(f"{item.model:<{width}}  {item.kind:<10}  {'; '.join(item.why)}" for item in plan.items)
