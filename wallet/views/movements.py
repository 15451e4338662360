"""Movements: a list with filters and pages, and each movement with its reasons and lots."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy.orm import Session

from network.claims import queries as claims
from network.claims.service import SPENDING
from network.clock import local_date
from network.ids import EntryKey, decode, encode
from network.language import current_locale, sort_key
from network.ledger import figures
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.programme.explain import from_json, is_note, words
from network.settings import PROGRAMME_ZONE
from wallet import access
from wallet.claim_words import KINDS, OUTCOMES
from wallet.listing import ENTRY_PREFIX, directory, listed, people_of, touched_lots
from wallet.movements import GROUP_WORDS, KIND_GROUPS, Directory, Movement
from wallet.own import Place, place

blueprint = Blueprint("movements", __name__, url_prefix="/movements")
PAGE = 20
OWN = "own"
PERIODS_DAYS = {"7": 7, "30": 30, "90": 90}


@blueprint.get("")
def show() -> str:
    """Show one page of movements, filtered; ``before`` is the cursor.

    Where the member shares a wallet that is its page; ``wallet=own`` is what was before.
    """
    group, period = request.args.get("kind", ""), request.args.get("period", "")
    chosen_merchant = request.args.get("merchant", "")
    with access.reading() as session:
        where = place(session)
        before_joining = where.stay is not None and request.args.get("wallet") == OWN
        listed_in = access.member().member_id if before_joining else where.wallet_id
        people = {} if before_joining else people_of(session, where)
        found = ledger.entries(
            session,
            member_id=listed_in,
            before=_cursor(listed_in),
            first=None if before_joining else where.first,
            limit=PAGE + 1,
            merchant_id=_merchant_id(chosen_merchant),
            kinds=sorted(KIND_GROUPS[group]) if group in KIND_GROUPS else None,
            since=_since(period),
        )
        names, told = directory(session, found, everybody=True), _told_lately(session)
    page = listed(found[:PAGE], directory=names, people=people)
    asked = {"kind": group, "period": period, "merchant": chosen_merchant}
    filters: dict[str, Any] = {name: value for name, value in asked.items() if value}
    filters |= {"wallet": OWN} if before_joining else {}
    last = page[-1].public_id if len(found) > PAGE else None
    return render_template(
        "movements_page.html" if request.headers.get("HX-Request") else "movements.html",
        days=by_day(page),
        older=url_for("movements.show", **filters, before=last) if last else None,
        newest=url_for("movements.show", **filters) if "before" in request.args else None,
        filters=filters,
        kinds=GROUP_WORDS,
        shared=where.stay is not None,
        before_joining=before_joining,
        merchants=_merchant_options(names),
        **told,
    )


@blueprint.get("/<entry_id>")
def detail(entry_id: str) -> str:
    """Show one movement of the member's own, or one of which they have told us.

    Its answer is theirs to read and to object to, also after they left that wallet or were merged.
    """
    key = access.services().entry_ids.decode(entry_id, prefix=ENTRY_PREFIX)
    member = access.member()
    with access.reading() as session:
        where = place(session)
        if not where.shows(wallet_id=key.member_id, sequence=key.sequence) and not _claimed(
            session, key
        ):
            abort(404)
        entry = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
        if entry is None:
            abort(404)
        original = _original(session, entry, where)
        names = directory(
            session,
            [entry] if original is None else [entry, original],
            issuers={lot.issuer_id for lot in entry.lots},
        )
        people = people_of(session, where) if key.member_id == where.wallet_id else {}
        told = _told(session, entry)
    (shown,) = listed([entry], directory=names, people=people)
    steps = [from_json(stored) for stored in entry.explanation]
    return render_template(
        "movement.html",
        movement=shown,
        entry=entry,
        lots=touched_lots(entry, moves_inside=shown.moves_inside),
        directory=names,
        original=listed([original], directory=names)[0] if original else None,
        steps=[
            (step, is_note(step), words(step, current_locale(), unit=member.money_unit))
            for step in steps
        ],
        **told,
    )


def _told(session: Session, entry: EntryView) -> dict[str, Any]:
    """Return a purchase line by line, and what the member told us of the entry."""
    parts = figures.earned_parts(
        session,
        member_id=entry.member_id,
        sequence=entry.sequence,
        business_date=entry.business_date,
    )
    claim = _claimed(session, EntryKey(member_id=entry.member_id, sequence=entry.sequence))
    objection = (
        claims.objection_to(session, access.services().vault, claim_id=claim.claim_id)
        if claim
        else None
    )
    until = claim.object_until if claim else None
    return {
        "parts": by_line(parts),
        "claim": claim,
        "objection": objection,
        "may_object": objection is None and until is not None and access.wall() < until,
        "claim_kinds": KINDS,
        "claim_outcomes": OUTCOMES,
        "spent": entry.kind in SPENDING,
    }


def _told_lately(session: Session) -> dict[str, Any]:
    """Return what the first page says the member told us, whether it was answered, and of what.

    The entry itself may be in no list of theirs: of a wallet that they left, or had before a merge.
    """
    if "before" in request.args:
        return {}
    ids = access.services().entry_ids
    found = claims.claims_by(session, member_id=access.member().member_id, limit=PAGE)
    told = [
        (
            each,
            answered,
            ids.encode(prefix=ENTRY_PREFIX, member_id=each.wallet_id, sequence=each.sequence),
        )
        for each, answered in found
    ]
    return {"told": told, "claim_kinds": KINDS}


def _claimed(session: Session, key: EntryKey) -> claims.ClaimView | None:
    return claims.claim_of(
        session,
        access.services().vault,
        member_id=access.member().member_id,
        wallet_id=key.member_id,
        sequence=key.sequence,
    )


def _original(session: Session, entry: EntryView, where: Place) -> EntryView | None:
    """Return the entry that this one takes back, where the member may see it."""
    sequence = entry.original_sequence
    if sequence is None or not where.shows(wallet_id=entry.member_id, sequence=sequence):
        return None
    return ledger.entry(session, member_id=entry.member_id, sequence=sequence)


def by_day(page: list[Movement]) -> list[tuple[date, list[Movement]]]:
    """Return movements under the day on which each happened, in the order given."""
    return [
        (day, list(group))
        for day, group in groupby(
            page, key=lambda shown: local_date(shown.entry.effective_at, zone=PROGRAMME_ZONE)
        )
    ]


def by_line(parts: Iterable[figures.EarnedPart]) -> list[tuple[int, int, int]]:
    """Return (line from 1, amount, points) of a purchase of several lines, one of each line.

    The last has line 0 and what of the purchase earned nothing. One line has nothing to tell.
    """
    lines: dict[int, tuple[int, int]] = {}
    for part in parts:
        amount, points = lines.get(part.line, (0, 0))
        lines[part.line] = (max(amount, part.base), points + part.points)
    found = [(line + 1, *lines[line]) for line in sorted(lines, key=lambda line: (line < 0, line))]
    return found if len(found) > 1 else []


def _cursor(wallet_id: UUID) -> int | None:
    text = request.args.get("before")
    if not text:
        return None
    key = access.services().entry_ids.decode(text, prefix=ENTRY_PREFIX)
    if key.member_id != wallet_id:
        abort(404)
    return key.sequence


def _merchant_id(public_id: str) -> UUID | None:
    return decode("mer", public_id, field="merchant") if public_id else None


def _since(period: str) -> date | None:
    days = PERIODS_DAYS.get(period)
    if days is None:
        return None
    return local_date(access.now(), zone=PROGRAMME_ZONE) - timedelta(days=days - 1)


def _merchant_options(names: Directory) -> list[tuple[str, str]]:
    options = [
        (encode("mer", merchant.merchant_id), merchant.name(current_locale()))
        for merchant in names.merchants.values()
    ]
    return sorted(options, key=lambda option: sort_key(option[1]))
