"""The page for an installation's first day: its commands run, and its table is the console's."""

from __future__ import annotations

import base64
import contextlib
import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from flask import Flask

from config.cli.main import group
from config.doctor import examine
from config.preparation import prepare_installation
from config.sandboxes.nights import Hands
from config.web.access import OPEN, needed
from merchant_gateway.app import create_app
from merchant_gateway.client.cli import main
from network.clock import wall_now
from network.merchants import queries as merchants
from network.merchants import service as merchants_service
from network.operators import audit_decisions
from network.operators import queries as operators
from network.operators.roles import ROLES
from network.programme import queries as programme
from network.programme.days import begun_day
from network.services import Services
from settlement.console.app import VIEWS
from tests.conftest import MASTER_KEY
from tests.fixtures.serving import served

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TODAY = '"$(date +%F)"'
EXAMPLE = "https://gateway.example"


def first_day() -> list[list[str]]:
    """Return the lines of each block of the page's commands, as they are printed."""
    section = PAGE.partition("## First day")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    return [[line for line in block.replace("\\\n", " ").splitlines() if line] for block in blocks]


def play(lines: list[str], *, gateway: str, folder: Path) -> None:
    """Run lines as a shell in ``folder`` would: ``NAME=$(…)``, ``"$NAME"`` and ``> FILE``."""
    known: dict[str, str] = {}
    for line in lines:
        text = line.replace(TODAY, f"{wall_now():%Y-%m-%d}").replace(EXAMPLE, gateway)
        caught = re.fullmatch(r"(\w+)=\$\((.*)\)", text)
        for name, value in known.items():
            text = text.replace(f'"${name}"', value)
        name, *arguments = shlex.split(caught[2] if caught else text)
        file = folder / arguments.pop() if ">" in arguments else None
        arguments = [each for each in arguments if each != ">"]
        with contextlib.chdir(folder):
            done = CliRunner().invoke({"peyvand": group, "peyvand-merchant": main}[name], arguments)
        assert done.exit_code == 0, (line, done.output, done.exception)
        if file is not None:
            file.write_text(done.output, encoding="utf-8")
        if caught:
            known[caught[1]] = done.output.strip()


def compose_environment() -> set[str]:
    """Return the names that docker compose hands to the console, whose container runs commands."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    block = text.partition("environment: &environment\n")[2].partition("  depends_on:")[0]
    return set(re.findall(r"^    ([A-Z_]+):", block, flags=re.MULTILINE))


def programme_of(environment: dict[str, str]) -> tuple[bool, str]:
    """Return what the doctor says about the programme's prices."""
    (found,) = (each for each in examine(environment) if each.check == "programme")
    return found.ok, found.found


def test_the_commands_of_the_first_day_run_as_they_stand(
    services: Services,
    redis_client: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare_installation(services, wall=wall_now())
    given = {
        "DATABASE_URL": services.settings.database_url,
        "REDIS_URL": services.settings.redis_url,
        "PEYVAND_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
    }
    assert set(given) <= compose_environment()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    opening, with_a_program = first_day()
    assert (len(opening), len(with_a_program)) == (12, 5)
    assert programme_of(given) == (True, "no merchant takes part yet")
    play(opening, gateway=EXAMPLE, folder=tmp_path)
    with services.database.reading() as session:
        shop = merchants.merchant(session, code="bahar")
        today = begun_day(session, wall=wall_now())
        terms = programme.terms_on(session, merchant_id=shop.merchant_id, day=today)
        assert programme.face_value_on(session, day=today) == 1000
        assert terms.base_rate * 100_000 == 10
        assert shop.status == "active"
        acts = operators.acts(session, limit=50, action="programme.terms.approved")
        behnam = operators.operator(session, email="behnam@example.org")
        # What the commands did on two people's word, the audit finds behind it.
        decided = list(audit_decisions.checks(session))
    assert behnam is not None
    assert [each.facts["in_the_name_of"] for each in acts] == [behnam.public_id]
    assert [each for each in decided if each.differences] == []
    assert programme_of(given) == (True, "every merchant that takes part has its prices")
    hands = Hands(redis_client)
    with served(create_app(services, redis=redis_client, hands=hands)) as url:
        play(with_a_program, gateway=url, folder=tmp_path)
    with services.database.reading() as session:
        keys = merchants.keys(session, merchant_id=shop.merchant_id)
    assert {each.environment for each in keys} == {"test", "live"}
    with services.database.unit_of_work() as session:
        merchants_service.register_merchant(
            session, code="bare", name_fa="ب", name_en="B", kind="grocer", now=wall_now()
        )
    assert programme_of(given) == (False, "without agreement or earning terms: bare")


def test_a_command_takes_two_people_with_the_roles(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_installation(services, wall=wall_now())
    monkeypatch.setenv("DATABASE_URL", services.settings.database_url)
    monkeypatch.setenv("REDIS_URL", services.settings.redis_url)
    monkeypatch.setenv("PEYVAND_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(group, arguments)
        return done.exit_code, f"{done.output} {done.exception or ''}"

    for email, role in (("o@x.example", "operator"), ("a@x.example", "approver")):
        added = run(
            "operator", "add", "--email", email, "--name", role, "--role", role, "--generate"
        )
        assert added[0] == 0, added
    value = ("programme", "face-value", "1000", "--from", "2026-11-01", "--why", "First")
    code, said = run(*value, "--by", "nobody@x.example")
    assert (code, "nobody@x.example" in said) == (1, True)
    code, said = run(*value, "--by", "o@x.example", "--approved-by", "o@x.example")
    assert (code, "approver" in said) == (1, True)
    code, said = run(*value, "--by", "a@x.example", "--approved-by", "a@x.example")
    assert (code, "second person" in said) == (1, True)
    code, said = run(*value, "--by", "o@x.example")
    assert code == 0, said
    (proposal,) = re.findall(r"ppl_\w+", said)
    assert run("programme", "decline", proposal, "--by", "a@x.example")[0] == 0
    assert run("programme", "approve", proposal, "--by", "a@x.example")[0] == 1
    assert run("programme", "face-value", "1e9", *value[3:], "--by", "o@x.example")[0] == 2
    two = ("--by", "o@x.example", "--approved-by", "a@x.example")
    later = ("--from", f"{wall_now() + timedelta(days=3):%Y-%m-%d}", "--why", "Agreed", *two)
    assert run("programme", "cancel", "face-value", *later)[0] == 1
    assert run("programme", "face-value", "1000", *later)[0] == 0
    assert run("programme", "cancel", "face-value", "bahar", *later)[0] == 2
    assert run("programme", "cancel", "face-value", *later)[0] == 0
    with services.database.reading() as session:
        assert programme.face_values(session) == []


def test_the_table_of_roles_is_what_the_console_asks_for() -> None:
    rows = re.findall(rf"^\| ({'|'.join(ROLES)}) \| [^|]+ \| ([^|]+) \|$", PAGE, flags=re.MULTILINE)
    written = [(name, role) for role, names in rows for name in re.findall(r"`([^`]+)`", names)]
    app = Flask(__name__, static_folder=None)
    for view in VIEWS:
        app.register_blueprint(view.blueprint)
    asked = {
        rule.endpoint: needed(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    }
    acts = {name: role for name, role in asked.items() if role != OPEN}
    assert dict(written) == acts
    assert len(written) == len(acts), "an act stands in the table once"
