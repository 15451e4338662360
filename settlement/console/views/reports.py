"""Reports on points in wallets: liability and cover, expiry and age, breakage, proofs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from flask import Blueprint, Response, render_template
from sqlalchemy.orm import Session

from config.web import listing
from network.clearing.facts import PartyView, code_of
from network.clearing.party_names import parties
from network.ledger import queries as ledger
from network.merchants import queries as merchants
from network.operators.roles import VIEWER
from network.proofs import queries as proofs
from network.reports import flows, lots
from network.reports.breakage import estimate, experience
from network.reports.facts import IssuerLiability
from settlement.console import access
from settlement.console.charts import Bar, share_bar
from settlement.console.filters import party
from settlement.console.periods import columns_of, mirrored, read_period
from settlement.console.views.today import worth_at_face_value

blueprint = Blueprint("reports", __name__, url_prefix="/reports")
NIGHTS = 60


@blueprint.get("")
@access.access(VIEWER)
def liability() -> str | Response:
    """Show what is owed for the points in wallets, by issuer, what covers it, and day by day."""
    with access.services().database.snapshot() as session:
        today = ledger.open_day(session)
        period = read_period(today)
        names = parties(session)
        found = lots.liability(session)
        ends = flows.day_ends(session, since=period.since, until=period.until)
        cover = flows.cover(session)
        proved = {
            each.business_date
            for each in proofs.proofs(session, limit=period.days, before=period.until)
        }
        face = worth_at_face_value(session, points=sum(each.points for each in found), day=today)
    page = _by_issuer(found, names=names)
    if listing.wants_csv():
        return _liability_file(page.rows, names=names, today=today)
    owed = sum((each.owed for each in found), Decimal(0))
    return render_template(
        "reports/liability.html",
        page=page,
        names=names,
        period=period,
        owed=whole(owed),
        points=sum(each.points for each in found),
        face=face,
        cover=cover,
        covered=Fraction(sum(cover.values())) / Fraction(owed) if owed else None,
        bars=_owed_bars(found),
        whole=whole,
        ends=ends,
        proved=proved,
        chart=columns_of((each.business_date, (("issued", each.outstanding),)) for each in ends),
    )


def _by_issuer(
    found: Sequence[IssuerLiability], *, names: Mapping[UUID, PartyView]
) -> listing.Page[IssuerLiability]:
    return listing.arrange(
        found,
        sort="-owed",
        keys={
            "name": lambda row: party(names.get(row.issuer_id)),
            "points": lambda row: row.points,
            "owed": lambda row: row.owed,
        },
        words=lambda row: party(names.get(row.issuer_id)),
    )


def _liability_file(
    rows: Sequence[IssuerLiability], *, names: Mapping[UUID, PartyView], today: date
) -> Response:
    return listing.csv_response(
        f"liability-{today}",
        ("issuer", "available", "pending", "held", "points", "owed_rials"),
        (
            (code_of(names, r.issuer_id), r.available, r.pending, r.held, r.points, whole(r.owed))
            for r in rows
        ),
    )


def _owed_bars(found: Sequence[IssuerLiability]) -> dict[UUID, Bar | None]:
    largest = max((each.owed for each in found), default=Decimal(0))
    from_here = mirrored()
    return {
        each.issuer_id: share_bar(each.owed, largest=largest, mirrored=from_here) for each in found
    }


@blueprint.get("/expiry")
@access.access(VIEWER)
def expiry() -> str | Response:
    """Show when points lapse, month by month, and how old they are."""
    with access.services().database.snapshot() as session:
        today = ledger.open_day(session)
        merchant, issuer_id = _merchant(session)
        months = lots.expiries(session, issuer_id=issuer_id)
        ages = lots.ages(session, today=today, issuer_id=issuer_id)
    if listing.wants_csv():
        return listing.csv_response(
            f"expiry-{today}",
            ("month", "points", "owed_rials"),
            ((each.month, each.points, whole(each.owed)) for each in months),
        )
    oldest = max(each.points for each in ages)
    return render_template(
        "reports/expiry.html",
        merchant=merchant,
        months=months,
        ages=ages,
        whole=whole,
        total=sum(each.points for each in months),
        bars=[share_bar(each.points, largest=oldest, mirrored=mirrored()) for each in ages],
        chart=columns_of((each.month, (("expired", each.points),)) for each in months[:24]),
    )


@blueprint.get("/breakage")
@access.access(VIEWER)
def breakage() -> str | Response:
    """Show what became of each month's points, and an estimate of what will lapse (IFRS 15)."""
    with access.services().database.snapshot() as session:
        today = ledger.open_day(session)
        merchant, issuer_id = _merchant(session)
        vintages = lots.vintages(session, today=today, issuer_id=issuer_id)
    found = estimate(vintages)
    if listing.wants_csv():
        header = ("month", "granted", "clawed_back", "redeemed", "expired", "outstanding")
        return listing.csv_response(
            f"breakage-{today}",
            (*header, "expected_breakage", "recognised_breakage", "run_out"),
            (
                (
                    *(getattr(each.vintage, name) for name in header),
                    each.expected,
                    each.recognised,
                    int(each.vintage.run_out),
                )
                for each in found
            ),
        )
    return render_template(
        "reports/breakage.html",
        merchant=merchant,
        found=found,
        rate=experience(vintages),
        to_come=sum(each.to_come or 0 for each in found),
        chart=columns_of(
            (
                each.vintage.month,
                (
                    ("issued", each.vintage.outstanding),
                    ("redeemed", each.vintage.redeemed),
                    ("expired", each.vintage.expired),
                ),
            )
            for each in found[-24:]
        ),
    )


@blueprint.get("/proofs")
@access.access(VIEWER)
def nights() -> str | Response:
    """Show the nights' signed figures of outstanding points, and which night has none."""
    with access.reading() as session:
        today = ledger.open_day(session)
        found = proofs.proofs(session, limit=NIGHTS)
        first = found[-1].business_date if found else today
        ends = {
            each.business_date: each for each in flows.day_ends(session, since=first, until=today)
        }
        cover = flows.cover(session)
    if listing.wants_csv():
        return listing.csv_response(
            f"proofs-{today}",
            ("business_date", "points", "leaves", "root", "seal", "key"),
            (
                (r.business_date, r.points, r.leaves, r.root.hex(), r.seal.hex(), r.key_id)
                for r in found
            ),
        )
    known = {each.business_date for each in found}
    return render_template(
        "reports/proofs.html",
        found=found,
        missing=[day for day in sorted(ends, reverse=True) if day not in known],
        cover=cover,
        chart=columns_of(
            (each.business_date, (("issued", each.points),)) for each in reversed(found[:30])
        ),
        gateway=access.services().settings.gateway_url,
    )


def whole(amount: Decimal) -> int:
    """Return an exact sum of rials as it is shown, rounded half to even."""
    return int(amount.quantize(Decimal(1)))


def _merchant(session: Session) -> tuple[PartyView | None, UUID | None]:
    """Return the merchant that the address asks for, ``None`` for all."""
    code = listing.argument("merchant")
    if code is None:
        return None, None
    found = merchants.merchant(session, code=code)
    view = parties(session)[found.merchant_id]
    return view, view.party_id
