"""What a window's postings come to, set by set in the database: sums, prices, obligations, nets.

One statement reads the whole day, and PostgreSQL may use all processors for it; what comes after
works on its few rows. Nothing of a window's size is ever in this process's memory: the rules come
in as small tables (what an acceptor is paid on which day, what issuers' terms say, who pays whom),
and only sums by issuer, by terms and by account come out. The temporary tables live as long as the
transaction.

``settlement.pricing`` says the same thing one obligation at a time; the night's control totals hold
both against each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import Obligation
from network.clearing.parties import NETWORK_PARTY
from network.clearing.sources import POSTING_SUMS, settled_days

_FACTS = tuple(Obligation.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an acceptor is paid per point of captures of a day, and the VAT that it pays.

    ``apart`` is the part of the face value that its own VAT falls on, at ``vat_rate``: no issuer is
    taxed for it.
    """

    acceptor_id: UUID
    priced_on: date
    terms_id: UUID
    price: Decimal
    vat: Decimal
    apart: Decimal
    vat_rate: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerTerms:
    """What the terms on lots say: minor units per point, funding, and the rate of VAT on a margin.

    ``vat_rate`` is zero where VAT falls on something else.
    """

    terms_id: UUID
    price: Decimal
    currency: str
    funding: str
    beneficiary: str
    vat_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One way of money: postings of which kind make whom owe whom points times which price.

    ``payer`` and ``payee`` are ``issuer``, ``acceptor`` or ``network``; ``own`` says that the
    network itself issued the points.
    """

    account: str
    negative: bool
    own: bool
    funding: str
    beneficiary: str
    kind: str
    payer: str
    payer_account: str
    payee: str
    payee_account: str
    per: str


class Asked(NamedTuple):
    """Whose prices the sums need: acceptors by day, and terms that stand on lots."""

    acceptors: list[tuple[UUID, date]]
    terms: list[UUID]


class PoolFlow(NamedTuple):
    """Points and money that a window brings into the pool by terms; below zero out of it."""

    terms_id: UUID
    issuer_id: UUID
    currency: str
    points: int
    amount: int


_AS_WRITTEN = (
    "join_collapse_limit = 1",
    "from_collapse_limit = 1",
    "enable_nestloop = off",
    "enable_mergejoin = off",
)
_PLANNED_FREELY = tuple(f"{each.split(' ')[0]} = DEFAULT" for each in _AS_WRITTEN)


class Net(NamedTuple):
    """An account's sums over a window, minor units; ``vat`` is among the fees."""

    party_id: UUID
    account: str
    currency: str
    payable: int
    receivable: int
    fees: int
    vat: int


