"""The steps of a night. Each may be killed at any point and run again with the same outcome."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing import (
    days,
    line_texts,
    owing,
    queries,
    runs,
    service,
    sources,
    streams,
    taxes,
)
from network.clearing.facts import WindowView
from network.clearing.parties import MARGIN
from network.clearing.reserves import add_reserves
from network.clock import wall_now
from network.errors import InvariantError, PeyvandError
from network.events import service as events
from network.ledger import operations
from network.ledger.day import close_day
from network.ledger.month_ends import write_month_ends
from network.ledger.operations_batch import LARGEST_BATCH, expire_due
from network.ledger.operations_members import forward
from network.ledger.queries import begun_day, open_day
from network.ledger.seal import seal_day
from network.merchants.happenings import SETTLED_TOPIC, settled_payload
from network.money import direct
from network.money import queries as money
from network.money import service as money_service
from network.proofs.errors import ProofTotalsError
from network.proofs.service import prove as prove_points
from network.settings import CURRENCY
from network.signing.queries import active_key
from settlement import controls, money_controls, netting, reserves
from settlement.night import Night
from settlement.payments.orders import Terms, orders
from settlement.reckoning import WORK_MEM, payment_terms, reckon, seal_head
from settlement.statements import Draft, draft_statements, signed_rows
from settlement.window_checks import stored_positions, window_checks

_log = structlog.get_logger("settlement")
_CHUNK = 500

_DUE = """
    SELECT member_id FROM ledger.wallet WHERE due_on <= :today
    UNION
    SELECT member_id FROM ledger.hold WHERE state = 'authorised' AND hold_until <= :wall
"""
_LAPSED = """
    SELECT DISTINCT member_id FROM ledger.hold
    WHERE state = 'authorised' AND hold_until <= :wall ORDER BY member_id
"""
_LEFT_BEHIND = """
    SELECT member_id FROM ledger.wallet
    WHERE moved_to IS NOT NULL AND available + pending + debt > 0 ORDER BY member_id
"""


class DayStillOpenError(PeyvandError):
    """The ledger's open day is the one to be settled, and its cut-off has not passed."""

    code = "settlement_day_open"


def close(night: Night) -> None:
    """Close the business day, unless that was done before; the next day opens with it."""
    with night.writing("close") as session:
        service.ensure_window(session, first_day=night.business_date)
        service.advance_window(session, window_id=night.window_id, state="closing")
    while not _is_closed(night):
        if close_day(night.services.database, now=night.now) is None and not _is_closed(night):
            raise DayStillOpenError(f"the ledger does not close {night.business_date} yet")
    with night.writing("close") as session:
        service.ensure_window(session, first_day=open_day(session))
        service.advance_window(session, window_id=night.window_id, state="closed")
    with night.services.database.unit_of_work() as session:
        days.keep_closed(session, until=night.business_date)


def _is_closed(night: Night) -> bool:
    with night.services.database.reading() as session:
        return queries.is_closed(session, business_date=night.business_date)


def seal(night: Night) -> None:
    """Seal the closed day: its entries' digests, chained to the day before and signed.

    After a month's last day also write the month's end: the openings of the next one.
    """
    night.report("seal")
    with night.services.database.reading() as session:
        key = active_key(session, vault=night.services.vault, purpose="seals")
    private = Ed25519PrivateKey.from_private_bytes(key.private_key)

    def sign(message: bytes) -> tuple[str, bytes]:
        return key.key_id, private.sign(message)

    database, day = night.services.database, night.business_date
    seal_day(database, business_date=day, now=night.now, sign=sign)
    write_month_ends(database, through=day, now=night.now, sign=sign)


def prove(night: Night) -> None:
    """Publish the signed figure of outstanding points over the balances as of the closed day.

    A figure that does not add up is never signed; merchants are still paid, and the audit says why.
    """
    night.report("prove")
    services = night.services
    try:
        prove_points(services.database, services.vault, business_date=night.business_date)
    except ProofTotalsError as error:
        _log.error("settlement.proof_withheld", code=error.code, reason=error.message)


