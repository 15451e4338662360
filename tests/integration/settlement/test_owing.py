"""The database's reckoning of a window against the pure rules, over any sums and prices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing import owing
from network.clearing.facts import Agreement, FaceValue, Obligation, PostingSum
from network.clearing.parties import NETWORK_PARTY
from network.database.connection import Database
from settlement import controls, netting, rates
from settlement.pool import flows
from settlement.pricing import PriceBook, price_obligations
from tests.fixtures.cluster import Cluster

DAY = date(2026, 3, 21)
WINDOW = UUID("0190a000-0000-7000-8000-000000000001")
MERCHANTS = [UUID(f"b0000000-0000-7000-8000-{number:012d}") for number in range(1, 5)]
FACTS = ", ".join(Obligation.__dataclass_fields__)


def terms_id(merchant: UUID, version: int) -> UUID:
    return UUID(int=merchant.int + (version << 64))


@pytest.fixture(scope="module")
def at_hand(cluster: Cluster) -> Iterator[Database]:
    with cluster.fresh_database() as name:
        database = Database(cluster.url("peyvand", database=name))
        yield database
        database.dispose()


@st.composite
def books(draw: st.DrawFn) -> PriceBook:
    """Draw agreements in two versions for every merchant, and face values that come again."""
    small = st.decimals(min_value=0, max_value=Decimal("0.5"), places=4)
    agreements = [
        Agreement(
            agreement_id=terms_id(merchant, version),
            merchant_id=merchant,
            effective_from=DAY + timedelta(days=version - 2),
            issue_price=draw(st.decimals(min_value=1, max_value=2000, places=10)),
            acceptance_fee=draw(small),
            currency="IRR",
            funding=draw(st.sampled_from(["on_redemption", "on_issue", "prefunded"])),
            breakage_beneficiary=draw(st.sampled_from(["network", "issuer"])),
            vat_rate=draw(st.one_of(st.just(Decimal(0)), small)),
            vat_on=draw(st.sampled_from(["margin", "acceptance_fee"])),
        )
        for merchant in MERCHANTS
        for version in (1, 2)
    ]
    worth = draw(st.lists(st.sampled_from([(1000, 1), (1001, 3)]), min_size=3, max_size=3))
    values = [
        FaceValue(
            effective_from=DAY + timedelta(days=place - 2),
            numerator=numerator,
            denominator=denominator,
            currency="IRR",
        )
        for place, (numerator, denominator) in enumerate(worth)
    ]
    return PriceBook(agreements=agreements, face_values=values)


@st.composite
def one_sum(draw: st.DrawFn) -> PostingSum:
    account = draw(st.sampled_from(["redemption"] * 4 + ["issuance", "adjustment", "expiry"]))
    taken = account == "redemption"
    issuers = [*MERCHANTS, NETWORK_PARTY] if taken else MERCHANTS
    issuer = draw(st.sampled_from(issuers))
    points = draw(st.integers(min_value=1, max_value=10**7))
    negative = account == "issuance" or (account != "expiry" and draw(st.booleans()))
    return PostingSum(
        account=account,
        issuer_id=issuer,
        acceptor_id=draw(st.sampled_from(MERCHANTS)) if taken else None,
        terms_id=terms_id(issuer, draw(st.sampled_from([1, 2]))),
        priced_on=DAY - timedelta(days=draw(st.integers(0, 1))) if taken else None,
        negative=negative,
        points=-points if negative else points,
        postings=draw(st.integers(min_value=1, max_value=9)),
    )


def key(each: PostingSum) -> tuple[object, ...]:
    return each[:6]


def reckoned(session: Session, sums: list[PostingSum], book: PriceBook) -> list[Obligation]:
    """Return what the database makes of sums, as if it had found them in the ledger."""
    session.execute(
        text("""
            CREATE TEMP TABLE posting_sum ON COMMIT DROP AS
            SELECT * FROM json_to_recordset(CAST(:sums AS json)) AS s (
                account text, issuer_id uuid, acceptor_id uuid, terms_id uuid, priced_on date,
                negative boolean, points numeric, postings bigint)
        """),
        {"sums": json.dumps([each._asdict() for each in sums], default=str)},
    )
    taken = [each for each in sums if each.account == "redemption"]
    acceptors = {(s.acceptor_id, s.priced_on) for s in taken if s.acceptor_id and s.priced_on}
    issuers = {each.terms_id for each in sums if each.issuer_id != NETWORK_PARTY}
    quotes = rates.quotes(book, asked=sorted(acceptors))
    terms = rates.issuer_terms(book, asked=sorted(issuers))
    assert owing.mixed_currencies(session, quotes=quotes, terms=terms) is None
    owing.price_sums(session, window_id=WINDOW, quotes=quotes, terms=terms, arrows=rates.arrows())
    rows = session.execute(text(f"SELECT {FACTS} FROM owed"))
    return [
        Obligation(
            **dict(row._mapping)
            | {
                "priced_on": tuple(row.priced_on),
                "points": int(row.points),
                "amount": int(row.amount),
            }
        )
        for row in rows
    ]


@settings(max_examples=25)
@given(st.lists(one_sum(), max_size=30, unique_by=key), books())
def test_any_sums_come_to_what_the_rules_say(
    at_hand: Database, sums: list[PostingSum], book: PriceBook
) -> None:
    expected = price_obligations(sums, book=book, window_id=WINDOW)
    with at_hand.rehearsal() as session:
        found = reckoned(session, sums, book)
        nets = owing.nets(session)
        moved = owing.pool_flows(session)
    by_id = {each.obligation_id: each for each in found}
    assert len(by_id) == len(found)
    assert by_id == {each.obligation_id: each for each in expected}
    positions = netting.positions(controls.debts(expected))
    assert [
        (
            each.party,
            each.account,
            each.currency,
            each.payable,
            each.receivable,
            each.fees,
            each.vat,
        )
        for each in positions
    ] == [tuple(each) for each in nets]
    assert moved == flows(expected)


@pytest.mark.parametrize(
    ("value", "whole"),
    [("0.5", 0), ("1.5", 2), ("2.5", 2), ("-0.5", 0), ("-1.5", -2), ("-2.5", -2), ("2.51", 3),
     ("2.4999999999", 2), ("-979.5000000001", -980), ("99999999999999999999.5", 10**20)],
)  # fmt: skip
def test_ties_go_to_the_even_number(at_hand: Database, value: str, whole: int) -> None:
    with at_hand.reading() as session:
        found = session.execute(
            text("SELECT network.half_even(CAST(:value AS numeric))"), {"value": value}
        ).scalar_one()
    assert found == whole
