"""Obligations: who owes whom, what they come to for one party, and what is behind each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy.orm import Session

from network import ids
from network.clearing import queries as clearing
from network.clearing import sources, terms
from network.clearing.facts import (
    OBLIGATION_KINDS,
    ObligationLine,
    ObligationView,
    PartyView,
    PositionView,
    WindowView,
)
from network.clearing.parties import POOL, Account, account_code
from network.clearing.terms import TermsView
from network.operators.roles import VIEWER
from settlement.console import access, listing, proof
from settlement.console.views.windows import account_name, party_name, read_window
from settlement.console.words import said

blueprint = Blueprint("obligations", __name__, url_prefix="/settlement")
_DIRECTIONS = ("receivable", "payable", "fee")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """How the pool came from what it held before a window to what it holds after it, by kind."""

    before: int
    kinds: tuple[tuple[str, int], ...]
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What all rows of a table come to, on whichever page they stand."""

    amount: int
    counted: int
    postings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The account whose obligations are asked for, with its position where it has one."""

    party: PartyView
    account: Account
    position: PositionView | None

    @classmethod
    def among(
        cls,
        found: Sequence[ObligationView],
        positions: Sequence[PositionView],
        *,
        asked: str | None,
    ) -> Held | None:
        """Return the account of this code, ``None`` where the window knows none."""
        sides = [
            *((row.payer, row.fact.payer_account) for row in found),
            *((row.payee, row.fact.payee_account) for row in found),
            *((each.party, each.account) for each in positions),
        ]
        for party, name in sides:
            if account_code(party.code, name) == asked:
                account = Account(party.party_id, name)
                places = {(each.party.party_id, each.account): each for each in positions}
                return cls(party=party, account=account, position=places.get(account))
        return None

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
        found = clearing.obligations(session, window=window)
        known = terms.terms_behind(session, obligations=[each.fact for each in found])
        positions = clearing.positions(session, window=window)
        held = Held.among(found, positions, asked=listing.argument("party"))
        bridge = _bridge(session, window, found, held=held)
    parties = {each.code: each for row in found for each in (row.issuer, row.acceptor)}
    issuer, acceptor = (
        parties.get(listing.argument(name) or "") for name in ("issuer", "acceptor")
    )
    wanted = _wanted(found, held=held)
    direction = listing.argument("direction") if held else None
    shown = [
        row for row in wanted if not held or not direction or direction in held.directions(row)
    ]
    kinds = sorted({row.fact.kind for row in shown}, key=OBLIGATION_KINDS.index)
    kind = listing.argument("kind")
    shown = [row for row in shown if kind in {None, row.fact.kind}]
    page, whole = _arranged(shown, known, held=held)
    if listing.wants_csv():
        return _file(window, page.rows, known, held=held)
    return render_template(
        "obligations.html",
        window=window,
        page=page,
        terms=known,
        held=held,
        issuer=issuer,
        acceptor=acceptor,
        chosen=direction if direction in _DIRECTIONS else None,
        sums=proof.sums(wanted, account=held.account) if held else None,
        position=held.position if held else None,
        totals=proof.totals(shown),
        kinds=kinds,
        chosen_kind=kind,
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
        if listing.wants_csv():
            return _lines_file(obligation_id)
        window = read_window(session, ids.encode("win", found.fact.window_id))
        lines = clearing.obligation_lines(
            session,
            obligation_id=obligation_id,
            cursor=listing.after_line(access.entry_ids()),
            limit=listing.PAGE_ROWS + 1,
        )
        known = terms.terms_behind(session, obligations=[found.fact])
        values = sources.face_values(session)
        siblings = clearing.obligations(session, window=window)
    rows, more = listing.first(lines, listing.PAGE_ROWS)
    return render_template(
        "obligation.html",
        window=window,
        found=found,
        rows=rows,
        more=listing.next_line(access.entry_ids(), rows) if more else None,
        first=request.path if request.args.get("after") else None,
        issuer_terms_view=known.get(found.fact.terms_id),
        acceptor_terms_view=known.get(found.fact.acceptor_terms_id),
        reckoning=proof.reckoning(found.fact, terms=known, face_values=values),
        siblings=proof.siblings(found.fact, found=siblings),
        kind=found.fact.kind.removesuffix("_return"),
    )


def _acceptor_name(row: ObligationView) -> str:
    """Return who took the points; nobody where they were given, taken back or lapsed."""
    return party_name(row.acceptor) if row.fact.priced_on else ""


def _wanted(found: Sequence[ObligationView], *, held: Held | None) -> list[ObligationView]:
    """Return the obligations that the address asks for; an account's are those it pays or gets."""
    issuer, acceptor = listing.argument("issuer"), listing.argument("acceptor")
    asked = listing.argument("party")
    return [
        row
        for row in found
        if issuer in {None, row.issuer.code}
        and acceptor in {None, row.acceptor.code}
        and (asked is None or (held is not None and held.directions(row)))
    ]