def mature(night: Night) -> None:
    """End lapsed holds, expire and activate what is due in the new day, gather what moved on.

    Lots go a thousand wallets at a time, holds wallet by wallet: they are few. Holds end by a clock
    that is right within minutes, so it is read anew for each.
    """
    database = night.services.database
    with database.reading() as session:
        today = begun_day(session, now=night.now)
        due = {"today": today, "wall": night.wall}
        total = session.execute(text(f"SELECT count(*) FROM ({_DUE}) AS due"), due).scalar_one()
        lapsed = session.scalars(text(_LAPSED), due).all()
        left_behind = session.scalars(text(_LEFT_BEHIND)).all()
    night.report("mature", total=total)
    done = 0
    with database.ledger() as connection:
        for member_id in lapsed:
            operations.mature(connection, now=night.now, wall=wall_now(), member_id=member_id)
            done += 1
            if done % _CHUNK == 0:
                night.report("mature", done=done, total=max(done, total))
        while matured := expire_due(connection, now=night.now, limit=LARGEST_BATCH):
            done += matured
            night.report("mature", done=done, total=max(done, total))
        for member_id in left_behind:
            forward(connection, now=night.now, wall=wall_now(), member_id=member_id)
    night.report("mature", done=done, total=max(done, total))


def obligations(night: Night) -> list[netting.Position]:
    """Reckon what is owed for the closed days and store it; return it netted, by account.

    The hash of everything it is reckoned from is stored with it: raises InputChangedError where
    the run was begun with other input.
    """
    night.report("obligations")
    with night.services.database.unit_of_work() as session:
        found = reckon(session, window=_window(session, night.window_id))
        owing.add_rounding(session, obligations=found.rounding)
        nets = owing.nets(session)
        night.hold(session, "obligations")
        runs.fix_input(
            session,
            run_id=night.run_id,
            token=night.token,
            window_id=night.window_id,
            input_hash=found.input_hash,
        )
        owing.store_obligations(session, window_id=night.window_id)
        service.add_pool_balances(session, window_id=night.window_id, balances=found.pool)
    return [
        netting.Position(
            party=each.party_id,
            account=each.account,
            currency=each.currency,
            payable=each.payable,
            receivable=each.receivable,
            fees=each.fees,
            vat=each.vat,
        )
        for each in nets
    ]


def positions(night: Night, *, netted: list[netting.Position]) -> None:
    """Store one position per account, the network's margin among them in any case."""
    found = list(netted)
    if MARGIN not in {(each.party, each.account) for each in found}:
        found.append(
            netting.Position(
                party=MARGIN.party_id,
                account=MARGIN.name,
                currency=CURRENCY,
                payable=0,
                receivable=0,
                fees=0,
            )
        )
    rows: list[dict[str, object]] = [
        {
            "window_id": night.window_id,
            "party_id": each.party,
            "account": each.account,
            "currency": each.currency,
            "payable": each.payable,
            "receivable": each.receivable,
            "fees": each.fees,
            "vat": each.vat,
            "net": each.net,
        }
        for each in found
    ]
    with night.writing("positions", done=len(rows), total=len(rows)) as session:
        service.add_positions(session, rows=rows)
        service.advance_window(session, window_id=night.window_id, state="pending_settlement")


def statements(night: Night) -> tuple[list[Draft], list[controls.Check]]:
    """Draft the statements and reckon every control total; nothing is published yet."""
    with night.services.database.scratch() as session:
        session.execute(text(f"SET LOCAL work_mem = '{WORK_MEM}'"))
        window = _window(session, night.window_id)
        total = streams.statement_line_count(session, window=window)
        night.report("statements", total=total)
        closings = queries.last_closings(session, before=window.first_day)
        line_texts.make_lines(session, window=window)
        drafts = draft_statements(
            sums=line_texts.line_sums(session),
            texts=line_texts.line_texts(session),
            openings=closings,
            terms=payment_terms(session, window=window),
            entry_ids=night.services.entry_ids,
            report=lambda done: night.report("statements", done=done, total=max(done, total)),
            leaving=reserves.leaving(session, window=window),
            taxes=taxes.of_window(session, window_id=night.window_id),
        )
        checks = window_checks(session, window=window)
        stored = stored_positions(session, window)
    checks += controls.check_statements(
        drafts={key: draft.totals for key, draft in drafts.items()},
        stored=stored,
        closings=closings,
    )
    night.report("statements", done=total, total=total)
    return list(drafts.values()), checks


