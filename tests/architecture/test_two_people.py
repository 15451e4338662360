"""What takes two people is known everywhere: a new kind of decision can't be forgotten."""

from __future__ import annotations

from sqlalchemy import create_engine, text

from settlement import second_person
from settlement.console import proposing
from settlement.console.waiting import SOURCES
from settlement.console.words_acts import ACTIONS


def test_every_table_whose_rows_take_two_people_is_on_the_list_of_what_waits(
    owner_url: str,
) -> None:
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        tables = connection.scalars(
            text("""
                SELECT DISTINCT t.relname FROM pg_constraint AS c
                JOIN pg_class AS t ON t.oid = c.conrelid
                WHERE c.contype = 'c' AND (c.conname LIKE '%two\\_people%'
                    OR pg_get_constraintdef(c.oid) ~ '_by (<>|IS DISTINCT FROM) \\w+_by')
            """)
        ).all()
    engine.dispose()
    assert set(tables) == set(SOURCES)


def test_every_kind_of_proposal_has_words_for_itself_and_its_decisions() -> None:
    assert second_person.KINDS == proposing.SHOWN
    for kind in second_person.KINDS:
        for decision in ("proposed", "approved", "declined"):
            assert f"{kind}.{decision}" in ACTIONS
