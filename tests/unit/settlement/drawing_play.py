"""Draws papers as ``peyvand statements`` does; a process of its own, so that it can be killed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from network.clearing.statement_pdf import paper_lines
from settlement.drawing import clear_parts, drawers
from tests.unit.settlement.test_documents import GROCER, IDS, LINE, drafted


def main(directory: Path, papers: int) -> None:
    """Draw so many papers of thirty lines into a directory."""
    clear_parts(directory)
    lines = [replace(LINE, sequence=number) for number in range(1, 31)]
    statement = drafted({(GROCER, "IRR"): -1000})
    found = paper_lines(statement, lines=lines, entry_ids=IDS)
    with drawers(processes=2) as pool:
        for number in range(papers):
            pool.draw(
                directory / f"{number}.fa.pdf",
                statement=statement,
                lines=found,
                locale="fa",
                check_url="https://gateway.example/verify",
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
