"""Every operation of the OpenAPI document, as schemathesis tries it against the running gateway."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.gateway.house import House, environment_of

ROOT = Path(__file__).parents[2]


def _effort() -> list[str]:
    """Return how much is tried: a fixed little for every run, a time for the long one."""
    seconds = os.environ.get("PEYVAND_FUZZ_SECONDS")
    if seconds is None:
        return ["--phases", "coverage,stateful", "--seed", "9421", "--max-examples", "2"]
    return ["--phases", "coverage,fuzzing,stateful", "--max-time", seconds]


def test_what_the_document_promises_holds(house: House, redis_url: str, tmp_path: Path) -> None:
    person = house.member(points=50_000)
    environment = environment_of(house.services)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{house.url}/openapi.json"),
            *("--url", house.url, "--checks", "all"),
            *_effort(),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            **environment,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.conformance.fuzzing",
            "FUZZ_KEY": house.green.key.to_pem(),
            "FUZZ_KEY_ID": house.green.key_id,
            "FUZZ_URL": house.url,
            "FUZZ_PHONE": person.phone,
            "FUZZ_MEMBER": str(person.member_id),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
