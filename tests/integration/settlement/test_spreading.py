"""The query that spreads obligations over postings, against the pure method."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from fractions import Fraction
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing import line_texts, lines, owing, queries, service, shares
from network.clearing.facts import LinePlace, Obligation, StatementLine, WindowView
from network.clearing.shares import ObligationLine
from network.clearing.statements import canonical, csv_record, csv_reference, line_record
from network.database.connection import Database
from network.points import largest_remainder
from settlement import rates
from settlement.reckoning import price_book
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    NEXT_DAY,
    Coalition,
    member,
)

ODD = "".join(map(chr, range(1, 32)))
"""Every control character that text in the database may have."""


def settle_by_hand(database: Database) -> tuple[WindowView, list[Obligation]]:
    with database.unit_of_work() as session:
        window_id = service.ensure_window(session, first_day=DAY)
        asked = owing.sum_postings(session, first_day=DAY, end_day=NEXT_DAY)
        book = price_book(session)
        owing.price_sums(
            session,
            window_id=window_id,
            quotes=rates.quotes(book, asked=asked.acceptors),
            terms=rates.issuer_terms(book, asked=asked.terms),
            arrows=rates.arrows(),
        )
        owing.store_obligations(session, window_id=window_id)
        window = queries.window(session, window_id=window_id)
        assert window is not None
        return window, [each.fact for each in queries.obligations(session, window=window)]


def test_a_written_out_spread(coalition: Coalition, database: Database) -> None:
    coalition.taken(3, by=member(1), issuer=BAKER, acceptor=GROCER)
    coalition.taken(4, by=member(2), issuer=BAKER, acceptor=GROCER)
    window, found = settle_by_hand(database)
    redemption = next(each for each in found if each.kind == "redemption")
    assert redemption.amount == 6856  # 7 × 979.5 = 6856.5, to even
    with database.reading() as session:
        behind = list(
            shares.obligation_lines(session, window=window, obligation_id=redemption.obligation_id)
        )
    # 6856 × 3/7 = 2938.29 and 6856 × 4/7 = 3917.71: the larger remainder takes the last unit.
    assert [(each.member_id, each.points, each.share) for each in behind] == [
        (member(1), 3, 2938),
        (member(2), 4, 3918),
    ]
    assert behind[0].merchant_ref == "ref-1"
    assert [(each.exact, each.floor, each.place, each.raised) for each in behind] == [
        (Fraction(6856 * 3, 7), 2938, 2, False),
        (Fraction(6856 * 4, 7), 3917, 1, True),
    ]


def test_many_postings_spread_like_the_pure_method(
    coalition: Coalition, database: Database
) -> None:
    chance = random.Random(20260322)  # noqa: S311 - figures, not secrets
    merchants = (BAKER, GROCER, CINEMA)
    for _ in range(160):
        coalition.taken(
            chance.choice((1, 1, 2, 3, 7, 50, -1, -3)),
            by=member(chance.randrange(40)),
            issuer=chance.choice(merchants),
            acceptor=chance.choice(merchants),
            ref=chance.choice(("", ODD, 'no" quote\\', "بستنی\u2028\x7f/", "=1,2", "a,b", " - ")),
        )
    window, found = settle_by_hand(database)
    assert len(found) >= 18
    written_as_the_statements_have_them(database, window)
    sorted_as_a_table_wants_them(database, window)
    with database.reading() as session:
        for each in found:
            behind = list(
                shares.obligation_lines(session, window=window, obligation_id=each.obligation_id)
            )
            assert [line.share for line in behind] == largest_remainder(
                total=each.amount, weights=[Fraction(line.points) for line in behind]
            )
            assert sum(line.points for line in behind) == each.points
            assert sum(line.share for line in behind) == each.amount
            assert len(behind) == each.postings
            told_how_and_to_whom(session, window, behind, of=each)


def told_how_and_to_whom(
    session: Session, window: WindowView, behind: list[ObligationLine], *, of: Obligation
) -> None:
    """The order of remainders is the rule's, and what entries have of an obligation adds up."""
    served = sorted(behind, key=lambda e: (-e.remainder, e.member_id, e.sequence, e.line))
    key = of.obligation_id
    by_place = shares.lines_by_remainder(session, window=window, obligation_id=key, limit=400)
    assert by_place == served
    assert [each.place for each in served] == list(range(1, len(served) + 1))
    left_over = of.amount - sum(each.floor for each in behind)
    assert [each.raised for each in served] == [each.place <= left_over for each in served]
    assert (
        shares.lines_by_remainder(session, window=window, obligation_id=key, after=1, limit=1)
        == served[1:2]
    )
    entries = {(each.member_id, each.sequence) for each in behind}
    found = [
        share
        for member_id, sequence in entries
        for share in shares.entry_shares(
            session,
            window=window,
            obligation_ids=[key],
            member_id=member_id,
            sequence=sequence,
        )
    ]
    assert sum(each.points for each in found) == of.points
    assert sum(each.share for each in found) == of.amount


