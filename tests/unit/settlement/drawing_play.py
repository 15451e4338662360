"""Draws papers as ``peyvand statements`` does; a process of its own, so that it can be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from network.clearing.facts import StatementView
from network.clearing.paper_lines import PaperLines
from settlement.drawing import clear_parts, drawers


def draw(directory: Path, papers: int, *, statement: StatementView, lines: PaperLines) -> None:
    """Draw so many papers into a directory."""
    clear_parts(directory)
    with drawers(processes=1) as pool:
        for number in range(papers):
            pool.draw(
                directory / f"{number}.fa.pdf",
                statement=statement,
                lines=lines,
                locale="fa",
                check_url="https://gateway.example/verify",
            )


if __name__ == "__main__":
    # Only here: a drawing process loads this module too, and needs none of it.
    from network.clearing.paper_lines import paper_lines
    from tests.unit.settlement.test_documents import GROCER, IDS, LINE, drafted

    made = drafted({(GROCER, "IRR"): -1000})
    draw(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        statement=made,
        lines=paper_lines(made, lines=[LINE] * 30, entry_ids=IDS),
    )
