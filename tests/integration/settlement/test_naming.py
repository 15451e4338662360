"""Counterparties by name: where both agreements allow it, from the day on which both do."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import text

from merchant_gateway.errors import InsufficientScopeError, InvalidRequestError
from merchant_gateway.gateway import Call, Gateway
from merchant_gateway.guard import Admission
from merchant_gateway.limits import Limits
from merchant_gateway.operations import load_operations, perform
from merchant_gateway.signing import Evidence
from network.clearing import queries
from network.clearing.paper_lines import paper_lines
from network.clearing.party_names import may_be_named, named_parties
from network.clearing.statement_pdf import statement_pdf
from network.clock import wall_now
from network.merchants.queries import KeyView
from network.merchants.scopes import SCOPES
from network.reports import flows
from network.services import Services
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.pictures import documents, settle


def lets_be_named(coalition: Coalition, merchant: UUID, *, since: date, named: bool = True) -> None:
    """Give a merchant its next agreement, which says the same but for its name."""
    with coalition.owner.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO network.agreement
                    (agreement_id, merchant_id, version, effective_from, issue_price,
                     acceptance_fee, funding, currency, named, proposed_at, approved_at)
                SELECT gen_random_uuid(), merchant_id, version + 1, :since, issue_price,
                       acceptance_fee, funding, currency, :named, proposed_at, approved_at
                FROM network.agreement WHERE merchant_id = :merchant
                ORDER BY version DESC LIMIT 1
            """),
            {"merchant": merchant, "since": since, "named": named},
        )


def told(statement: bytes) -> set[tuple[str, str, str]]:
    """Return direction, kind and counterparty of a statement's lines."""
    return {
        (line["direction"], line["kind"], line["counterparty"])
        for line in json.loads(statement)["lines"]
    }


@pytest.fixture
def played(services: Services, coalition: Coalition) -> dict[str, tuple[bytes, bytes]]:
    """Settle a day without names and one on which baker and grocer have agreed to be named.

    Return the statements of the first day as they were before anybody had.
    """
    coalition.play_two_days()
    coalition.taken(5, by=member(3), issuer=CINEMA, acceptor=GROCER, on=NEXT_DAY)
    coalition.taken(4, by=member(3), issuer=GROCER, acceptor=GROCER, on=NEXT_DAY)
    coalition.programme.move(coalition.at(NEXT_DAY))
    settle(services, DAY)
    before = documents(services, DAY)
    for merchant in (BAKER, GROCER):
        lets_be_named(coalition, merchant, since=NEXT_DAY)
    coalition.programme.move(coalition.at(THIRD_DAY))
    settle(services, NEXT_DAY)
    return before


def test_two_who_agreed_read_each_other_s_names_and_nobody_else(
    services: Services, played: dict[str, tuple[bytes, bytes]]
) -> None:
    found = documents(services, NEXT_DAY)
    assert told(found["baker"][0]) == {
        ("payable", "redemption", "grocer"),
        ("payable", "redeposit", "grocer"),
        ("fee", "margin", "network"),
        ("fee", "margin_return", "network"),
    }
    assert told(found["cinema"][0]) == {
        ("payable", "redemption", "network"),
        ("fee", "margin", "network"),
    }
    grocer = told(found["grocer"][0])
    assert {whom for side, _kind, whom in grocer if side == "receivable"} == {
        "baker",
        "network",
        "grocer",
    }
    for whole, table in found.values():
        rows = list(csv.DictReader(io.StringIO(table.decode(), newline="")))
        lines = json.loads(whole)["lines"]
        named = [each["counterparty"] for each in rows if each["record"] == "line"]
        assert named == [each["counterparty"] for each in lines]
    a_program_reads_trade_page_by_page(services)


