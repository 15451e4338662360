"""``make bench``: rates and ratios as a table, and build/bench.json for tools."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from tests.benchmarks import sql
from tests.benchmarks.figures import print_table, take_in_turns, write_json
from tests.benchmarks.stand import open_stand

OUTPUT = Path("build/bench.json")


def main() -> None:
    """Measure in turns; BENCH=quick takes shorter and fewer rounds."""
    quick = os.environ.get("BENCH") == "quick"
    rounds, seconds = (3, 4) if quick else (5, 10)
    console = Console(width=140)
    with open_stand() as stand, console.status("making members, purses and TPC-B tables") as status:
        sql.prepare(stand)
        figures = take_in_turns(
            sql.contenders(stand, seconds=seconds), rounds=rounds, say=status.update
        )
    print_table(figures, console=console)
    write_json(figures, path=OUTPUT)
    console.print(f"written to {OUTPUT}")


if __name__ == "__main__":
    main()