def sorted_as_a_table_wants_them(database: Database, window: WindowView) -> None:
    """Hold every order of the table, page by page, against the statement's lines."""
    kinds = ["redeposit", "redemption", "margin_return", "margin"]

    def signed(line: StatementLine) -> int:
        return line.share if line.direction == "receivable" else -line.share

    by: dict[str, Callable[[StatementLine], Any]] = {
        "recorded": lambda line: line.recorded_at,
        "kind": lambda line: (line.kind not in kinds, kinds.index(line.kind)),
        "reference": lambda line: (line.merchant_ref or "").encode(),
        "points": lambda line: line.points,
        "price": lambda line: line.price,
        "amount": signed,
    }
    with database.reading() as session:
        every = list(
            lines.statement_lines(
                session, window=window, merchant_id=GROCER, after=None, limit=None
            )
        )

        def table(column: str, *, falls: bool, side: str | None = None) -> list[StatementLine]:
            found: list[StatementLine] = []
            for offset in range(0, len(every) + 1, 90):
                wanted = lines.LineTable(
                    direction=side,
                    column=column,
                    falls=falls,
                    ranked=kinds,
                    offset=offset,
                    limit=90,
                )
                found += lines.table_lines(
                    session, window=window, merchant_id=GROCER, wanted=wanted
                )
            return found

        for column, value in by.items():
            shown = table(column, falls=False)
            assert Counter(shown) == Counter(every), column
            known = [each for each in shown if column != "reference" or each.merchant_ref]
            assert list(map(value, known)) == sorted(map(value, known)), column
        falling = [signed(each) for each in table("amount", falls=True)]
        assert falling == sorted(falling, reverse=True)
        payable = table("recorded", falls=False, side="payable")
        assert payable == [each for each in every if each.direction == "payable"]
        assert set(by) | {"side", "counterparty"} == set(lines.SORTS)
        assert Counter(table("counterparty", falls=True)) == Counter(every)