def publish(night: Night, *, drafts: list[Draft], checks: list[controls.Check]) -> None:
    """Publish the statements and end the run, in one transaction.

    Raises ControlTotalsError, and publishes nothing, where a control total does not agree.
    """
    if not all(check.agrees for check in checks):
        raise controls.ControlTotalsError(checks)
    with night.writing("publish", done=len(drafts), total=len(drafts)) as session:
        window = _window(session, night.window_id)
        head = seal_head(session, window)
        rows = signed_rows(
            drafts,
            window=window,
            head=head,
            codes=sources.merchant_codes(session),
            key=active_key(session, vault=night.services.vault, purpose="seals"),
        )
        service.add_statements(session, rows=rows)
        add_reserves(
            session,
            reserves={
                each.statement_id(window_id=window.window_id): each.reserve
                for each in drafts
                if each.reserve is not None
            },
        )
        terms = payment_terms(session, window=window)
        moved = _move_money(session, window=window, drafts=drafts, terms=terms)
        service.advance_window(session, window_id=night.window_id, state="settled")
        published = {
            each.statement_id: (each.digest, each.totals)
            for each in queries.statements(session, window=window)
        }
        ours = {
            each.statement_id(window_id=night.window_id): (each.digest, each.totals)
            for each in drafts
        }
        checked = [
            *checks,
            money_controls.check_published(ours, published),
            *money_controls.check_money(
                drafts={(d.merchant_id, d.totals.currency): d.totals for d in drafts}, moved=moved
            ),
        ]
        if not all(check.agrees for check in checked):
            raise controls.ControlTotalsError(checked)
        _tell_merchants(session, window=window, drafts=drafts)
        runs.finish(
            session,
            run_id=night.run_id,
            token=night.token,
            state="done",
            control_totals=controls.as_json(checked),
        )


def _tell_merchants(session: Session, *, window: WindowView, drafts: list[Draft]) -> None:
    """Announce to each merchant that its statement is published; once, with its publication."""
    for draft in drafts:
        events.publish(
            session,
            topic=SETTLED_TOPIC,
            merchant_id=draft.merchant_id,
            payload=settled_payload(
                window_id=window.window_id,
                first_day=window.first_day.isoformat(),
                end_day=window.end_day.isoformat(),
                currency=draft.totals.currency,
                net=draft.totals.net,
                closing=draft.totals.closing,
                digest=draft.digest,
            ),
        )


def _move_money(
    session: Session, *, window: WindowView, drafts: list[Draft], terms: Terms
) -> money_controls.Moved:
    """Post what the window nets to and what is paid for it; return what the books say then."""
    paid = {(each.merchant_id, each.totals.currency): each.totals.paid for each in drafts}
    due = orders(paid, window_id=window.window_id, terms=terms)
    last_day = window.end_day - timedelta(days=1)
    money_service.post_netting(
        session,
        window_id=window.window_id,
        positions=queries.positions(session, window=window),
        business_date=last_day,
    )
    money_service.post_calls(
        session,
        window_id=window.window_id,
        called={
            (each.merchant_id, each.totals.currency): each.totals.called
            for each in drafts
            if each.totals.called
        },
        business_date=last_day,
    )
    money_service.add_payments(session, payments=due.payments, business_date=last_day)
    direct.add_directs(session, directs=due.directs, business_date=last_day)
    pool = money.balances(session, account="pool", before=window.end_day)
    pooled: Counter[str] = Counter()
    for each in sources.pool_balances(session, before=window.end_day):
        pooled[each.currency] += each.amount
    return money_controls.Moved(
        balances=money.balances(session, account="settlement", before=window.end_day),
        deposits=money.balances(session, account="deposit", before=window.end_day),
        pool={currency: amount for (_party, currency), amount in pool.items()},
        pooled=pooled,
        payments=[each.fact for each in money.payments(session, window_id=window.window_id)],
        directs=[each.fact for each in direct.directs(session, window_id=window.window_id)],
        instructed=money.ledger_totals(session, window_id=window.window_id)["instructed"],
    )


def _window(session: Session, window_id: UUID) -> WindowView:
    found = queries.window(session, window_id=window_id)
    if found is None:
        raise InvariantError(f"window {window_id} is gone")
    return found
