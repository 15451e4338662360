"""Reads of clearing for the console, the gateway and the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from uuid import UUID

from sqlalchemy import func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from network.clearing import lines, runs, shares, sources
from network.clearing.facts import (
    LinePlace,
    MatrixCell,
    Obligation,
    ObligationView,
    PoolView,
    PositionView,
    RunView,
    SealView,
    StatementLine,
    StatementView,
    WindowView,
)
from network.clearing.models import NetPosition, SettlementRun, SettlementWindow
from network.clearing.models import Obligation as ObligationRow
from network.clearing.parties import NETWORK_PARTY, Account
from network.clearing.party_names import obligation_views, parties, party
from network.clearing.shares import ObligationLine
from network.clearing.statement_reads import read_statements, seals, window_view
from network.ledger.tables import business_day

DIGEST_BYTES = 32
_MAIN_ACCOUNTS = ("settlement", "margin")


def window(session: Session, *, window_id: UUID) -> WindowView | None:
    """Return a window, ``None`` where there is none with this id."""
    row = session.get(SettlementWindow, window_id)
    return None if row is None else window_view(row)


def window_of(session: Session, *, business_date: date) -> WindowView | None:
    """Return the window that a business day settles in, ``None`` before there is one."""
    row = session.scalars(
        select(SettlementWindow).where(
            SettlementWindow.first_day <= business_date,
            SettlementWindow.end_day > business_date,
            SettlementWindow.state != "aborted",
        )
    ).one_or_none()
    return None if row is None else window_view(row)


def windows(
    session: Session, *, limit: int = 60, before: date | None = None, state: str | None = None
) -> list[WindowView]:
    """Return windows, the latest first: those that begin before ``before``, those of ``state``."""
    query = (
        select(SettlementWindow)
        .order_by(SettlementWindow.first_day.desc(), SettlementWindow.attempt.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(SettlementWindow.first_day < before)
    if state is not None:
        query = query.where(SettlementWindow.state == state)
    return [window_view(row) for row in session.scalars(query)]


def windows_for(
    session: Session, *, merchant_id: UUID, limit: int = 60, cursor: date | None = None
) -> list[StatementView]:
    """Return a merchant's published statements, the latest first, those before ``cursor``."""
    return read_statements(session, merchant_id=merchant_id, limit=limit, before=cursor)


def run(session: Session, *, business_date: date) -> RunView | None:
    """Return the night of a business day, ``None`` where it has not begun.

    Where its window was aborted and the next night has not begun, that is the one that was.
    """
    found = runs.find(session, business_date=business_date)
    return found or next(iter(runs.aborted(session, business_date=business_date)), None)


def latest_runs(session: Session, *, limit: int = 30) -> list[RunView]:
    """Return the latest nights, the latest first."""
    rows = session.execute(
        select(*(SettlementRun.__table__.c[name] for name in RunView.__dataclass_fields__))
        .order_by(SettlementRun.business_date.desc())
        .limit(limit)
    )
    return [runs.run_view(row) for row in rows]


def obligations(
    session: Session,
    *,
    window: WindowView,
    party_id: UUID | None = None,
    between: Collection[tuple[UUID, UUID]] | None = None,
) -> list[ObligationView]:
    """Return what a window found to be owed, sorted by the issuer's and acceptor's codes.

    All of it, or what one party pays or gets, or what is owed for points of an issuer at an
    acceptor, for each such pair.
    """
    columns = ObligationRow.__table__.c
    query = select(*(columns[name] for name in Obligation.__dataclass_fields__)).where(
        columns.window_id == window.window_id
    )
    if party_id is not None:
        query = query.where(or_(columns.payer_id == party_id, columns.payee_id == party_id))
    if between is not None:
        query = query.where(tuple_(columns.issuer_id, columns.acceptor_id).in_(between))
    found = obligation_views(session, session.execute(query))
    return sorted(
        found,
        key=lambda o: (o.issuer.code, o.acceptor.code, o.fact.kind, o.fact.obligation_id.int),
    )


def obligation(session: Session, *, obligation_id: UUID) -> ObligationView | None:
    """Return one obligation, ``None`` where there is none with this id."""
    row = session.get(ObligationRow, obligation_id)
    return None if row is None else obligation_views(session, [row])[0]


def obligation_lines(
    session: Session,
    *,
    obligation_id: UUID,
    cursor: tuple[UUID, int, int] | None = None,
    limit: int = 100,
) -> list[ObligationLine]:
    """Return the postings behind an obligation, after ``cursor`` (member, sequence, line)."""
    row = session.get(ObligationRow, obligation_id)
    found = None if row is None else window(session, window_id=row.window_id)
    if found is None:
        return []
    return list(
        shares.obligation_lines(
            session, window=found, obligation_id=obligation_id, after=cursor, limit=limit
        )
    )


