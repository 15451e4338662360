"""Closing the account: by a code of its own, and nothing is left that leads to the person."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from network import ids
from network.clock import wall_now
from network.ledger import queries as ledger
from network.members import queries, resolving
from network.members.errors import UnknownMemberError
from network.members.freezing import freeze
from network.members.models import Card, Member, MemberKey, MemberSession, OneTimeCode
from network.messaging.models import Message
from network.operators.queries import acts
from network.operators.service import add_operator
from network.pools import service as pools
from tests.browser.wallet.conftest import MEMBER_PHONE, Wallet
from tests.browser.wallet.test_give import available, giver_of, newest_code, send

LEAVE = "/profile/leave"


def test_leaving_takes_a_code_and_erases_the_person(wallet: Wallet) -> None:
    member_id, client = giver_of(wallet)
    had = available(wallet, member_id)
    assert 'href="/profile/leave"' in client.get("/profile").text
    status, page = send(client, LEAVE)
    assert (status, "Tick the box" in page) == (422, True)
    with wallet.services.database.reading() as session:
        view = ledger.stored_wallet(session, member_id=member_id)
    assert view is not None
    assert f"{view.available + view.pending:,} points" in page
    status, page = send(client, LEAVE, agreed="yes")
    assert (status, "Code from the message" in page) == (200, True)
    code = newest_code(client)
    status, page = send(client, f"{LEAVE}/confirm", code=f"{(int(code) + 1) % 10**6:06}")
    assert (status, "not the code" in page) == (422, True)
    assert available(wallet, member_id) == had
    status, page = send(client, f"{LEAVE}/confirm", code=code)
    assert (status, "Your account is closed" in page) == (200, True)
    assert client.get("/profile").status_code == 302

    with wallet.services.database.reading() as session:
        view = ledger.stored_wallet(session, member_id=member_id)
        assert view is not None
        assert (view.status, view.available, view.pending) == ("closed", 0, 0)
        row = session.get(Member, member_id)
        assert row is not None
        assert row.status == "closed"
        assert (row.phone_index, row.sealed_phone, row.sealed_name) == (None, None, None)
        for table in (MemberKey, MemberSession):
            held = select(func.count()).select_from(table).where(table.member_id == member_id)
            assert session.scalar(held) == 0
        assert session.scalar(select(func.count()).select_from(OneTimeCode)) == 0
        assert session.scalar(select(func.count()).select_from(Message)) == 0
        assert session.scalar(select(Card.blocked_at).where(Card.member_id == member_id))
        said = acts(session, subject=ids.encode("mem", member_id), limit=5)
        assert [each.action for each in said] == ["member.left"]
        with pytest.raises(UnknownMemberError):
            queries.member(session, wallet.services.vault, member_id=member_id)
        with pytest.raises(UnknownMemberError):
            resolving.resolve(session, wallet.services.vault, wall=wall_now(), phone=MEMBER_PHONE)
    again = wallet.enrol()
    assert again != member_id
    assert available(wallet, again) == 0


def test_who_owes_or_shares_does_not_leave(wallet: Wallet) -> None:
    member_id, client = giver_of(wallet)
    with wallet.services.database.unit_of_work() as session:
        pools.make(
            session, member_id=member_id, kind="family", now=wallet.coalition.now, wall=wall_now()
        )
    page = client.get(LEAVE).text
    assert "You share a wallet" in page
    assert "Send me the code" not in page


def test_the_frozen_neither_leave_nor_share(wallet: Wallet) -> None:
    member_id, client = giver_of(wallet)
    with wallet.services.database.unit_of_work() as session:
        clerk = add_operator(
            session,
            vault=wallet.services.vault,
            now=wall_now(),
            email="clerk@example.org",
            name="The clerk",
            role="operator",
            password="a long enough pass phrase",
        )
        by = clerk.operator.operator_id
        freeze(session, member_id=member_id, reason="theft", by=by, now=wall_now())
    page = client.get(LEAVE).text
    assert "The network has locked spending, so the account can&#39;t be closed" in page
    assert "Send me the code" not in page
    status, page = send(client, "/pool", kind="family")
    assert (status, "The network has locked spending. Ask its support." in page) == (422, True)
