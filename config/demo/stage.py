"""Sets the stage of the demo: face value, partners with stores, terms, agreements and keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from config.demo import names
from config.demo.accounts import made_up_iban
from config.demo.campaigns import set_campaigns
from config.demo.coalition import FACE_VALUE, PARTNERS, SPONSORS, Partner, Sponsor, Terms
from config.demo.purchases import Basket
from merchant_gateway.signing import Ed25519SigningKey
from network.merchants import agreements
from network.merchants import service as merchants
from network.merchants.agreements import Funding
from network.merchants.queries import SPONSOR
from network.programme import service as programme
from network.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A partner on the stage: its id in the network and the key its tills sign with."""

    partner: Partner
    merchant_id: UUID
    key_id: str
    key: Ed25519SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What an agreement of the demo says: rials per point, share given up, and when it is paid."""

    price: Decimal
    fee: Decimal
    funding: Funding
    named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatories:
    """The two operators who propose and approve agreements."""

    proposer: UUID
    approver: UUID


def set_stage(
    services: Services,
    *,
    baskets: Iterable[Basket],
    first_day: date,
    now: datetime,
    signatories: Signatories,
) -> dict[str, Seat]:
    """Take every partner into the network and return the seats by the partners' codes.

    ``now`` is programme time on ``first_day``. Terms that begin later in the fortnight are
    written down now, dated, as the network wants it.
    """
    shops: dict[str, set[int]] = {partner.slug: set() for partner in PARTNERS}
    for basket in baskets:
        for part in basket.parts:
            shops[part.merchant].add(basket.store_id)
    with services.database.unit_of_work() as session:
        programme.set_face_value(
            session, effective_from=first_day, value=FACE_VALUE, today=first_day, now=now
        )
        seats = {
            partner.slug: _seat(
                session,
                services,
                partner=partner,
                stores=sorted(shops[partner.slug]),
                first_day=first_day,
                now=now,
                signatories=signatories,
            )
            for partner in PARTNERS
        }
        parties = {slug: seat.merchant_id for slug, seat in seats.items()}
        for sponsor in SPONSORS:
            parties[sponsor.slug] = _sponsor(
                session, sponsor=sponsor, first_day=first_day, now=now, signatories=signatories
            )
        set_campaigns(
            session, parties=parties, first_day=first_day, now=now, signatories=signatories
        )
        return seats


def _sponsor(
    session: Session,
    *,
    sponsor: Sponsor,
    first_day: date,
    now: datetime,
    signatories: Signatories,
) -> UUID:
    merchant_id = merchants.register_merchant(
        session,
        code=sponsor.slug,
        name_fa=sponsor.name.fa,
        name_en=sponsor.name.en,
        kind=SPONSOR,
        now=now,
    )
    _sign(
        session,
        merchant_id=merchant_id,
        iban=made_up_iban(sponsor.slug),
        agreed=Agreed(price=sponsor.price, fee=Decimal(0), funding=sponsor.funding, named=True),
        effective_from=first_day,
        first_day=first_day,
        now=now,
        signatories=signatories,
    )
    return merchant_id


def _seat(
    session: Session,
    services: Services,
    *,
    partner: Partner,
    stores: list[int],
    first_day: date,
    now: datetime,
    signatories: Signatories,
) -> Seat:
    merchant_id = merchants.register_merchant(
        session,
        code=partner.slug,
        name_fa=partner.name.fa,
        name_en=partner.name.en,
        kind="retail",
        now=now,
    )
    for store_id in stores:
        shop = names.store(store_id)
        merchants.add_store(
            session,
            merchant_id=merchant_id,
            code=shop.code,
            name_fa=shop.name.fa,
            name_en=shop.name.en,
            city_fa=shop.city.fa,
            city_en=shop.city.en,
        )
    for terms in partner.terms:
        _agree(
            session,
            merchant_id=merchant_id,
            iban=made_up_iban(partner.slug),
            terms=terms,
            named=partner.named,
            first_day=first_day,
            now=now,
            signatories=signatories,
        )
    key = Ed25519SigningKey.generate()
    registered = merchants.register_key(
        session,
        services.vault,
        merchant_id=merchant_id,
        environment="live",
        now=now,
        public_key=key.verifying_key().to_raw(),
    )
    return Seat(partner=partner, merchant_id=merchant_id, key_id=registered.key_id, key=key)


def _agree(
    session: Session,
    *,
    merchant_id: UUID,
    iban: str,
    terms: Terms,
    named: bool,
    first_day: date,
    now: datetime,
    signatories: Signatories,
) -> None:
    effective_from = first_day + timedelta(days=terms.from_day)
    programme.set_earning_terms(
        session,
        merchant_id=merchant_id,
        effective_from=effective_from,
        base_rate=terms.base_rate,
        category_rates=dict(terms.category_rates),
        pending_days=terms.pending_days,
        expiry_days=terms.expiry_days,
        today=first_day,
        now=now,
    )
    _sign(
        session,
        merchant_id=merchant_id,
        iban=iban,
        agreed=Agreed(price=terms.price, fee=terms.fee, funding=terms.funding, named=named),
        effective_from=effective_from,
        first_day=first_day,
        now=now,
        signatories=signatories,
    )


def _sign(
    session: Session,
    *,
    merchant_id: UUID,
    iban: str,
    agreed: Agreed,
    effective_from: date,
    first_day: date,
    now: datetime,
    signatories: Signatories,
) -> None:
    proposed = agreements.propose_agreement(
        session,
        merchant_id=merchant_id,
        effective_from=effective_from,
        issue_price=agreed.price,
        acceptance_fee=agreed.fee,
        settlement_iban=iban,
        funding=agreed.funding,
        named=agreed.named,
        today=first_day,
        now=now,
        proposed_by=signatories.proposer,
    )
    agreements.approve_agreement(
        session,
        agreement_id=proposed.agreement_id,
        today=first_day,
        now=now,
        approved_by=signatories.approver,
    )
