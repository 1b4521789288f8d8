"""The `release` command: a group that imports a command's module only when it is asked for.

Nothing but click and the table below is imported for `--help` and `--version`. What a command does lives in
`release.cli.commands`, one module a verb.
"""

from __future__ import annotations

import importlib
import sys

import click

from release.cli.boundary import guarded
from release.version import __version__

COMMANDS = {
    "init": "Start a model in this repository from a data file.",
    "schema": "Print the JSON Schema of model.yaml or release.yaml.",
    "estimators": "List the estimators and feature steps, with their parameters.",
    "plan": "Say which models are due, why, and what kind of release each is.",
    "check": "Check everything that needs no training.",
    "train": "Train the challenger of each model that is due.",
    "evaluate": "Score challenger and champion on the same held-out rows.",
    "gate": "Judge the challenger: PASS, FAIL, INCONCLUSIVE or INVALID.",
    "report": "Write the verdict as Markdown and as one HTML file.",
    "compare": "Judge two files of predictions by metrics, margins and floors.",
    "power": "Say what a test set can and cannot show.",
    "runtime": "Build the image that models are put on, and push it.",
    "package": "Put the model into an image, by digest.",
    "publish": "Tell the forge what a pull request's job found.",
    "promote": "Commit values and ledger of one environment, and push them.",
    "reconcile": "Bring ledger and values up to what the cluster shows.",
    "rollback": "Return to a release that was verified before.",
    "resume": "End a hold: automatic promotion goes on.",
    "override": "Let a release pass one rule for a while.",
    "retire": "Take a model out of an environment.",
    "dry-run": "Do all of it here, changing nothing but .release/.",
    "status": "Show what serves where, since when and why.",
    "history": "Show a model's ledger as people read it.",
    "index": "Bring the MLflow index up to date.",
}


class LazyGroup(click.Group):
    """A group whose commands are modules, imported by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        """List the commands in the order of a release, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's)
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"release.cli.commands.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101 (what every module of commands defines)
        for option in command.params:
            if isinstance(option, click.Option):
                # Named after the option that people type, not after our parameter: `plan --base` is RELEASE_PLAN_BASE.
                option.envvar = f"RELEASE_{cmd_name}_{option.opts[0].lstrip('-')}".replace("-", "_").upper()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="release", message="%(prog)s %(version)s")
def cli() -> None:
    """Take a machine-learning model from a Git commit to a cluster, and back when it turns out worse.

    Start with `release dry-run`: it trains, judges and packages every model that is due, and shows the exact change a
    promotion would commit, touching nothing but .release/.

    Every option can be set by a variable: RELEASE_PLAN_BASE=main is `release plan --base main`.
    """


def main() -> None:
    """Run the command line and exit with the documented code."""
    sys.exit(guarded(cli, sys.argv[1:]))
