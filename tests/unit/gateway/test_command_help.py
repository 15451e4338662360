"""Help is for people who have no key yet."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from merchant_gateway.client.cli import main


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_explains_itself_without_a_key(command: str) -> None:
    answered = CliRunner().invoke(main, [command, "--help"], env={"PEYVAND_KEY_FILE": ""})
    assert answered.exit_code == 0
    said = (main.commands[command].help or "").split()
    assert said
    assert " ".join(said) in " ".join(answered.output.split())
