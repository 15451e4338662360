"""News of entries that can wait: refunds, and points that became available.

A night makes hundreds of thousands, so they are told many at once: a fixed number of statements
for however many entries, but for shared wallets, which are few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from network.ids import EntryKey, is_shared_wallet
from network.language import use_locale
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.ledger.views import EntryView
from network.merchants import queries as merchants
from network.merchants.queries import MerchantView
from network.messaging.service import Patient, queue_patiently
from network.notices.choices import AVAILABLE, REFUNDED, TAKEN_BACK, Choice, choices
from network.notices.people import Person, people_of
from network.notices.service import NAMESPACE, News, write_down
from network.notices.texts import available_words, news_text, refunded_words, taken_back_words
from network.pools import queries as pools
from network.vault import Vault

KINDS = {
    "refund_redemption": REFUNDED,
    "refund_issuance": TAKEN_BACK,
    "activation": AVAILABLE,
}
"""The kinds of entry that are told here, and as what."""


def announce(
    session: Session,
    vault: Vault,
    *,
    entries: Collection[EntryKey],
    wallet_url: str,
    wall: datetime,
) -> int:
    """Tell of entries, each once however often it comes; return how many were news.

    In a wallet of one's own its member is told; in a shared one whoever bought or paid, and where
    that is nobody in it any more, or points became available, its owner.
    """
    there = ledger.entries_by_key(session, keys=entries)
    told = [there[key] for key in dict.fromkeys(entries) if key in there]
    concerned = _concerned(session, told)
    people = {each.member_id: each for each in people_of(session, vault, {*concerned.values()})}
    news = [
        each
        for entry in told
        if (person := people.get(concerned[_key(entry)])) is not None
        and (each := _news(entry, person)) is not None
    ]
    new = write_down(session, news, wall=wall)
    chosen = choices(session, member_ids={each.member_id for each in news})
    shops = _shops(session, news)
    messages = []
    for each in news:
        choice = chosen.get(each.member_id, Choice())
        if each.notice_id in new and choice.sends(each.kind):
            person = people[each.member_id]
            shop = None if each.merchant_id is None else shops[each.merchant_id]
            messages.append(
                Patient(
                    message_id=each.notice_id,
                    recipient=person.phone,
                    body=_body(each, shop, locale=person.locale, address=wallet_url),
                    kind=each.kind,
                    locale=person.locale,
                    not_before=choice.not_before(wall),
                )
            )
    queue_patiently(session, vault, messages, wall=wall)
    return len(new)


def _key(entry: EntryView) -> EntryKey:
    return EntryKey(entry.member_id, entry.sequence)


def _news(entry: EntryView, person: Person) -> News | None:
    kind = KINDS.get(entry.kind)
    if kind is None:
        return None
    points = entry.change("available") if kind == AVAILABLE else entry.points
    if points <= 0:
        return None
    return News(
        notice_id=uuid5(NAMESPACE, f"{kind}\n{entry.member_id}\n{entry.sequence}"),
        member_id=person.member_id,
        kind=kind,
        wallet_id=entry.member_id,
        sequence=entry.sequence,
        points=points,
        owed=max(0, -entry.change("debt")) if kind == TAKEN_BACK else None,
        merchant_id=entry.merchant_id,
    )


def _concerned(session: Session, entries: Iterable[EntryView]) -> dict[EntryKey, UUID]:
    """Return whom entries concern: who acted, as long as they share that wallet, or its owner."""
    found: dict[EntryKey, UUID] = {}
    own: dict[EntryKey, UUID] = {}
    for entry in entries:
        shared = None
        if is_shared_wallet(entry.member_id):
            shared = pools.pool(session, pool_id=entry.member_id)
        if shared is None:
            own[_key(entry)] = entry.person_id
            continue
        inside = {stay.member_id for stay in shared_wallets.stays(session, pool_id=shared.pool_id)}
        acted = entry.person_id
        found[_key(entry)] = acted if acted in inside else shared.owner_id
    persons = shared_wallets.persons(session, member_ids={*own.values()})
    return found | {key: persons[member_id] for key, member_id in own.items()}


def _shops(session: Session, news: Iterable[News]) -> dict[UUID, MerchantView]:
    ids = {each.merchant_id for each in news} - {None}
    return {each: merchants.merchant(session, merchant_id=each) for each in ids if each is not None}


def _body(news: News, shop: MerchantView | None, *, locale: str, address: str) -> str:
    points = news.points or 0
    merchant = "" if shop is None else shop.name(locale)
    with use_locale(locale):
        if news.kind == AVAILABLE:
            said = available_words(points=points)
        elif news.kind == REFUNDED:
            said = refunded_words(points=points, merchant=merchant)
        else:
            said = taken_back_words(points=points, owed=news.owed or 0, merchant=merchant)
    return news_text(said, address=address, locale=locale)
