"""Everything that is kept of a member, as one JSON document, row by row in bounded memory.

Who holds the phone and the session takes it out: a code of its own confirms it, as leaving does.
What other people are called, operators included, is not in it, nor what would open the account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, and_, or_, select
from sqlalchemy.orm import Session

from network.adjustments import models as adjustments
from network.claims import models as claims
from network.database.base import metadata
from network.exports.sections import SECTIONS, Section
from network.exports.texts import export_text, format_words
from network.ids import is_shared_wallet
from network.language import use_locale
from network.ledger import campaign_tables
from network.ledger import tables as ledger
from network.members.models import Member
from network.members.queries import MemberView, everyone, person_key
from network.members.sealing import PersonKey
from network.members.sign_in import CODE_LIFE, CodeRefused, read_code, send_code
from network.merchants import naming
from network.messaging import models as messages
from network.messaging.service import BODY_PURPOSE, STAFF_KINDS
from network.notices import models as notices
from network.pools.models import Pool
from network.programme.explain import from_json, words
from network.second_factor import models as second_factor
from network.spend_requests import models as spend_requests
from network.vault import Vault

FORMAT = "peyvand-export-1"
TABLES_OF = (
    adjustments,
    campaign_tables,
    claims,
    messages,
    notices,
    second_factor,
    spend_requests,
)
"""Whose tables the file has, beside those named below: known to the metadata once imported."""

NAMING = frozenset({"pool", "giving", "received"})
"""Kinds of messages that name another person; of spending, those of what somebody else spent."""

ROWS_AT_ONCE = 500
_PURPOSE = "take the data along"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """Whom the file is about: every membership, number and wallet that is theirs."""

    keys: dict[UUID, PersonKey]
    phones: list[bytes]
    pools: list[UUID]
    of_others: frozenset[UUID]
    locale: str
    money_unit: str
    wall: datetime


def ask(
    session: Session,
    vault: Vault,
    *,
    member: MemberView,
    address: str | None,
    domain: str,
    wall: datetime,
) -> None:
    """Send the code that confirms taking the data along, and nothing else; ThrottledError."""
    send_code(
        session,
        vault,
        phone=member.phone,
        address=address,
        locale=member.locale,
        wall=wall,
        kind="export",
        purpose=_PURPOSE,
        body=lambda code: export_text(
            code=code,
            minutes=CODE_LIFE // timedelta(minutes=1),
            domain=domain,
            locale=member.locale,
        ),
    )


def confirm(
    session: Session, vault: Vault, *, member: MemberView, code: str, wall: datetime
) -> CodeRefused | None:
    """Use the code up; return why it is refused. Commit a refusal too: it has been counted."""
    sent = read_code(session, vault, phone=member.phone, code=code, wall=wall, purpose=_PURPOSE)
    if isinstance(sent, CodeRefused):
        return sent
    sent.used_at = wall
    session.flush()
    return None


def document(
    session: Session, vault: Vault, *, member: MemberView, wall: datetime
) -> Iterator[str]:
    """Yield the document's text in pieces; ``session`` is a snapshot, so that all parts agree."""
    person = _person(session, vault, member=member, wall=wall)
    about: dict[str, Any] = {
        "format": FORMAT,
        "made_at": _plain(wall),
        "language": member.locale,
        "words": format_words(locale=member.locale),
    }
    with use_locale(member.locale):
        about["sections"] = {each.name: str(each.about) for each in SECTIONS}
    yield "{" + f'"about": {_text(about)}'
    merchants: set[UUID] = set()
    for section in SECTIONS:
        yield f',\n"{section.name}": ['
        joint = "\n"
        for row in _rows(session, section, person):
            shown = _shown(vault, section, row, person)
            merchants |= {each for each in _merchants(row) if each is not None}
            yield joint + _text(shown)
            joint = ",\n"
        yield "]"
    named = naming.merchants_named(session, merchant_ids=merchants)
    names = {str(each.merchant_id): each.name(member.locale) for each in named}
    yield f',\n"partners": {_text(names)}' + "}\n"


def _person(session: Session, vault: Vault, *, member: MemberView, wall: datetime) -> _Person:
    ids = everyone(session, member_id=member.member_id)
    phones = session.scalars(
        select(Member.phone_index).where(Member.member_id.in_(ids), Member.phone_index.is_not(None))
    )
    # What was told has one id as a notice and as a message, which goes sooner.
    of_others = (
        select(notices.MemberNotice.notice_id)
        .join(messages.Message, messages.Message.message_id == notices.MemberNotice.notice_id)
        .where(notices.MemberNotice.member_id.in_(ids), notices.MemberNotice.other_id.is_not(None))
    )
    return _Person(
        keys={each: person_key(session, vault, member_id=each) for each in ids},
        phones=[index for index in phones if index is not None],
        pools=sorted(_pools(session, ids)),
        of_others=frozenset(session.scalars(of_others)),
        locale=member.locale,
        money_unit=member.money_unit,
        wall=wall,
    )