def positions(
    session: Session, *, window: WindowView, account: Account | None = None
) -> list[PositionView]:
    """Return every account's position in a window by code, the network's last, or that of one.

    All nets sum to zero.
    """
    query = select(NetPosition).where(NetPosition.window_id == window.window_id)
    if account is not None:
        query = query.where(
            NetPosition.party_id == account.party_id, NetPosition.account == account.name
        )
    rows = session.scalars(query).all()
    names = parties(session, wanted=(row.party_id for row in rows))
    found = [
        PositionView(
            party=party(names, row.party_id),
            account=row.account,
            currency=row.currency,
            payable=row.payable,
            receivable=row.receivable,
            fees=row.fees,
            vat=row.vat,
            net=row.net,
        )
        for row in rows
    ]
    return sorted(
        found,
        key=lambda p: (
            p.currency,
            p.party.party_id == NETWORK_PARTY,
            p.party.code,
            p.account not in _MAIN_ACCOUNTS,
            p.account,
        ),
    )


def pool(session: Session, *, window: WindowView) -> list[PoolView]:
    """Return what the pool held after a window, by the issuers' codes; emptied terms left out."""
    held = [
        each
        for each in sources.pool_balances(session, before=window.end_day)
        if each.points or each.amount
    ]
    names = parties(session, wanted=(each.issuer_id for each in held))
    found = [PoolView(issuer=party(names, each.issuer_id), fact=each) for each in held]
    return sorted(found, key=lambda each: (each.issuer.code, each.fact.terms_id.int))


def matrix(session: Session, *, window: WindowView) -> list[MatrixCell]:
    """Return points and amount per issuer and acceptor (redemptions less redeposits)."""
    rows = session.execute(
        text("""
            SELECT issuer_id, acceptor_id, currency, sum(points)::bigint AS points,
                   sum(amount)::bigint AS amount
            FROM network.obligation
            WHERE window_id = :window_id AND kind IN ('redemption', 'redeposit')
            GROUP BY issuer_id, acceptor_id, currency
        """),
        {"window_id": window.window_id},
    ).all()
    names = parties(session, wanted=(each for row in rows for each in row[:2]))
    cells = [
        MatrixCell(
            issuer=party(names, row.issuer_id),
            acceptor=party(names, row.acceptor_id),
            currency=row.currency,
            points=row.points,
            amount=row.amount,
        )
        for row in rows
    ]
    return sorted(cells, key=lambda cell: (cell.issuer.code, cell.acceptor.code, cell.currency))


def statement(session: Session, *, merchant_id: UUID, window_id: UUID) -> StatementView | None:
    """Return a merchant's statement of a window, ``None`` where it has none (yet)."""
    found = read_statements(session, merchant_id=merchant_id, window_id=window_id, limit=1)
    return found[0] if found else None


def statements(session: Session, *, window: WindowView) -> list[StatementView]:
    """Return every statement of a window, by the merchant's code."""
    found = read_statements(session, window_id=window.window_id)
    return sorted(found, key=lambda each: (each.merchant.code, each.totals.currency))


def statement_by_code(session: Session, *, beginning: bytes) -> StatementView | None:
    """Return the published statement whose digest begins so, ``None`` where there is none.

    ``beginning`` is what ``network.clearing.checking.read_code`` makes of a code that was typed.
    """
    rest = DIGEST_BYTES - len(beginning)
    found = read_statements(
        session, digests=(beginning + bytes(rest), beginning + b"\xff" * rest), limit=1
    )
    return found[0] if found else None


def statement_lines(
    session: Session,
    *,
    statement: StatementView,
    after: LinePlace | None = None,
    limit: int | None = None,
) -> Iterator[StatementLine]:
    """Stream a statement's lines in the order of recording, ``limit`` of those behind ``after``."""
    return lines.statement_lines(
        session,
        window=statement.window,
        merchant_id=statement.merchant.party_id,
        after=after,
        limit=limit,
    )


def last_closings(session: Session, *, before: date) -> dict[tuple[UUID, str], int]:
    """Return each merchant's latest closing balance before a day, by merchant and currency."""
    rows = session.execute(
        text("""
            SELECT DISTINCT ON (s.merchant_id, s.currency) s.merchant_id, s.currency, s.closing
            FROM network.statement s
            JOIN network.settlement_window w ON w.window_id = s.window_id
            WHERE w.first_day < :before
            ORDER BY s.merchant_id, s.currency, w.first_day DESC
        """),
        {"before": before},
    )
    return {(row.merchant_id, row.currency): row.closing for row in rows}


def seal_of(session: Session, *, business_date: date) -> SealView | None:
    """Return the seal of a closed day, ``None`` where it has none yet."""
    return seals(session, days={business_date}).get(business_date)


def first_day(session: Session) -> date | None:
    """Return the first business day of the ledger, ``None`` before there is one."""
    first: date | None = session.execute(
        select(func.min(business_day.c.business_date))
    ).scalar_one()
    return first


def is_closed(session: Session, *, business_date: date) -> bool:
    """Return whether no posting can come into a business day any more."""
    closed = session.execute(
        select(business_day.c.closed_at).where(business_day.c.business_date == business_date)
    ).scalar_one_or_none()
    return closed is not None


def counts(session: Session, *, window_id: UUID) -> tuple[int, int, int]:
    """Return how many obligations, net positions and statements a window has."""
    row = session.execute(
        text("""
            SELECT (SELECT count(*) FROM network.obligation WHERE window_id = :id) AS obligations,
                   (SELECT count(*) FROM network.net_position WHERE window_id = :id) AS positions,
                   (SELECT count(*) FROM network.statement WHERE window_id = :id) AS statements
        """),
        {"id": window_id},
    ).one()
    return row.obligations, row.positions, row.statements
