"""The group of commands. Each command's module is imported only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

import click

from network.errors import PeyvandError
from network.language import gettext as _
from network.language import use_locale

COMMANDS: Mapping[str, str] = {
    "up": "config.cli.up:up",
    "demo": "config.cli.demo:demo",
    "doctor": "config.cli.doctor:doctor",
    "migrate": "config.cli.migrate:migrate",
    "operator": "config.cli.operator:operator",
    "settle": "config.cli.settle:settle",
    "positions": "config.cli.positions:positions",
    "obligations": "config.cli.obligations:obligations",
    "audit": "config.cli.audit:audit",
    "openapi": "config.cli.openapi:openapi",
}
"""Name → module and attribute, in the order in which the help lists them."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that this version has."""
        del ctx
        return [name for name, target in COMMANDS.items() if _exists(target)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, ``None`` where there is none of this name."""
        del ctx
        target = COMMANDS.get(cmd_name)
        if target is None or not _exists(target):
            return None
        module, _colon, attribute = target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(target)
        return command


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


def _exists(target: str) -> bool:
    return find_spec(target.partition(":")[0]) is not None
