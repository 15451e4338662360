"""The help of ``peyvand``: every command has its line, and none is imported for it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from config.cli.main import COMMANDS, group
from network.language import use_locale

LISTING = """
import sys
from click.testing import CliRunner
from config.cli.main import group
print(CliRunner().invoke(group, ["--help"]).output)
print(*sys.modules, sep="\\n", file=sys.stderr)
"""
HEAVY = {"sqlalchemy", "flask", "redis", "rq", "requests", "apispec", "cryptography", "psycopg"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says(name: str) -> None:
    target, line = COMMANDS[name]
    module, _, attribute = target.partition(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name
    with use_locale("en"):
        # The command's own help begins as its line does, so that neither tells a story of its own.
        assert (command.help or "").split()[:2] == str(line).split()[:2]


def test_the_help_lists_every_command_and_imports_none() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LISTING], check=True, capture_output=True, text=True
    )
    assert all(f"\n  {name} " in found.stdout for name in COMMANDS)
    modules = set(found.stderr.split())
    assert not modules & {target.partition(":")[0] for target, _ in COMMANDS.values()}
    assert not modules & HEAVY


def test_the_help_speaks_persian() -> None:
    with use_locale("fa"):
        shown = CliRunner().invoke(group, ["--help"]).output
    assert "اپراتورهای میز کار" in shown


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(group, ["nonsense"]).exit_code == 2
