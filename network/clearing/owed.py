"""What a window found to be owed, as a table that the database filters, sums, sorts and cuts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import (
    FEE_KINDS,
    POOL_KINDS,
    Obligation,
    ObligationView,
    PartyView,
)
from network.clearing.parties import Account
from network.clearing.party_names import obligation_view, obligation_views

_BATCH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a person looks for: an obligation of these parties, kinds or accounts, or a figure.

    ``figure`` has the digits that points, an amount or a count begin with; empty where none was
    typed.
    """

    parties: tuple[UUID, ...]
    kinds: tuple[str, ...]
    accounts: tuple[str, ...]
    figure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which obligations of a window are asked for; ``None`` leaves a question out.

    ``account`` keeps what it pays or gets, ``direction`` in which of its sums that stands.
    """

    window_id: UUID
    issuer_id: UUID | None = None
    acceptor_id: UUID | None = None
    account: Account | None = None
    direction: str | None = None
    kind: str | None = None
    search: Search | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Obligations of one kind that stand in the same sums of an account, and what they come to.

    ``directions`` are those of the account that was asked for, ``counted`` what its net changes by.
    """

    kind: str
    directions: tuple[str, ...]
    into_pool: bool
    rows: int
    points: int
    amount: int
    counted: int
    postings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedRow:
    """An obligation with the versions of the agreements that priced it."""

    view: ObligationView
    terms_version: int | None
    acceptor_terms_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How rows are sorted: by a column of SORTS, falling or rising; ``ranks`` sort the parties."""

    column: str
    falls: bool
    ranks: Mapping[UUID, int]


_OWED = """
    WITH owed AS (
        SELECT o.*, o.amount * (s.gets::integer - s.pays::integer) AS counted,
               concat_ws(' ', CASE WHEN s.gets THEN 'receivable' END,
                   CASE WHEN s.pays AND o.payer_account = 'settlement' AND o.kind = ANY (:fees)
                            THEN 'fee'
                        WHEN s.pays THEN 'payable' END) AS direction
        FROM network.obligation AS o
        CROSS JOIN LATERAL (
            SELECT coalesce(o.payee_id = :party AND o.payee_account = :account, false) AS gets,
                   coalesce(o.payer_id = :party AND o.payer_account = :account, false) AS pays
        ) AS s
        WHERE o.window_id = :window
          AND (CAST(:issuer AS uuid) IS NULL OR o.issuer_id = :issuer)
          AND (CAST(:acceptor AS uuid) IS NULL OR o.acceptor_id = :acceptor)
          AND (CAST(:party AS uuid) IS NULL OR s.gets OR s.pays)
    ), wanted AS (
        SELECT * FROM owed
        WHERE (CAST(:direction AS text) IS NULL
               OR :direction = ANY (string_to_array(direction, ' ')))
          AND (CAST(:kind AS text) IS NULL OR kind = :kind)
          AND (NOT :searching OR ARRAY[issuer_id, acceptor_id, payer_id, payee_id] && :parties
               OR kind = ANY (:kinds) OR ARRAY[payer_account, payee_account] && :accounts
               OR (:figure <> '' AND (
                    abs(points)::text LIKE :begins OR abs(amount)::text LIKE :begins
                    OR abs(counted)::text LIKE :begins OR postings::text LIKE :begins)))
    )
"""
_PORTIONS = text(
    _OWED
    + """
    SELECT kind, direction, payee_account = 'pool' AS into_pool, count(*) AS rows,
           sum(points)::bigint AS points, sum(amount)::bigint AS amount,
           sum(counted)::bigint AS counted, sum(postings)::bigint AS postings
    FROM wanted GROUP BY kind, direction, payee_account = 'pool'
"""
)
_ROWS = """
    SELECT w.*, t.version AS terms_version, a.version AS acceptor_terms_version
    FROM wanted AS w
    LEFT JOIN network.agreement AS t ON t.agreement_id = w.terms_id
    LEFT JOIN network.agreement AS a ON a.agreement_id = w.acceptor_terms_id
    LEFT JOIN unnest(CAST(:ranked AS uuid[]), CAST(:ranks AS bigint[])) AS r (party_id, rank)
           ON r.party_id = {party}
    ORDER BY {column} {falls} NULLS LAST, {further} w.issuer_id, w.acceptor_id, w.kind,
             w.obligation_id
    LIMIT :limit OFFSET :offset