def a_program_reads_trade_page_by_page(services: Services) -> None:
    """Ask the gateway's operation for the trade of both days."""
    gateway = Gateway.build(services=services, redis=Redis(), limits=Limits())
    days = f"since={DAY}&until={THIRD_DAY}"

    def asked(merchant: UUID, query: str, *, scopes: tuple[str, ...] = SCOPES) -> Any:
        now = wall_now()
        call = Call(
            gateway=gateway,
            request_id="req",
            key=KeyView(
                key_id="mk_live_a",
                merchant_id=merchant,
                merchant_code="a",
                merchant_status="active",
                environment="live",
                algorithm="ed25519",
                public_key=None,
                sealed_secret=None,
                created_at=now,
                revoked_at=None,
                last_used_on=None,
                issuing="open",
                scopes=scopes,
            ),
            method="GET",
            authority="gateway.example",
            target=f"/v1/trade?{query}",
            body=b"",
            signed=Evidence(signature_base=b"", signature=b""),
            wall=now,
            admission=Admission(remaining=0, reset=0, epoch=None),
            idempotency_key=None,
        )
        operation = load_operations()["list_trade"]
        return perform(operation, call, media_type="", path_ids={}).payload

    first = asked(GROCER, f"{days}&limit=1")
    assert (first["named"], first["since"], first["until"]) == (
        True,
        DAY.isoformat(),
        THIRD_DAY.isoformat(),
    )
    (row,) = first["items"]
    assert (row["partner"]["code"], row["taken_points"], row["spent_points"]) == ("baker", 1, 0)
    # The days go on in the cursor, and may be repeated beside it, but not be others.
    for again in (f"cursor={first['next_cursor']}", f"{days}&cursor={first['next_cursor']}"):
        last = asked(GROCER, again)
        (others,) = last["items"]
        assert (others["partner"], others["taken_points"], last["next_cursor"]) == (None, 12, None)
    assert others["balance"] == others["taken_amount"] - others["spent_amount"]
    for wrong in (f"since={NEXT_DAY}&cursor={first['next_cursor']}", "cursor=AAAA"):
        with pytest.raises(InvalidRequestError):
            asked(GROCER, wrong)
    assert asked(CINEMA, days)["named"] is False
    assert [each["partner"] for each in asked(CINEMA, days)["items"]] == [None]
    assert asked(GROCER, "until=0001-01-01")["items"] == []
    assert asked(GROCER, "")["items"], "the last thirty days, until today"
    with pytest.raises(InsufficientScopeError):
        asked(GROCER, "", scopes=("transactions",))


def test_what_was_given_out_stays_and_papers_and_trade_have_the_names(
    services: Services, played: dict[str, tuple[bytes, bytes]], coalition: Coalition
) -> None:
    assert documents(services, DAY) == played
    assert {whom for _side, _kind, whom in told(played["baker"][0])} == {"network"}
    named = documents(services, NEXT_DAY)
    lets_be_named(coalition, BAKER, since=THIRD_DAY, named=False)
    assert documents(services, NEXT_DAY) == named
    with services.database.reading() as session:
        days = [
            may_be_named(session, merchant_id=BAKER, day=each) for each in (NEXT_DAY, THIRD_DAY)
        ]
    assert days == [False, True]

    with coalition.owner.unit_of_work() as session:
        session.execute(
            text("UPDATE network.merchant SET name_fa = 'بقالی', name_en = 'The Corner'")
        )
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=NEXT_DAY)
        assert window is not None
        names = named_parties(session, window=window)
        found = queries.statement(session, merchant_id=BAKER, window_id=window.window_id)
        assert found is not None
        lines = list(queries.statement_lines(session, statement=found))
    assert set(names) == {"baker", "grocer"}
    ours = paper_lines(found, lines=lines, entry_ids=services.entry_ids, names=names)
    assert set(ours.names) == {"grocer"}
    papers = {
        statement_pdf(
            found,
            lines=lines,
            entry_ids=services.entry_ids,
            locale=locale,
            check_url="https://gateway.example/verify",
            names=given,
        )
        for locale in ("fa", "en")
        for given in (names, {})
    }
    assert len(papers) == 4  # paper has names, in its own language

    # Trade is told by partner as far as both agreed.
    def trade(merchant: UUID) -> list[tuple[UUID | None, int, int]]:
        with services.database.reading() as session:
            found = flows.trade_of(session, merchant_id=merchant, since=DAY, until=THIRD_DAY)
        return [(each.partner_id, each.taken_points, each.spent_points) for each in found]

    # The first day's trade is nobody's by name, whatever was agreed since.
    assert trade(BAKER) == [(GROCER, 0, 1), (None, 10, 7)]
    assert trade(GROCER) == [(BAKER, 1, 0), (None, 12, 10)]
    assert trade(CINEMA) == [(None, 0, 5)]
