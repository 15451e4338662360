"""The guide for merchants' engineers, played against the gateway that it describes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from merchant_gateway.documents.pages import NAMES
from network.clock import day_start, wall_now
from network.database.installation import move_clock
from network.services import Services
from network.settings import PROGRAMME_ZONE
from settlement.nightly import run_night
from tests.fixtures.cluster import Cluster
from tests.fixtures.fences import Fence, fences
from tests.fixtures.forge import ROOT
from tests.integration.gateway.house import House, open_house
from tests.integration.gateway.player import Player
from tests.integration.sandboxes.stand import standing

STATEMENTS = "Statements"


@pytest.fixture(scope="module")
def house(gateway_services: Services, gateway_owner_url: str) -> Iterator[House]:
    """Yield a simulated coalition, whose night can be run when a page comes to it."""
    with open_house(gateway_services, owner_url=gateway_owner_url) as house:
        yield house


def test_every_call_of_the_flows_is_answered_as_it_says(house: House) -> None:
    player = Player(house=house)
    night_over = False
    calls = _calls("flows")
    for call, answer in calls:
        if call.heading == STATEMENTS and not night_over:
            _run_night(house)
            night_over = True
        player.agree(answer, player.send(call))
    assert night_over
    assert len(calls) > 25


def test_every_call_about_idempotency_is_answered_as_it_says(house: House) -> None:
    player = Player(house=house)
    calls = _calls("idempotency")
    for call, answer in calls:
        player.agree(answer, player.send(call))
    assert len(calls) == 4


def test_the_quick_start_and_the_sandbox_run_as_they_stand(
    house: House,
    cluster: Cluster,
    gateway_database: str,
    gateway_services: Services,
    tmp_path: Path,
) -> None:
    shell = Shell(
        directory=tmp_path,
        environment={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(tmp_path),
            "PEYVAND_GATEWAY_URL": house.url,
        },
    )
    player = Player(house=house)
    pages = ("quick-start", "sandbox", "idempotency", "flows")
    found = [block for name in pages for block in fences(name)]
    ran = 0
    owner_url = cluster.url("peyvand_owner", database=gateway_database)
    with standing(gateway_services, cluster, owner_url=owner_url):
        for block, output in pairwise(found):
            if block.words[1:] != ("run",):
                continue
            said = output.text if output.words == ("text", "output") else ""
            player.agree_in_words(said, shell.run(block))
            ran += 1
    assert ran == 15


def test_the_application_of_the_page_is_taken(house: House) -> None:
    (written,) = (block for block in fences("keys") if block.words == ("json",))
    body = json.loads(written.text)
    address, taken = f"{house.url}/applications", []
    for form in (body, {name: each for name, each in body.items() if name != "public_key"}):
        answer = requests.post(address, json=form, timeout=20)
        assert answer.status_code == 201, answer.text
        taken.append(answer.json()["key"])
    assert all(each["key_id"].startswith("mk_test_") for each in taken)
    assert ["secret" in each for each in taken] == [False, True]


def test_the_gateway_serves_the_guide(house: House) -> None:
    home = requests.get(house.url, timeout=20)
    assert home.url == f"{house.url}/docs"
    index = home.text
    for name in NAMES:
        assert f'href="/docs/guide/{name}?lang=en"' in index
        page = requests.get(f"{house.url}/docs/guide/{name}", timeout=20)
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert page.text.count("<h1") == 1
    missing = requests.get(f"{house.url}/docs/guide/nothing", timeout=20)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_each_page_is_read_in_either_language(house: House) -> None:
    wanted = {"Accept-Language": "fa"}
    page = requests.get(f"{house.url}/docs/guide/quick-start", headers=wanted, timeout=20)
    assert '<html lang="fa" dir="rtl">' in page.text
    assert "آغاز سریع" in page.text
    switched = re.search(r'href="(/docs/guide/quick-start\?lang=en)"', page.text)
    assert switched is not None
    other = requests.get(house.url + switched[1], headers=wanted, timeout=20)
    assert '<html lang="en" dir="ltr">' in other.text
    assert "/docs/guide/signing?lang=en" in other.text, "the next page stays in that language"
    # A link into a page leads to the same place in both.
    anchors = [
        re.findall(r'<h\d id="([^"]+)"', requests.get(address, timeout=20).text)
        for address in (f"{house.url}/docs/guide/signing?lang={each}" for each in ("en", "fa"))
    ]
    assert anchors[0] == anchors[1] != []
    # So does the page that is made of the client's own texts.
    client = requests.get(f"{house.url}/docs/guide/client", headers=wanted, timeout=20)
    assert '<html lang="fa" dir="rtl">' in client.text


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A person's terminal: what one block exports, the next one has."""

    directory: Path
    environment: dict[str, str]

    def run(self, block: Fence) -> str:
        """Run a block and return what it printed; fail where it fails."""
        program = {"sh": "", "python": f"exec {shlex.quote(sys.executable)} -c "}[block.words[0]]
        text = shlex.quote(block.text) if program else block.text
        script = f"if [ -f exports ]; then . ./exports; fi\n{program}{text}\nexport -p > exports"
        done = subprocess.run(
            ["sh", "-ec", script],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _calls(name: str) -> list[tuple[Fence, Fence]]:
    """Return the calls of a page, each with the answer that follows it."""
    found = [block for block in fences(name) if block.words[0] == "http"]
    calls, answers = found[::2], found[1::2]
    assert {block.words[1] for block in calls} == {"call"}
    assert {block.words[1] for block in answers} == {"answer"}
    return list(zip(calls, answers, strict=True))


def _run_night(house: House) -> None:
    midnight = day_start(house.today() + timedelta(days=1), zone=PROGRAMME_ZONE)
    with house.services.database.unit_of_work() as session:
        move_clock(session, to=midnight + timedelta(hours=1), wall=wall_now())
    run_night(house.services, started_by="test")
