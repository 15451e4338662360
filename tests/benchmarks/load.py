"""The load generator: signed requests sent as fast as they are answered, or at a rate."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

from tests.benchmarks.stand import Stand

CONNECTIONS = 8
_HERE = Path(__file__).parent


class Load:
    """The load generator, compiled once, and the requests it is given."""

    def __init__(self, stand: Stand) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise RuntimeError("make bench compiles its load generator: install a C compiler (cc)")
        self._program = stand.directory / "load"
        self._requests = stand.directory / "requests.bin"
        subprocess.run(
            [compiler, "-O2", "-o", str(self._program), str(_HERE / "load.c")], check=True
        )

    def run(self, requests: list[bytes], *, port: int, rate: float | None = None) -> dict[str, Any]:
        """Send every request once; raise unless all were answered with success."""
        with self._requests.open("wb") as file:
            for request in requests:
                file.write(struct.pack("<I", len(request)) + request)
        command = [str(self._program), "127.0.0.1", str(port), str(CONNECTIONS)]
        command += [str(self._requests), *([] if rate is None else [str(rate)])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the load generator failed: {done.stderr.strip()}")
        outcome: dict[str, Any] = json.loads(done.stdout)
        if outcome["2xx"] != outcome["requests"]:
            raise RuntimeError(f"not every request was accepted: {outcome}")
        return outcome