def _pools(session: Session, ids: list[UUID]) -> set[UUID]:
    """Return the shared wallets that a person was ever in: own movements say which."""
    entry = ledger.entry.c
    rows = session.execute(
        select(entry.explanation).where(entry.member_id.in_(ids), entry.kind.in_(["join", "leave"]))
    )
    found = set(
        session.scalars(
            select(ledger.shared_person.c.pool_id).where(ledger.shared_person.c.member_id.in_(ids))
        )
    )
    for (steps,) in rows:
        for value in (fact for step in steps for fact in step.get("facts", {}).values()):
            found |= _shared_id(value)
    return found


def _shared_id(value: object) -> set[UUID]:
    try:
        read = UUID(str(value))
    except ValueError:
        return set()
    return {read} if is_shared_wallet(read) else set()


def _rows(session: Session, section: Section, person: _Person) -> Iterator[Row[Any]]:
    table = metadata.tables[section.table]
    key = list(table.primary_key.columns)
    query = select(table).where(_whose(table, section, person)).order_by(*key)
    with session.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}) as rows:
        yield from rows


def _whose(table: Table, section: Section, person: _Person) -> ColumnElement[bool]:
    ids = list(person.keys)
    if section.whose == "member":
        mine = table.c.member_id.in_(ids)
        return or_(mine, table.c.into_id.in_(ids)) if "into_id" in table.c else mine
    if section.whose == "phone":
        return table.c.phone_index.in_(person.phones)
    if section.whose == "recipient":
        # A code that still works stays on the phone that it was sent to.
        works = and_(table.c.expires_at.is_not(None), table.c.expires_at > person.wall)
        to_them = table.c.recipient_index.in_(person.phones)
        return and_(to_them, table.c.kind.not_in(STAFF_KINDS), ~works)
    owned = select(Pool.pool_id).where(Pool.owner_id.in_(ids))
    if section.whose == "owner":
        return table.c.owner_id.in_(ids)
    if section.whose == "invited":
        return table.c.pool_id.in_(owned)
    return _in_wallets(table, ids, person.pools)


def _in_wallets(table: Table, ids: list[UUID], pools: list[UUID]) -> ColumnElement[bool]:
    """Return the condition of a wallet's rows: all of their own, of a shared one their own acts.

    Of one that they made, its balance and open lots as well: those are theirs to decide on.
    """
    mine = table.c.member_id.in_(ids)
    made = select(Pool.pool_id).where(Pool.owner_id.in_(ids))
    if table.name == "wallet":
        return or_(mine, table.c.member_id.in_(made))
    if table.name == "lot":
        return or_(mine, and_(table.c.member_id.in_(made), table.c.open))
    if not pools or "sequence" not in table.c:
        return mine
    entry = ledger.entry.c
    # A merchant acts with the person whom it served ("merchant:… member:…"). A giver acts alone,
    # and stands in the wallet that was given to as well, whose entries are not theirs to see.
    served = or_(*(entry.actor.like(f"% member:{each}") for each in ids))
    gave = and_(entry.member_id.in_(made), entry.actor.in_([f"member:{each}" for each in ids]))
    numbers = select(entry.member_id, entry.sequence).where(entry.member_id.in_(pools))
    named = numbers.where(or_(served, gave)).subquery()
    theirs = (
        select(named.c.sequence)
        .where(named.c.member_id == table.c.member_id, named.c.sequence == table.c.sequence)
        .exists()
    )
    return or_(mine, and_(table.c.member_id.in_(pools), theirs))


def _shown(vault: Vault, section: Section, row: Row[Any], person: _Person) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in row._mapping.items():  # noqa: SLF001 - SQLAlchemy's public name
        if name in section.hidden:
            continue
        if name in section.opened:
            opened = None
            if value is not None:
                key = person.keys[row.member_id]
                opened = key.open(value, name=section.opened[name]).decode()
            shown[name.removeprefix("sealed_")] = opened
        elif name == "sealed_body":
            names = row.kind in NAMING or row.message_id in person.of_others
            text = None if names else vault.open(value, purpose=BODY_PURPOSE).decode()
            shown["text"] = text
        elif section.table == "ledger.entry" and name == "actor":
            shown[name] = value.partition(":")[0]  # a merchant, a member, an operator, the system
        elif section.table == "ledger.entry" and name == "explanation":
            shown["reasons"] = _reasons(value, person)
        elif section.whose == "wallet" and name == "member_id":
            shown["wallet"] = _plain(value)
        else:
            shown[name] = _plain(value)
    return shown


def _reasons(steps: list[dict[str, Any]], person: _Person) -> list[dict[str, Any]]:
    """Return why points came or went, as the wallet says it; ids of other people stay out."""
    return [
        {
            "reason": step["reason"],
            "fired": bool(step.get("fired", True)),
            "words": words(from_json(step), person.locale, unit=person.money_unit),
        }
        for step in steps
    ]


def _merchants(row: Row[Any]) -> list[UUID | None]:
    names = ("merchant_id", "issuer_id", "acceptor_id", "locked_to")
    return [getattr(row, name, None) for name in names]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    return value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # bytes raise: no secret goes out unseen
