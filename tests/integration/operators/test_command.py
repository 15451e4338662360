"""``peyvand operator add`` as a person runs it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys

import pytest

from network.clock import wall_now
from network.database.connection import Database
from network.operators import service, totp
from network.services import Services
from tests.conftest import MASTER_KEY, DatabaseUrls

PASSWORD = "correct horse battery"


def run(
    urls: DatabaseUrls, redis_url: str, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DATABASE_URL": urls.application,
        "REDIS_URL": redis_url,
        "PEYVAND_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "LC_ALL": "C.UTF-8",
    }
    command = [sys.executable, "-m", "config.cli", "operator", "add", *arguments]
    return subprocess.run(
        command, input=typed, capture_output=True, text=True, env=environment, check=False
    )


def test_the_password_is_read_and_the_secret_shown_once(
    database_urls: DatabaseUrls, redis_url: str, services: Services, database: Database
) -> None:
    facts = ("--email", "Sara@Example.org", "--name", "سارا", "--role", "approver", "--json")
    done = run(database_urls, redis_url, *facts, typed=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    added = json.loads(done.stdout)
    assert "password" not in added
    assert added["totp_uri"].startswith("otpauth://totp/Peyvand:sara%40example.org?")
    wall = wall_now()
    with database.unit_of_work() as session:
        opened = service.sign_in(
            session,
            vault=services.vault,
            wall=wall,
            email="sara@example.org",
            password=PASSWORD,
            code=totp.code_at(secret=added["totp_secret"], step=totp.step_at(wall)),
            user_agent="",
            address="192.0.2.1",
        )
    assert opened.token is not None


def test_a_person_gets_a_password_and_a_code_to_scan(
    database_urls: DatabaseUrls, redis_url: str
) -> None:
    done = run(database_urls, redis_url, "--email", "a@example.org", "--name", "A", "--generate")
    assert done.returncode == 0, done.stderr
    assert "Password: " in done.stdout
    assert "otpauth://totp/" in done.stdout
    assert "▄" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "sentence"),
    [
        (("--email", "nobody", "--name", "A"), PASSWORD, 1, "not an e-mail address"),
        (("--email", "a@example.org", "--name", "A"), "short", 1, "12 to 256 characters"),
        (("--email", "a@example.org", "--name", "A", "--role", "king"), "", 2, "king"),
    ],
)
def test_bad_input_is_one_sentence(
    database_urls: DatabaseUrls,
    redis_url: str,
    arguments: tuple[str, ...],
    typed: str,
    code: int,
    sentence: str,
) -> None:
    done = run(database_urls, redis_url, *arguments, typed=f"{typed}\n")
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
