"""`release history`: a model's ledger as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option

if TYPE_CHECKING:
    from release.records import Event


@click.command(short_help="Show a model's ledger as people read it.")
@click.argument("model")
@click.option("--fetch/--no-fetch", default=False, help="Ask the deploy branch's remote first.")
@json_option
def command(model: str, fetch: bool, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Show every event of a model's ledger, the newest first: what, where, when, by which commit, on what evidence.

    \b
    Example:
      release history churn
    """
    from release.cli.wiring import LEDGER, Workspace  # noqa: PLC0415 (kept off the path of --help)
    from release.config.names import model_name  # noqa: PLC0415 (as above)
    from release.errors import BadInputError  # noqa: PLC0415 (as above)

    workspace = Workspace.here()
    name = model_name(model)
    ledger = workspace.ledger(name, tip=workspace.branch.tip(fetch=fetch))
    if not ledger.events and name not in workspace.models():
        known = ", ".join(workspace.models()) or "none yet"
        raise BadInputError(f"there is no model {name}", where=f"{LEDGER}/{name}.jsonl", fix=f"models here: {known}")
    events = list(reversed(ledger.events))
    text = "\n".join(_text(event) for event in events) or "no events yet"
    emit({"model": name, "events": events}, lambda: text, as_json=as_json)


def _text(event: Event) -> str:
    parts = [f"{event.seq:>4}  {event.at}  {event.kind:<10}"]
    if event.environment:
        parts.append(f"{event.environment:<11}")
    if event.release:
        parts.append(
            f"{event.release.version} model {event.release.model_digest[7:19]} image {event.release.image_digest[7:19]}"
        )
    if event.challenger:
        parts.append(f"challenger {event.challenger[7:19]}")
    if event.commit:
        parts.append(f"from {event.commit[:12]}")
    if event.evidence:
        against = f" against {event.evidence.champion[7:19]}" if event.evidence.champion else ", first release"
        parts.append(f"{event.evidence.verdict}{against}")
    if event.reason:
        parts.append(event.reason)
    if event.by:
        parts.append(f"by {event.by}")
    return "  ".join(parts)