_MAKE_SUMS = text(f"CREATE TEMP TABLE posting_sum ON COMMIT DROP AS {POSTING_SUMS}")
_ACCEPTORS = text("""
    SELECT DISTINCT acceptor_id, priced_on FROM posting_sum WHERE account = 'redemption'
    ORDER BY acceptor_id, priced_on
""")
_TERMS = text("""
    SELECT DISTINCT terms_id FROM posting_sum WHERE issuer_id <> :network ORDER BY terms_id
""")
# Days with the same terms and the same price are one: what they have in common is its own number.
_MAKE_OWED = text("""
    CREATE TEMP TABLE owed ON COMMIT DROP AS
    WITH quoted AS MATERIALIZED (
        SELECT *, dense_rank() OVER (ORDER BY acceptor_id, terms_id, price, vat, apart) AS quote
        FROM json_to_recordset(CAST(:quotes AS json)) AS q (
            acceptor_id uuid, priced_on date, terms_id uuid, price numeric, vat numeric,
            apart numeric, vat_rate numeric, currency text)
    ), quote AS MATERIALIZED (
        SELECT DISTINCT ON (quote) quote, terms_id, price, vat, apart, vat_rate, currency
        FROM quoted ORDER BY quote
    ), terms AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:terms AS json)) AS t (
            terms_id uuid, price numeric, currency text, funding text, beneficiary text,
            vat_rate numeric)
    ), arrow AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:arrows AS json)) AS a (
            account text, negative boolean, own boolean, funding text, beneficiary text,
            kind text, payer text, payer_account text, payee text, payee_account text, per text)
    ), behind AS (
        SELECT s.account, s.negative, s.issuer_id, s.acceptor_id, s.terms_id, d.quote,
               sum(s.points) AS points, sum(s.postings)::bigint AS postings,
               coalesce(array_agg(s.priced_on ORDER BY s.priced_on)
                            FILTER (WHERE s.priced_on IS NOT NULL), '{}') AS priced_on
        FROM posting_sum AS s
        LEFT JOIN quoted AS d ON d.acceptor_id = s.acceptor_id AND d.priced_on = s.priced_on
        GROUP BY s.account, s.negative, s.issuer_id, s.acceptor_id, s.terms_id, d.quote
    ), priced AS (
        SELECT b.account, b.negative, b.issuer_id, b.terms_id, b.postings, b.priced_on,
               CASE WHEN b.account = 'redemption' THEN b.points ELSE abs(b.points) END AS points,
               b.issuer_id = CAST(:network AS uuid) AS own,
               coalesce(b.acceptor_id, b.issuer_id) AS acceptor_id,
               coalesce(q.terms_id, b.terms_id) AS acceptor_terms_id,
               t.price AS p, q.price AS q, q.vat AS acceptance_vat, t.vat_rate AS margin_rate,
               greatest(t.price - q.price - q.apart, 0) AS margin_taxed, q.apart, q.vat_rate,
               coalesce(q.currency, t.currency) AS currency,
               coalesce(t.funding, 'on_redemption') AS funding,
               coalesce(t.beneficiary, 'network') AS beneficiary
        FROM behind AS b
        LEFT JOIN quote AS q ON q.quote = b.quote
        LEFT JOIN terms AS t ON t.terms_id = b.terms_id
    ), routed AS (
        SELECT p.*, a.kind, a.payer, a.payer_account, a.payee, a.payee_account, a.per,
               CASE a.per
                   WHEN 'p' THEN p.p
                   WHEN 'q' THEN p.q
                   WHEN 'margin' THEN p.p - p.q
                   WHEN 'acceptance_vat' THEN p.acceptance_vat
                   WHEN 'vat' THEN CASE WHEN p.margin_rate = 0 THEN 0
                       ELSE network.half_even(p.margin_taxed * p.margin_rate * 1e10) * 1e-10 END
               END::numeric(20, 10) AS price
        FROM priced AS p
        JOIN arrow AS a USING (account, negative, own, funding, beneficiary)
        WHERE a.per NOT IN ('vat', 'acceptance_vat')
           OR a.per = 'vat' AND p.margin_rate <> 0
           OR a.per = 'acceptance_vat' AND p.acceptance_vat <> 0
        OFFSET 0 -- so that a price is reckoned once and not wherever it is named
    )
    SELECT network.obligation_key(CAST(:window_id AS uuid), kind, issuer_id, acceptor_id, terms_id,
                                  acceptor_terms_id, price) AS obligation_id,
           CAST(:window_id AS uuid) AS window_id,
           CASE payer WHEN 'issuer' THEN issuer_id WHEN 'acceptor' THEN acceptor_id
                      ELSE CAST(:network AS uuid) END AS payer_id, payer_account,
           CASE payee WHEN 'issuer' THEN issuer_id WHEN 'acceptor' THEN acceptor_id
                      ELSE CAST(:network AS uuid) END AS payee_id, payee_account,
           issuer_id, acceptor_id, kind, terms_id, acceptor_terms_id, priced_on, points, postings,
           price, network.half_even(points * price) AS amount, currency,
           CASE per WHEN 'vat' THEN margin_taxed WHEN 'acceptance_vat' THEN apart
                    ELSE 0 END::numeric(20, 10) AS taxed,
           CASE per WHEN 'vat' THEN margin_rate WHEN 'acceptance_vat' THEN vat_rate
                    ELSE 0 END::numeric(20, 10) AS vat_rate
    FROM routed
    WHERE per NOT IN ('vat', 'acceptance_vat') OR price <> 0
""")
_MIXED = text("""
    SELECT s.terms_id, t.currency, q.currency AS quoted
    FROM posting_sum AS s
    JOIN json_to_recordset(CAST(:quotes AS json)) AS q (
        acceptor_id uuid, priced_on date, currency text)
      ON q.acceptor_id = s.acceptor_id AND q.priced_on = s.priced_on
    JOIN json_to_recordset(CAST(:terms AS json)) AS t (terms_id uuid, currency text)
      ON t.terms_id = s.terms_id
    WHERE s.account = 'redemption' AND s.issuer_id <> :network AND t.currency <> q.currency
    LIMIT 1
""")
_LARGEST = text("SELECT points, price FROM owed ORDER BY abs(amount) DESC LIMIT 1")
_DIGESTS = text("""
    SELECT issuer_id, sha256(convert_to(string_agg(
               concat_ws(' ', obligation_id, points, postings, price, currency, priced_on, taxed,
                         vat_rate), E'\n' ORDER BY obligation_id), 'UTF8')) AS digest
    FROM owed GROUP BY issuer_id ORDER BY issuer_id
""")
_PARTIES = text("SELECT payer_id FROM owed UNION SELECT payee_id FROM owed")
_POOL_FLOWS = text("""
    SELECT terms_id, (array_agg(issuer_id))[1] AS issuer_id, (array_agg(currency))[1] AS currency,
           coalesce(sum(CASE WHEN kind IN ('issuance', 'adjustment_up') THEN points
                             ELSE -points END)
                        FILTER (WHERE kind NOT IN ('margin', 'margin_return')), 0)::bigint
               AS points,
           sum(CASE payee_account WHEN 'pool' THEN amount ELSE 0 END
               - CASE payer_account WHEN 'pool' THEN amount ELSE 0 END)::bigint AS amount
    FROM owed WHERE 'pool' IN (payer_account, payee_account)
    GROUP BY terms_id ORDER BY terms_id
""")
# Whoever stores holds the run, so nobody else writes the window's obligations now, and those that
# are there are found by one join: ON CONFLICT would look for each in the index first.
_STORE = text(f"""
    INSERT INTO network.obligation ({", ".join(_FACTS)})
    SELECT {", ".join(_FACTS)} FROM owed
    WHERE NOT EXISTS (SELECT FROM network.obligation AS o
                      WHERE o.window_id = :window_id AND o.obligation_id = owed.obligation_id)
""")
_ADD = text(f"""
    INSERT INTO owed ({", ".join(_FACTS)}) SELECT {", ".join(_FACTS)}
    FROM json_populate_recordset(CAST(NULL AS network.obligation), CAST(:rows AS json))
""")
# Fees stand apart from what is payable; what a deposit or the pool pays is payable, fees too.
_NETS = text("""
    SELECT party_id, account, currency, sum(payable)::bigint AS payable,
           sum(receivable)::bigint AS receivable, sum(fees)::bigint AS fees, sum(vat)::bigint AS vat
    FROM (
        SELECT payer_id AS party_id, payer_account AS account, currency,
               CASE WHEN own_fee THEN 0 ELSE amount END AS payable, 0 AS receivable,
               CASE WHEN own_fee THEN amount ELSE 0 END AS fees,
               CASE WHEN own_fee AND payee_account = 'vat' THEN amount ELSE 0 END AS vat
        FROM (SELECT *, payer_account = 'settlement' AND payee_account IN ('margin', 'vat')
                     AS own_fee FROM owed) AS paid
        UNION ALL
        SELECT payee_id, payee_account, currency, 0, amount, 0, 0 FROM owed
    ) AS side
    GROUP BY party_id, account, currency ORDER BY currency, party_id, account
""")


