"""The table of a window's obligations: what the address asks for, its rows, and its file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

from config.web import listing
from network import ids
from network.clearing import owed
from network.clearing.facts import OBLIGATION_KINDS, ObligationView, PartyView, WindowView
from network.clearing.owed import Order, OwedRow, Portion, Search, Wanted
from network.clearing.parties import Account, account_code
from network.language import current_locale, sort_key
from network.language.arranging import figure
from settlement.console import proof
from settlement.console.words import said

DIRECTIONS = ("receivable", "payable", "fee")
_NOBODY = UUID(int=0)
_MAIN_ACCOUNTS = ("settlement", "margin")
_HELD_ACCOUNTS = ("deposit", "pool", "vat", "rounding", "breakage")
_COLUMNS = (
    *("id", "issuer", "acceptor", "payer", "payee", "kind", "points", "price", "amount"),
    *("currency", "postings", "terms_version", "acceptor_terms_version"),
    *("issuer_name", "acceptor_name", "payer_name", "payee_name", "direction", "counted"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What parties and accounts are called in the reader's language."""

    parties: Mapping[UUID, str]
    accounts: Mapping[str, str]

    @classmethod
    def read(cls, register: Mapping[UUID, PartyView]) -> Names:
        """Return the names as the reader of this request wants them."""
        persian = current_locale() == "fa"
        return cls(
            parties={
                key: each.name_fa if persian else each.name_en for key, each in register.items()
            },
            accounts={each: said(each, "money_account") for each in _HELD_ACCOUNTS},
        )

    def party(self, party: PartyView) -> str:
        """Return a party's name; its id where the register has it no more."""
        return self.parties.get(party.party_id, party.name_en)

    def account(self, party: PartyView, name: str) -> str:
        """Return how an account is called: a party's main one by the party's name."""
        if name in _MAIN_ACCOUNTS:
            return self.party(party)
        words = self.accounts.get(name, name)
        return words if party.code == "network" else f"{self.party(party)} · {words}"


def asked(
    window: WindowView, register: Mapping[UUID, PartyView]
) -> tuple[Wanted, tuple[PartyView, Account] | None]:
    """Return what the address asks for, without its search, and the account it asks about."""
    codes = {each.code: each for each in register.values()}

    def party_id(name: str) -> UUID | None:
        code = listing.argument(name)
        found = codes.get(code or "")
        return None if code is None else _NOBODY if found is None else found.party_id

    held = _held(codes)
    nobody = Account(_NOBODY, "") if listing.argument("party") else None
    wanted = Wanted(
        window_id=window.window_id,
        issuer_id=party_id("issuer"),
        acceptor_id=party_id("acceptor"),
        account=nobody if held is None else held[1],
        direction=listing.argument("direction") if held else None,
        kind=listing.argument("kind"),
    )
    return wanted, held


def _held(codes: Mapping[str, PartyView]) -> tuple[PartyView, Account] | None:
    """Return the account that ``?party=`` names, as ``account_code`` writes it."""
    given = listing.argument("party") or ""
    found = codes.get(given.partition(":")[0])
    if found is None:
        return None
    for name in (*_MAIN_ACCOUNTS, *_HELD_ACCOUNTS):
        own = (name in {"settlement", "deposit"}) == (found.code != "network")
        if own and account_code(found.code, name) == given:
            return found, Account(found.party_id, name)
    return None


def searched(wanted: Wanted, names: Names, register: Mapping[UUID, PartyView]) -> Wanted:
    """Return the same question with what ``?q=`` looks for."""
    query = sort_key(request.args.get("q", ""))
    if not query:
        return wanted

    def matching(words: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(key for key, text in words.items() if query in sort_key(text))

    search = Search(
        parties=tuple(
            key
            for key, each in register.items()
            if query in sort_key(f"{each.code} {names.party(each)}")
        ),
        kinds=matching({kind: said(kind, "obligation") for kind in OBLIGATION_KINDS}),
        accounts=matching(names.accounts),
        figure=figure(request.args["q"]),
    )
    return replace(wanted, search=search)


def page(
    session: Session,
    *,
    wanted: Wanted,
    total: int,
    names: Names,
    register: dict[UUID, PartyView],
) -> listing.Page[ObligationView]:
    """Return the rows of the page that the address asks for."""
    start = listing.start(total)
    found = owed.rows(
        session,
        wanted=wanted,
        order=order(names),
        names=register,
        offset=start,
        limit=listing.PAGE_ROWS,
    )
    return listing.cut([each.view for each in found], start=start, total=total, sort=_sort())


def order(names: Names) -> Order:
    """Return how the address wants the rows sorted; parties sort as the Persian alphabet does."""
    ranked = sorted(names.parties, key=lambda key: sort_key(names.parties[key]))
    return Order(
        column=_sort().removeprefix("-"),
        falls=_sort().startswith("-"),
        ranks={key: place for place, key in enumerate(ranked)},
    )


def _sort() -> str:
    given = request.args.get("sort", "")
    return given if given.removeprefix("-") in owed.SORTS else "issuer"


def kinds_of(portions: Collection[Portion]) -> list[str]:
    """Return the kinds that there are, in their order."""
    return sorted({each.kind for each in portions}, key=OBLIGATION_KINDS.index)


def file(
    window: WindowView,
    *,
    wanted: Wanted,
    names: Names,
    register: dict[UUID, PartyView],
    account: Account | None,
) -> Response:
    """Return every row that is asked for, in the order of the screen."""
    sorted_by = order(names)

    def cells(found: OwedRow) -> tuple[object, ...]:
        row = found.view
        acceptor = row.acceptor if row.fact.priced_on else None
        return (
            ids.encode("obl", row.fact.obligation_id),
            row.issuer.code,
            acceptor.code if acceptor else None,
            account_code(row.payer.code, row.fact.payer_account),
            account_code(row.payee.code, row.fact.payee_account),
            row.fact.kind,
            row.fact.points,
            row.fact.price,
            row.fact.amount,
            row.fact.currency,
            row.fact.postings,
            found.terms_version,
            found.acceptor_terms_version,
            names.party(row.issuer),
            names.party(acceptor) if acceptor else "",
            names.account(row.payer, row.fact.payer_account),
            names.account(row.payee, row.fact.payee_account),
            " ".join(proof.directions(row.fact, account=account)) if account else None,
            proof.counted(row.fact, account=account) if account else None,
        )

    def rows(session: Session, _size: int) -> Iterator[tuple[object, ...]]:
        return map(cells, owed.rows(session, wanted=wanted, order=sorted_by, names=register))

    return listing.streamed(f"obligations-{window.first_day}", _COLUMNS, rows)
