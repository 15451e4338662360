"""The group of commands. Each command's module is imported only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module

import click

from network.errors import PeyvandError
from network.language import LazyText, use_locale
from network.language import gettext as _
from network.language import lazy_gettext as _l

COMMANDS: Mapping[str, tuple[str, LazyText]] = {
    "up": (
        "config.cli.up:up",
        _l("Run database, queue, fronts, workers and schedule; Ctrl-C stops all."),
    ),
    "demo": (
        "config.cli.demo:demo",
        _l("Play two weeks of purchases, settle each night, keep the apps running."),
    ),
    "doctor": (
        "config.cli.doctor:doctor",
        _l("Say what is configured, reachable, migrated and writable, and what to do."),
    ),
    "migrate": (
        "config.cli.migrate:migrate",
        _l("Bring the database to this version, and make the coming weeks' partitions."),
    ),
    "operator": ("config.cli.operator:operator", _l("Operators of the console.")),
    "merchant": (
        "config.cli.merchant:merchant",
        _l("Merchants: applications, keys, stores, suspension, exit."),
    ),
    "programme": (
        "config.cli.programme:programme",
        _l("The programme: face value, earning terms, tiers; two people decide each."),
    ),
    "settle": (
        "config.cli.settle:settle",
        _l("Close, seal, mature and settle a business day, and those before it."),
    ),
    "positions": (
        "config.cli.positions:positions",
        _l("Print the net positions of a settled business day."),
    ),
    "obligations": (
        "config.cli.obligations:obligations",
        _l("Print the obligations of a settled business day."),
    ),
    "statements": (
        "config.cli.statements:statements",
        _l("Write every merchant's statement of a settled day as JSON and CSV."),
    ),
    "exposure": (
        "config.cli.exposure:exposure",
        _l("Measure what every issuer stands to owe, beside its limit."),
    ),
    "audit": (
        "config.cli.audit:audit",
        _l("Check every invariant of the ledger; exit 1 on any difference."),
    ),
    "verify": (
        "config.cli.verify:verify",
        _l("Check a proof of points or a statement, without asking the network."),
    ),
    "audit-log": (
        "config.cli.audit_log:audit_log",
        _l("The audit log: write it into a file, check a file or the log itself."),
    ),
    "archive": (
        "config.cli.archive:archive",
        _l("Move a settled month to the archive, which the audit still reads."),
    ),
    "keys": (
        "config.cli.keys:keys",
        _l("The network's own signing keys: list them, replace them."),
    ),
    "backup": (
        "config.cli.backup:backup",
        _l("Write the whole installation into one file, while it goes on working."),
    ),
    "restore": (
        "config.cli.restore:restore",
        _l("Bring a backup back into an empty installation, and audit it."),
    ),
    "openapi": (
        "config.cli.openapi:openapi",
        _l("Print the merchant gateway's OpenAPI 3.1 document."),
    ),
}
"""Name → where the command stands and its line in the help, in the order of the help.

The line stands here too, so that the help need not import ten commands and all they work with.
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, ``None`` where there is none of this name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        target, _help = COMMANDS[cmd_name]
        module, _colon, attribute = target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(target)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none."""
        del ctx
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, str(line)) for name, (_target, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="peyvand", prog_name="peyvand")
def group() -> None:
    """Peyvand, a coalition points network: run it, settle it, look into it."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 when done, 1 with one sentence on standard error, 2 misused.

    Speaks Persian where the environment's language is Persian (LC_ALL, LC_MESSAGES, LANG).
    """
    with use_locale(language_of(os.environ)):
        try:
            code = group.main(args=arguments, prog_name="peyvand", standalone_mode=False)
        except PeyvandError as error:
            sys.stderr.write(f"{error.message}\n")
            code = 1
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            sys.stderr.write(_("Stopped.") + "\n")
            code = 130
        except BrokenPipeError:
            code = 1
    sys.exit(code if isinstance(code, int) else 0)


def language_of(environment: Mapping[str, str]) -> str:
    """Return the language that the environment of a terminal asks for, ``fa`` or ``en``."""
    asked = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "fa" if asked.startswith("fa") else "en"