def sum_postings(session: Session, *, first_day: date, end_day: date) -> Asked:
    """Sum the postings that money follows on the days [first_day, end_day); say what they need."""
    session.execute(_MAKE_SUMS, settled_days(session, first_day=first_day, end_day=end_day))
    return Asked(
        acceptors=[(row.acceptor_id, row.priced_on) for row in session.execute(_ACCEPTORS)],
        terms=list(session.scalars(_TERMS, {"network": NETWORK_PARTY})),
    )


def mixed_currencies(
    session: Session, *, quotes: Sequence[Quote], terms: Sequence[IssuerTerms]
) -> tuple[UUID, str, str] | None:
    """Return terms in one currency whose points were taken in another, ``None`` where none are."""
    used = {each.currency for each in quotes} | {each.currency for each in terms}
    if len(used) <= 1:
        return None
    row = session.execute(
        _MIXED, {"quotes": _json(quotes), "terms": _json(terms), "network": NETWORK_PARTY}
    ).one_or_none()
    return None if row is None else (row.terms_id, row.currency, row.quoted)


def price_sums(
    session: Session,
    *,
    window_id: UUID,
    quotes: Sequence[Quote],
    terms: Sequence[IssuerTerms],
    arrows: Sequence[Arrow],
) -> None:
    """Make obligations of the sums, each priced once and rounded half to even."""
    # The planner knows nothing of the small tables: joined as written, no step grows the rows.
    for setting in _AS_WRITTEN:
        session.execute(text(f"SET LOCAL {setting}"))
    session.execute(
        _MAKE_OWED,
        {
            "window_id": window_id,
            "network": NETWORK_PARTY,
            "quotes": _json(quotes),
            "terms": _json(terms),
            "arrows": _json(arrows),
        },
    )
    for setting in _PLANNED_FREELY:
        session.execute(text(f"SET LOCAL {setting}"))


def largest(session: Session) -> tuple[int, Decimal] | None:
    """Return points and price of the largest obligation, ``None`` where there is none."""
    row = session.execute(_LARGEST).one_or_none()
    return None if row is None else (int(row.points), row.price)


def digests(session: Session) -> list[tuple[UUID, bytes]]:
    """Return a SHA-256 over the obligations of each issuer, in the order of issuers."""
    return [(row.issuer_id, bytes(row.digest)) for row in session.execute(_DIGESTS)]


def owing_parties(session: Session) -> set[UUID]:
    """Return who owes or is owed."""
    return set(session.scalars(_PARTIES))


def pool_flows(session: Session) -> list[PoolFlow]:
    """Return what the obligations bring into the pool, in the order of terms."""
    return [PoolFlow(*row) for row in session.execute(_POOL_FLOWS)]


def store_obligations(session: Session, *, window_id: UUID) -> None:
    """Add the obligations that are not there yet; their ids follow from their facts."""
    session.execute(_STORE, {"window_id": window_id})


def add_rounding(session: Session, *, obligations: Sequence[Obligation]) -> None:
    """Put obligations of kind ``rounding`` beside those that were made of sums."""
    session.execute(_ADD, {"rows": _json(obligations)})


def nets(session: Session) -> list[Net]:
    """Return every account's sums over all that is owed, sorted by currency and account."""
    return [Net(*row) for row in session.execute(_NETS)]


def _json(rows: Iterable[Quote | IssuerTerms | Arrow | Obligation]) -> str:
    return json.dumps([asdict(each) for each in rows], default=str)
