"""Joining, being recognised at a till, and what a member decides, on the real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from network.database.connection import Database
from network.errors import InvariantError
from network.ids import uuid7
from network.members import queries, resolving, service
from network.members.cards import normalise_card_number
from network.members.errors import (
    AlreadyMemberError,
    CardBlockedError,
    ConsentRequiredError,
    InvalidCodeError,
    InvalidMemberDataError,
    InvalidPhoneError,
    UnknownMemberError,
)
from network.members.tiers import add_tier, set_tier
from network.operators.audit import every_row
from network.vault import Vault

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PHONE, NAME = "+989123456789", "سارا احمدی"


def enrol(session: Session, vault: Vault, **changes: Any) -> UUID:
    facts: dict[str, Any] = {
        "phone": PHONE,
        "name": NAME,
        "consents": {"membership", "offers"},
        "locale": "fa",
        "now": NOW,
    }
    return service.enrol(session, vault, **facts | changes)


def wallet_status(session: Session, member_id: UUID) -> str:
    return str(
        session.execute(
            text("SELECT status FROM ledger.wallet WHERE member_id = :member_id"),
            {"member_id": member_id},
        ).scalar_one()
    )


def test_joining_gives_a_wallet_a_card_and_codes(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault, phone="۰۹۱۲ ۳۴۵ ۶۷۸۹", name=" سارا  احمدي ")
    with database.reading() as session:
        view = queries.member(session, vault, member_id=member_id)
        assert (view.phone, view.name) == (PHONE, NAME)
        assert (view.locale, view.money_unit, view.spend_limit) == ("fa", "toman", 0)
        assert (view.joined_at, view.status) == (NOW, "active")
        assert wallet_status(session, member_id) == "active"
        (card,) = queries.cards(session, member_id=member_id)
        assert normalise_card_number(card.card_number) == card.card_number
        assert queries.consents(session, member_id=member_id) == {
            "membership": True,
            "offers": True,
            "research": False,
        }


def test_nothing_personal_stands_in_any_table_or_representation(
    database: Database, owner_database: Database, vault: Vault
) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault)
        signed = service.start_session(
            session, vault, member_id=member_id, wall=NOW, device="Nokia 3310"
        )
    with owner_database.reading() as session:
        tables = session.execute(
            text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname IN ('network', 'ledger')"
            )
        ).scalars()
        stored = "\n".join(
            str(row)
            for table in tables
            for row in session.execute(text(f"SELECT t::text FROM {table} t")).scalars()
        )
        view = queries.member(session, vault, member_id=member_id)
    for private in (PHONE, PHONE[3:], NAME, "Nokia", signed.token):
        assert private not in stored
        assert private.encode().hex() not in stored
        assert private not in repr(view)
        assert private not in repr(signed)


def test_deleting_the_key_erases_the_person(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault)
        session.execute(text("DELETE FROM network.member_key"))
    with database.reading() as session:
        with pytest.raises(UnknownMemberError):
            queries.member(session, vault, member_id=member_id)
        with pytest.raises(UnknownMemberError):
            resolving.resolve(session, vault, phone=PHONE, wall=NOW)


def test_a_phone_joins_once(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        enrol(session, vault)
        with pytest.raises(AlreadyMemberError) as refused:
            enrol(session, vault, phone="09123456789")
        assert PHONE not in str(refused.value)
        other = enrol(session, vault, phone="09123456780")
    with database.reading() as session:
        assert resolving.resolve(session, vault, phone="09123456780", wall=NOW).member_id == other


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"consents": ()}, ConsentRequiredError),
        ({"consents": {"offers"}}, ConsentRequiredError),
        ({"consents": {"membership", "everything"}}, InvalidMemberDataError),
        ({"phone": "02188881234"}, InvalidPhoneError),
        ({"locale": "de"}, InvalidMemberDataError),
        ({"money_unit": "cent"}, InvalidMemberDataError),
        ({"name": "  "}, InvalidMemberDataError),
        ({"name": "x" * 81}, InvalidMemberDataError),
        ({"name": "a\x00b"}, InvalidMemberDataError),
    ],
)
def test_who_cannot_join(
    database: Database, vault: Vault, changes: dict[str, Any], error: type[Exception]
) -> None:
    with database.unit_of_work() as session:
        with pytest.raises(error):
            enrol(session, vault, **changes)
        assert session.execute(text("SELECT count(*) FROM network.member")).scalar_one() == 0


def test_phone_card_and_code_name_the_same_member(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault)
    with database.reading() as session:
        (card,) = queries.cards(session, member_id=member_id)
        shown = queries.current_code(session, vault, member_id=member_id, limit=12_345, wall=NOW)
        assert shown.limit == 12_340
        assert shown.changes_at == NOW + timedelta(minutes=1)
        assert shown.text not in repr(shown)
        found = [
            resolving.resolve(session, vault, wall=NOW, **dict[str, Any](identifier))
            for identifier in (
                {"phone": "0912 345 6789"},
                {"card": card.card_number},
                {"code": shown.text},
            )
        ]
    assert {one.member_id for one in found} == {member_id}
    assert [one.method for one in found] == ["phone", "card", "code"]
    assert {one.masked_name for one in found} == {"س••• ا•••"}
    assert [one.verified_code is not None for one in found] == [False, False, True]
    code = found[2].verified_code
    assert code is not None
    assert (code.limit, code.expires_at) == (12_340, NOW + timedelta(minutes=2))


def test_an_old_code_still_names_its_member_with_its_consent_over(
    database: Database, vault: Vault
) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault, name=None)
        shown = queries.current_code(session, vault, member_id=member_id, limit=5, wall=NOW)
        later = NOW + timedelta(hours=23)
        found = resolving.resolve(session, vault, code=shown.text, wall=later)
        assert (found.member_id, found.masked_name) == (member_id, None)
        assert found.verified_code is not None
        assert found.verified_code.expires_at < later
        with pytest.raises(InvalidCodeError):
            resolving.resolve(session, vault, code=shown.text, wall=NOW + timedelta(days=2))


def test_a_code_with_anothers_handle_is_not_genuine(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        one = enrol(session, vault)
        other = enrol(session, vault, phone="09123456780")
        codes = [
            queries.current_code(session, vault, member_id=member_id, limit=5, wall=NOW).text
            for member_id in (one, other)
        ]
        for crossed in (codes[0][:8] + codes[1][8:], codes[1][:8] + codes[0][8:], "A" * 32):
            with pytest.raises(InvalidCodeError):
                resolving.resolve(session, vault, code=crossed, wall=NOW)


def test_unknown_and_blocked(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault)
        (card,) = queries.cards(session, member_id=member_id)
        with pytest.raises(UnknownMemberError):
            resolving.resolve(session, vault, phone="09350000000", wall=NOW)
        with pytest.raises(UnknownMemberError):
            queries.member(session, vault, member_id=uuid7())
        with pytest.raises(InvariantError):
            resolving.resolve(session, vault, phone=PHONE, card=card.card_number, wall=NOW)
        service.block_card(session, member_id=member_id, card_number=card.card_number, now=NOW)
        with pytest.raises(CardBlockedError):
            resolving.resolve(session, vault, card=card.card_number, wall=NOW)
        fresh = service.issue_card(session, member_id=member_id, now=NOW)
        assert resolving.resolve(session, vault, card=fresh, wall=NOW).member_id == member_id
        with pytest.raises(UnknownMemberError):
            service.block_card(session, member_id=uuid7(), card_number=fresh, now=NOW)


def test_spending_is_locked_and_unlocked_in_the_ledger(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault)
    for locked, status in ((True, "spend_locked"), (False, "active")):
        with database.unit_of_work() as session:
            service.set_spend_lock(session, member_id=member_id, locked=locked)
        with database.reading() as session:
            assert wallet_status(session, member_id) == status


def test_limit_name_and_preferences(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault)
        assert service.set_spend_limit(session, member_id=member_id, limit=54_321) == 54_300
        service.set_preferences(session, member_id=member_id, locale="en", money_unit="rial")
        service.set_name(session, vault, member_id=member_id, name="Sara")
        view = queries.member(session, vault, member_id=member_id)
        assert (view.spend_limit, view.locale, view.money_unit) == (54_300, "en", "rial")
        assert view.name == "Sara"
        service.set_name(session, vault, member_id=member_id, name=None)
        assert queries.member(session, vault, member_id=member_id).name is None
        for limit in (-1, 2**63):
            with pytest.raises(InvalidMemberDataError):
                service.set_spend_limit(session, member_id=member_id, limit=limit)
        with pytest.raises(InvalidMemberDataError):
            service.set_preferences(session, member_id=member_id, locale="xx")
        with pytest.raises(UnknownMemberError):
            service.set_preferences(session, member_id=uuid7(), locale="fa")


def test_consents_can_be_taken_back_but_not_membership(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        member_id = enrol(session, vault)
        facts: dict[str, Any] = {"member_id": member_id, "granted": False, "now": NOW}
        service.record_consent(session, purpose="offers", **facts)
        assert queries.consents(session, member_id=member_id)["offers"] is False
        with pytest.raises(ConsentRequiredError):
            service.record_consent(session, purpose="membership", **facts)
        with pytest.raises(InvalidMemberDataError):
            service.record_consent(session, purpose="everything", **facts)


def test_an_operator_sets_a_tier_for_a_reason_and_the_log_has_it(
    database: Database, vault: Vault
) -> None:
    anna = uuid7()
    with database.unit_of_work() as session:
        add_tier(session, code="gold", rank=1, name_fa="طلایی", name_en="Gold")
        facts: dict[str, Any] = {"member_id": enrol(session, vault), "tier": "gold", "now": NOW}
        for silent in ("", "  ", "x" * 301):
            with pytest.raises(InvalidMemberDataError) as refused:
                set_tier(session, **facts, set_by=anna, reason=silent)
            assert refused.value.field == "reason"
        set_tier(session, **facts, set_by=anna, reason=" Gold  at another club ")
        logged = [each.facts for each in every_row(session) if each.action == "member.tier"]
    assert logged == [{"from": "member", "to": "gold", "reason": "Gold at another club"}]