def _bridge(
    session: Session,
    window: WindowView,
    found: Sequence[ObligationView],
    *,
    held: Held | None,
) -> Bridge | None:
    """Return how the pool came from before a window to after it, where the pool is asked for."""
    if held is None or held.account != POOL:
        return None
    after = sum(each.fact.amount for each in clearing.pool(session, window=window))
    moved: dict[str, int] = {}
    for row in found:
        if held.directions(row):
            moved[row.fact.kind] = moved.get(row.fact.kind, 0) + held.counted(row)
    kinds = tuple(sorted(moved.items(), key=lambda each: OBLIGATION_KINDS.index(each[0])))
    return Bridge(before=after - sum(moved.values()), kinds=kinds, after=after)


def _arranged(
    rows: Sequence[ObligationView], known: Mapping[UUID, TermsView], *, held: Held | None
) -> tuple[listing.Page[ObligationView], Whole]:
    """Return the page that is asked for, and what all found rows come to."""
    whole = {"amount": 0, "counted": 0, "postings": 0}

    def count(found: Sequence[ObligationView]) -> None:
        for row in found:
            whole["amount"] += row.fact.amount
            whole["counted"] += held.counted(row) if held else 0
            whole["postings"] += row.fact.postings

    page = listing.arrange(
        rows,
        every=count,
        sort="issuer",
        keys={
            "issuer": lambda row: party_name(row.issuer),
            "acceptor": _acceptor_name,
            "payer": lambda row: (party_name(row.payer), row.fact.payer_account),
            "payee": lambda row: (party_name(row.payee), row.fact.payee_account),
            "kind": lambda row: row.fact.kind,
            "points": lambda row: row.fact.points,
            "price": lambda row: row.fact.price,
            "amount": lambda row: row.fact.amount,
            "postings": lambda row: row.fact.postings,
            "terms": lambda row: _version(known, row.fact.terms_id),
            "acceptor_terms": lambda row: _version(known, row.fact.acceptor_terms_id),
            "direction": lambda row: " ".join(held.directions(row)) if held else "",
            "counted": lambda row: held.counted(row) if held else 0,
        },
        words=lambda row: " ".join(
            (
                said(row.fact.kind, "obligation"),
                *(
                    f"{each.code} {party_name(each)}"
                    for each in (row.issuer, row.acceptor, row.payer, row.payee)
                ),
                account_name(row.payer, row.fact.payer_account),
                account_name(row.payee, row.fact.payee_account),
            )
        ),
    )
    return page, Whole(**whole)


def _version(known: Mapping[UUID, TermsView], terms_id: UUID) -> int | None:
    found = known.get(terms_id)
    return found.version if found else None


def _file(
    window: WindowView,
    rows: Sequence[ObligationView],
    known: Mapping[UUID, TermsView],
    *,
    held: Held | None,
) -> Response:
    return listing.csv_response(
        f"obligations-{window.first_day}",
        (
            *("id", "issuer", "acceptor", "payer", "payee", "kind", "points", "price", "amount"),
            *("currency", "postings", "terms_version", "acceptor_terms_version"),
            *("issuer_name", "acceptor_name", "payer_name", "payee_name", "direction", "counted"),
        ),
        (
            (
                ids.encode("obl", row.fact.obligation_id),
                row.issuer.code,
                row.acceptor.code if row.fact.priced_on else None,
                account_code(row.payer.code, row.fact.payer_account),
                account_code(row.payee.code, row.fact.payee_account),
                row.fact.kind,
                row.fact.points,
                row.fact.price,
                row.fact.amount,
                row.fact.currency,
                row.fact.postings,
                _version(known, row.fact.terms_id),
                _version(known, row.fact.acceptor_terms_id),
                *(party_name(row.issuer), _acceptor_name(row)),
                account_name(row.payer, row.fact.payer_account),
                account_name(row.payee, row.fact.payee_account),
                " ".join(held.directions(row)) if held else None,
                held.counted(row) if held else None,
            )
            for row in rows
        ),
    )


def _lines_file(obligation_id: UUID) -> Response:
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
        )

    def rows(session: Session, _size: int) -> Iterator[tuple[object, ...]]:
        return map(cells, clearing.every_obligation_line(session, obligation_id=obligation_id))

    return listing.streamed(
        f"obligation-{ids.encode('obl', obligation_id)}",
        ("entry", "line", "merchant_ref", "effective_at", "recorded_at", "points", "share"),
        rows,
    )
