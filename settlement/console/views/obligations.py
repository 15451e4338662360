"""Obligations: who owes whom, what they come to for one party, and what is behind each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy.orm import Session

from config.web import listing
from network import ids
from network.clearing import owed, shares, sources, terms
from network.clearing import queries as clearing
from network.clearing.facts import (
    OBLIGATION_KINDS,
    Obligation,
    ObligationView,
    PartyView,
    PositionView,
    WindowView,
)
from network.clearing.owed import Portion, Wanted
from network.clearing.parties import NETWORK_PARTY, POOL, Account
from network.clearing.party_names import parties
from network.clearing.shares import ObligationLine
from network.operators.roles import VIEWER
from settlement.console import access, proof
from settlement.console import obligations_table as table
from settlement.console.taxing import OWN
from settlement.console.views.windows import read_window

blueprint = Blueprint("obligations", __name__, url_prefix="/settlement")
_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """How the pool came from what it held before a window to what it holds after it, by kind."""

    before: int
    kinds: tuple[tuple[str, int], ...]
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What all rows of a table come to, on whichever page they stand."""

    rows: int
    amount: int
    counted: int
    postings: int

    @classmethod
    def of(cls, portions: Iterable[Portion]) -> Whole:
        """Return the sums over portions."""
        found = list(portions)
        return cls(
            rows=sum(each.rows for each in found),
            amount=sum(each.amount for each in found),
            counted=sum(each.counted for each in found),
            postings=sum(each.postings for each in found),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The account whose obligations are asked for, with its position where it has one."""

    party: PartyView
    account: Account
    position: PositionView | None

    def directions(self, row: ObligationView) -> tuple[str, ...]:
        """Return in which of the account's sums an obligation stands."""
        return proof.directions(row.fact, account=self.account)

    def counted(self, row: ObligationView) -> int:
        """Return by how much an obligation changes the account's net."""
        return proof.counted(row.fact, account=self.account)


@blueprint.get("/windows/<public_id>/obligations")
@access.access(VIEWER)
def index(public_id: str) -> str | Response:
    """Show what was found to be owed: all of it, one account's, or one cell of the matrix."""
    with access.reading() as session:
        window = read_window(session, public_id)
        register = parties(session)
        names = table.Names.read(register)
        wanted, account = table.asked(window, register)
        searched = table.searched(wanted, names, register)
        if listing.wants_csv():
            held_account = account[1] if account else None
            return table.file(
                window, wanted=searched, names=names, register=register, account=held_account
            )
        sides = owed.portions(session, wanted=replace(wanted, direction=None, kind=None))
        whole = Whole.of(owed.portions(session, wanted=searched))
        page = table.page(
            session, wanted=searched, total=whole.rows, names=names, register=register
        )
        known = terms.terms_behind(session, obligations=[each.fact for each in page.rows])
        held = _held(session, window, account)
        bridge = _bridge(session, window, held=held)
    shown = [each for each in sides if wanted.direction in {None, *each.directions}]
    codes = {each.code: each for each in register.values()}
    return render_template(
        "obligations.html",
        window=window,
        page=page,
        terms=known,
        held=held,
        **{side: codes.get(listing.argument(side) or "") for side in ("issuer", "acceptor")},
        chosen=wanted.direction if wanted.direction in table.DIRECTIONS else None,
        sums=proof.sums(sides) if held else None,
        position=held.position if held else None,
        totals=proof.totals(each for each in shown if wanted.kind in {None, each.kind}),
        kinds=table.kinds_of(shown),
        chosen_kind=wanted.kind,
        whole=whole,
        bridge=bridge,
    )


@blueprint.get("/obligations/<public_id>")
@access.access(VIEWER)
def show(public_id: str) -> str | Response:
    """Show an obligation, how it was reckoned, and the postings behind it with their shares."""
    obligation_id = ids.decode("obl", public_id)
    with access.reading() as session:
        found = clearing.obligation(session, obligation_id=obligation_id)
        if found is None:
            abort(404)
        window = read_window(session, ids.encode("win", found.fact.window_id))
        if listing.wants_csv():
            return _lines_file(window, obligation_id)
        lines = _lines(session, window, obligation_id)
        known = terms.terms_behind(session, obligations=[found.fact])
        values = sources.face_values(session)
        siblings = owed.siblings(session, fact=found.fact)
    rows, more = listing.first(lines, listing.PAGE_ROWS)
    return render_template(
        "obligation.html",
        window=window,
        found=found,
        rows=rows,
        more=_next(rows) if more else None,
        first=listing.address(after=None) if request.args.get("after") else None,
        whole=not more and not request.args.get("after"),
        by_remainder=_by_remainder(),
        half=_is_half(found.fact),
        own=OWN if found.fact.issuer_id == NETWORK_PARTY else None,
        issuer_terms_view=known.get(found.fact.terms_id),
        acceptor_terms_view=known.get(found.fact.acceptor_terms_id),
        reckoning=proof.reckoning(found.fact, terms=known, face_values=values),
        siblings=siblings,
        kind=found.fact.kind.removesuffix("_return"),
    )


def _held(
    session: Session, window: WindowView, asked: tuple[PartyView, Account] | None
) -> Held | None:
    """Return the account that is asked for with its position."""
    if asked is None:
        return None
    party, account = asked
    found = clearing.positions(session, window=window, account=account)
    return Held(party=party, account=account, position=next(iter(found), None))


def _bridge(session: Session, window: WindowView, *, held: Held | None) -> Bridge | None:
    """Return how the pool came from before a window to after it, where the pool is asked for."""
    if held is None or held.account != POOL:
        return None
    after = sum(each.fact.amount for each in clearing.pool(session, window=window))
    moved: dict[str, int] = {}
    for each in owed.portions(session, wanted=Wanted(window_id=window.window_id, account=POOL)):
        moved[each.kind] = moved.get(each.kind, 0) + each.counted
    kinds = tuple(sorted(moved.items(), key=lambda each: OBLIGATION_KINDS.index(each[0])))
    return Bridge(before=after - sum(moved.values()), kinds=kinds, after=after)


def _lines(session: Session, window: WindowView, obligation_id: UUID) -> list[ObligationLine]:
    """Return a page of postings in the order that the address asks for, and one beyond it."""
    limit = listing.PAGE_ROWS + 1
    if not _by_remainder():
        after = listing.after_line(access.entry_ids())
        return clearing.obligation_lines(
            session, obligation_id=obligation_id, cursor=after, limit=limit
        )
    place = request.args.get("after", "")
    return shares.lines_by_remainder(
        session,
        window=window,
        obligation_id=obligation_id,
        after=int(place) if place.isascii() and place.isdigit() and len(place) < _DIGITS else 0,
        limit=limit,
    )


def _by_remainder() -> bool:
    return request.args.get("by") == "remainder"


def _next(rows: Sequence[ObligationLine]) -> str:
    if _by_remainder():
        return listing.address(after=rows[-1].place)
    return listing.next_line(access.entry_ids(), rows)


def _is_half(fact: Obligation) -> bool:
    """Return whether points × price is exactly between two whole units."""
    return 2 * abs(fact.points * fact.price - fact.amount) == 1


def _lines_file(window: WindowView, obligation_id: UUID) -> Response:
    """Return the postings behind an obligation, however many."""
    name = access.entry_ids()

    def cells(row: ObligationLine) -> tuple[object, ...]:
        return (
            name.encode(prefix="ent", member_id=row.member_id, sequence=row.sequence),
            row.line,
            row.merchant_ref,
            row.effective_at.isoformat(),
            row.recorded_at.isoformat(),
            row.points,
            row.share,
            row.floor,
            f"{row.rest}/{row.whole}",
            row.place,
            int(row.raised),
        )

    def rows(session: Session, _size: int) -> Iterator[tuple[object, ...]]:
        found = shares.obligation_lines(session, window=window, obligation_id=obligation_id)
        return map(cells, found)

    return listing.streamed(
        f"obligation-{ids.encode('obl', obligation_id)}",
        (
            *("entry", "line", "merchant_ref", "effective_at", "recorded_at", "points", "share"),
            *("rounded_down", "remainder", "place", "left_over"),
        ),
        rows,
    )