def written_as_the_statements_have_them(database: Database, window: WindowView) -> None:
    """Hold the texts and sums that the database makes against every line and its record."""
    codes = {BAKER: "baker", GROCER: "grocer", CINEMA: "cinema"}
    expected: dict[UUID, list[bytes]] = defaultdict(list)
    rows: dict[UUID, list[bytes]] = defaultdict(list)
    sums: Counter[tuple[UUID, str]] = Counter()
    with database.scratch() as session:
        for line in lines.all_statement_lines(session, window=window):
            if line.merchant_id in codes:
                record = line_record(line, name=lambda m, n: f"{m}/{n}")
                expected[line.merchant_id].append(canonical(record))
                rows[line.merchant_id].append(csv_record(record, currency=line.currency))
                sums[line.merchant_id, line.direction] += line.share
        written: dict[UUID, list[tuple[bytes, bytes]]] = defaultdict(list)
        of_each = (
            line_texts.written_lines(session, window=window, first=merchant, last=merchant)
            for merchant in codes
        )
        for of in chain.from_iterable(of_each):
            name, ref = f"{of.member_id}/{of.sequence}", csv_reference(of.merchant_ref)
            row = of.rows.replace(line_texts.ENTRY, name).replace(line_texts.REF, ref)
            piece = of.piece.replace(line_texts.ENTRY, name)
            written[of.merchant_id].append((piece.encode(), row.encode()))
        line_texts.make_lines(session, window=window)
        found: dict[UUID, list[bytes]] = defaultdict(list)
        for each in line_texts.line_texts(session):
            piece = each.piece.replace(line_texts.ENTRY, f"{each.member_id}/{each.sequence}")
            found[each.merchant_id].append(piece.encode())
        summed = line_texts.line_sums(session)
    assert {merchant: b",".join(each) for merchant, each in found.items()} == {
        merchant: b",".join(each) for merchant, each in expected.items()
    }
    for merchant, pairs in written.items():
        assert b",".join(piece for piece, _ in pairs) == b",".join(expected[merchant])
        assert b"".join(row for _, row in pairs) == b"".join(rows[merchant])
    assert written.keys() == rows.keys()
    assert {(each.merchant_id, each.direction): each.share for each in summed} == sums
    assert sum(each.lines for each in summed) == sum(map(len, expected.values()))


def test_lines_are_read_page_by_page(coalition: Coalition, database: Database) -> None:
    for number in range(7):
        coalition.taken(number + 1, by=member(number % 3), issuer=BAKER, acceptor=GROCER)
    window, found = settle_by_hand(database)
    with database.reading() as session:
        key = found[0].obligation_id
        whole = list(shares.obligation_lines(session, window=window, obligation_id=key))
        paged = []
        after: tuple[UUID, int, int] | None = None
        while page := queries.obligation_lines(session, obligation_id=key, cursor=after, limit=3):
            paged += page
            after = (page[-1].member_id, page[-1].sequence, page[-1].line)
    assert len(whole) == 7
    assert paged == whole


def test_statement_lines_show_each_side_its_own(coalition: Coalition, database: Database) -> None:
    coalition.play_two_days()
    window, _found = settle_by_hand(database)
    sums: dict[tuple[UUID, str], int] = defaultdict(int)
    with database.reading() as session:
        everything = list(lines.all_statement_lines(session, window=window))
        for each in everything:
            sums[each.merchant_id, each.direction] += each.share
        for merchant in (BAKER, GROCER):
            own = lines.statement_lines(
                session, window=window, merchant_id=merchant, after=None, limit=None
            )
            assert list(own) == [each for each in everything if each.merchant_id == merchant]
        wanted = [each for each in everything if each.merchant_id == GROCER]
        paged: list[StatementLine] = []
        place: LinePlace | None = None
        while page := list(
            lines.statement_lines(session, window=window, merchant_id=GROCER, after=place, limit=2)
        ):
            paged += page
            last = {name: getattr(page[-1], name) for name in LinePlace.__dataclass_fields__}
            place = LinePlace(**last)
        assert paged == wanted
    assert dict(sums) == {
        (BAKER, "payable"): 6856,
        (BAKER, "fee"): 217,
        (BAKER, "receivable"): 9900,
        (GROCER, "payable"): 9900 + 1959,
        (GROCER, "fee"): 100 + 41,
        (GROCER, "receivable"): 6856 + 1959,
    }
    # A merchant's own reference stands on its own side only.
    assert {each.merchant_ref for each in everything if each.merchant_id == BAKER} == {
        None,
        "ref-1",
    }
    # Nobody may be named, so everybody's counterparty is the network, but for its own points.
    assert {(each.merchant_id, each.counterparty) for each in everything} == {
        (BAKER, None),
        (GROCER, None),
        (GROCER, "grocer"),
    }
