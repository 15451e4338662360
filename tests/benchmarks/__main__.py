"""``make bench``: rates and ratios as a table, and build/bench.json for tools."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from rich.console import Console

from network.reconciliation.reading import MOST_LINES
from tests.benchmarks import (
    batch,
    http,
    http_batch,
    latency,
    peer,
    reconcile,
    servers,
    size,
    sql,
    stages,
    webhooks,
)
from tests.benchmarks.figures import Figure, print_table, take_in_turns, write_json
from tests.benchmarks.stand import open_stand

OUTPUT = Path("build/bench.json")


def main() -> None:
    """Measure in turns; BENCH=quick ends within two minutes, BENCH=size takes the sizes only."""
    asked = {os.environ.get("BENCH"), *sys.argv[1:]}
    quick = "quick" in asked
    rounds, seconds, requests = (3, 2, 1_000) if quick else (5, 10, 10_000)
    console = Console(width=160)
    figures = (
        []
        if "size" in asked
        else _rates(console, rounds=rounds, seconds=seconds, requests=requests, quick=quick)
    )
    if not quick:
        with console.status("making a ledger with a past") as status:
            say = status.update if console.is_terminal else console.print
            figures += size.measure(sizes=size.wanted(), rounds=rounds, seconds=seconds, say=say)
            for name, lines in size.wanted().items():
                if lines <= MOST_LINES:
                    figures += reconcile.measure(lines=lines, name=name, say=say)
    print_table(figures, console=console)
    kept = json.loads(OUTPUT.read_text()) if "size" in asked and OUTPUT.exists() else {}
    write_json(figures, path=OUTPUT, kept=kept)
    console.print(f"written to {OUTPUT}")


def _rates(
    console: Console, *, rounds: int, seconds: int, requests: int, quick: bool
) -> list[Figure]:
    with open_stand() as stand, console.status("making members, purses and TPC-B tables") as status:
        sql.prepare(stand)
        scene = http.set_scene(stand)
        with (
            http.serving(stand, application="config.wsgi:gateway()") as gateway,
            http.serving(stand, application="tests.benchmarks.bare:create_app()") as bare,
        ):
            http.await_front(gateway)
            over_http = http.contenders(stand, scene, gateway=gateway, bare=bare, how_many=requests)
            found = take_in_turns(
                sql.contenders(stand, seconds=seconds)
                + peer.contenders(stand, seconds=seconds)
                + batch.contenders(stand, seconds=seconds)
                + over_http
                + http_batch.contenders(stand, scene, port=gateway)
                + webhooks.contenders(stand),
                rounds=rounds,
                quick=quick,
                say=status.update,
            )
            if quick:
                return found
            status.update("the slowest answers")
            rate = next(each.value for each in found if each.name == "http_earn")
            found += latency.latencies(
                stand, scene, port=gateway, how_many=requests, per_second=rate
            )
        status.update("stages of a signed earn")
        found += stages.figures(stages.measure(stand, scene))
        status.update("servers beside each other")
        return found + servers.figures(servers.measure(stand, scene))


if __name__ == "__main__":
    main()