"""
# Whose rank is joined, by what is sorted then, and by what among equals.
_BY_PARTY = {
    "issuer": ("w.issuer_id", ""),
    "acceptor": ("CASE WHEN cardinality(w.priced_on) > 0 THEN w.acceptor_id END", ""),
    "payer": ("w.payer_id", "w.payer_account,"),
    "payee": ("w.payee_id", "w.payee_account,"),
}
_BY_FIGURE = {
    **{name: f"w.{name}" for name in ("kind", "points", "price", "amount", "postings")},
    **{name: f"w.{name}" for name in ("direction", "counted")},
    "terms": "t.version",
    "acceptor_terms": "a.version",
}
SORTS = frozenset({*_BY_PARTY, *_BY_FIGURE})
"""The columns that rows can be sorted by."""

NO_SEARCH = Search(parties=(), kinds=(), accounts=(), figure="")


def portions(session: Session, *, wanted: Wanted) -> list[Portion]:
    """Return what the wanted obligations come to, by kind and by sum of the account."""
    return [
        Portion(
            kind=row.kind,
            directions=tuple(row.direction.split()),
            into_pool=row.into_pool,
            rows=row.rows,
            points=row.points,
            amount=row.amount,
            counted=row.counted,
            postings=row.postings,
        )
        for row in session.execute(_PORTIONS, _values(wanted))
    ]


def rows(
    session: Session,
    *,
    wanted: Wanted,
    order: Order,
    names: dict[UUID, PartyView],
    offset: int = 0,
    limit: int | None = None,
) -> Iterator[OwedRow]:
    """Stream the wanted obligations in an order, all of them or so many from ``offset`` on."""
    whose, further = _BY_PARTY.get(order.column, ("NULL", ""))
    # Pieces of our own, chosen by name: nothing that a person typed is in the text.
    statement = _OWED + _ROWS.format(
        party=whose,
        column=_BY_FIGURE.get(order.column, "r.rank"),
        falls="DESC" if order.falls else "ASC",
        further=further,
    )
    found = session.execute(
        text(statement),
        {
            **_values(wanted),
            "ranked": list(order.ranks),
            "ranks": list(order.ranks.values()),
            "limit": limit,
            "offset": offset,
        },
        execution_options={"yield_per": _BATCH},
    )
    for row in found:
        yield OwedRow(
            view=obligation_view(row, names),
            terms_version=row.terms_version,
            acceptor_terms_version=row.acceptor_terms_version,
        )


def siblings(session: Session, *, fact: Obligation) -> list[ObligationView]:
    """Return the other obligations of the same points: margin and VAT of a redemption, and back."""
    if fact.kind in POOL_KINDS or fact.kind == "rounding":
        return []
    found = session.execute(
        text("""
            SELECT * FROM network.obligation
            WHERE window_id = :window AND issuer_id = :issuer AND acceptor_id = :acceptor
              AND terms_id = :terms AND acceptor_terms_id = :acceptor_terms
              AND points = :points AND priced_on = :priced_on AND kind <> :kind
            ORDER BY kind, obligation_id
        """),
        {
            "window": fact.window_id,
            "issuer": fact.issuer_id,
            "acceptor": fact.acceptor_id,
            "terms": fact.terms_id,
            "acceptor_terms": fact.acceptor_terms_id,
            "points": fact.points,
            "priced_on": list(fact.priced_on),
            "kind": fact.kind,
        },
    )
    return obligation_views(session, found)


def _values(wanted: Wanted) -> dict[str, object]:
    party, account = wanted.account or (None, None)
    search = wanted.search or NO_SEARCH
    return {
        "window": wanted.window_id,
        "issuer": wanted.issuer_id,
        "acceptor": wanted.acceptor_id,
        "party": party,
        "account": account,
        "fees": sorted(FEE_KINDS),
        "direction": wanted.direction,
        "kind": wanted.kind,
        "searching": wanted.search is not None,
        "parties": list(search.parties),
        "kinds": list(search.kinds),
        "accounts": list(search.accounts),
        "figure": search.figure,
        "begins": f"{search.figure}%",
    }
