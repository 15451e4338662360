"""``make bench``: rates and ratios as a table, and build/bench.json for tools."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console

from tests.benchmarks import batch, http, sql
from tests.benchmarks.figures import print_table, take_in_turns, write_json
from tests.benchmarks.stand import open_stand

OUTPUT = Path("build/bench.json")


def main() -> None:
    """Measure in turns; BENCH=quick takes shorter and fewer rounds."""
    quick = "quick" in {os.environ.get("BENCH"), *sys.argv[1:]}
    rounds, seconds, requests = (3, 2, 1_500) if quick else (5, 10, 10_000)
    console = Console(width=140)
    with open_stand() as stand, console.status("making members, purses and TPC-B tables") as status:
        sql.prepare(stand)
        scene = http.set_scene(stand)
        with (
            http.serving(stand, application="config.wsgi:gateway()") as gateway,
            http.serving(stand, application="tests.benchmarks.bare:create_app()") as bare,
        ):
            http.await_front(gateway)
            over_http = http.contenders(stand, scene, gateway=gateway, bare=bare, how_many=requests)
            figures = take_in_turns(
                sql.contenders(stand, seconds=seconds)
                + batch.contenders(stand, seconds=seconds)
                + over_http,
                rounds=rounds,
                say=status.update,
            )
    print_table(figures, console=console)
    write_json(figures, path=OUTPUT)
    console.print(f"written to {OUTPUT}")


if __name__ == "__main__":
    main()
