"""A small pure model of the ledger's rules, to check by eye against the ledger's design page.

Here: the frame of every call, wallets and days, earning; ``spending.py`` and ``returns.py`` add the
operations of tills, ``travelling.py`` and ``decisions.py`` those of members and operators,
``promising.py`` campaigns' budgets, ``call.py`` what they share, ``books.py`` the rows and how
points move.

The methods are those of ``network.ledger.operations``, with the same arguments but for the
connection, the evidence and the explanation, which move no point. Nothing here knows the SQL, its
tables' triggers or its short cuts: figures are sums, and a call works on a copy that is dropped on
a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from network.clock import local_date
from network.ledger.values import Claim, Event, Grant, Posted, Takings
from network.settings import PROGRAMME_ZONE
from tests.scenarios.ledger.model.books import Earned, Lot, Refused, Wallet
from tests.scenarios.ledger.model.call import Call, check_count, named_in, where
from tests.scenarios.ledger.model.promising import Budget, check_history, promise, spend

Rule = Callable[[Call], dict[str, Any]]


@dataclass(kw_only=True)
class Ledger:
    """All wallets, the open day, and the answers given."""

    day: date
    wallets: dict[UUID, Wallet] = field(default_factory=dict)
    answers: dict[tuple[UUID, str], tuple[bytes, Posted]] = field(default_factory=dict)
    budgets: dict[UUID, Budget] = field(default_factory=dict)
    suspended: set[UUID] = field(default_factory=set)

    # ---------------------------------------------------------------- the frame of every call

    def post(
        self,
        rule: Rule,
        *,
        member_id: UUID,
        now: datetime,
        claim: Claim | None,
        wall: datetime | None = None,
        follow: bool = False,
    ) -> Posted:
        """Answer a key that is known; else apply the rule to a copy and keep it if all is well.

        ``follow``: the member is a person whose points may be elsewhere; the answer says where.
        """
        home, person = self.whereabouts(member_id) if follow else (member_id, member_id)
        there = {} if home == member_id else {"member_id": str(home)}
        if known := self.known(claim, home):
            return replace(known, result=there | known.result)
        call = self.begin(home, now, wall)
        if person != home:
            call.person, call.person_locked = person, self.wallets[person].locked_there
        return self.finish(call, rule(call) | there, claim)

    def known(self, claim: Claim | None, member_id: UUID) -> Posted | None:
        """Return the answer that a key stands for; a wallet's keys go where the wallet goes."""
        if claim is None or (claim.client_id, claim.key) not in self.answers:
            return None
        fingerprint, posted = self.answers[claim.client_id, claim.key]
        owner = posted.member_id
        entry = self.wallets[owner].entry(posted.sequence)
        person = named_in(entry) if entry else None
        may_ask = {owner, self.home(owner)} | ({self.home(person)} if person else set())
        if fingerprint != claim.fingerprint or member_id not in may_ask:
            raise Refused("idempotency_conflict")
        named = {} if owner == member_id else {"member_id": str(owner)}
        return replace(posted, replayed=True, result=posted.result | named)

    def begin(self, member_id: UUID, now: datetime, wall: datetime | None) -> Call:
        """Copy a wallet for a call on it."""
        return Call(
            member_id=member_id,
            wallet=deepcopy(self.wallet(member_id)),
            business_date=self.day,
            today=max(self.day, local_date(now, zone=PROGRAMME_ZONE)),
            wall=wall,
            suspended=frozenset(self.suspended),
        )

    def finish(self, call: Call, result: dict[str, Any], claim: Claim | None) -> Posted:
        """Keep what a call did, and its answer."""
        self.wallets[call.member_id] = call.wallet
        posted = Posted(
            member_id=call.member_id,
            sequence=len(call.wallet.entries),
            business_date=self.day,
            replayed=False,
            result=result | {"balance": call.wallet.figures()},
        )
        if claim:
            self.answers[claim.client_id, claim.key] = claim.fingerprint, posted
        return posted

    def home(self, member_id: UUID) -> UUID:
        """Return the wallet where a member's points are."""
        wallet = self.wallets.get(member_id)
        return self.home(wallet.moved_to) if wallet and wallet.moved_to else member_id

    def whereabouts(self, person: UUID) -> tuple[UUID, UUID]:
        """Return where a person's points are, and who the person is there.

        Themselves where they joined a shared wallet, else the member they were merged into.
        """
        home, who, shares = person, person, False
        while (wallet := self.wallets.get(home)) and wallet.moved_to:
            shares = shares or wallet.joined()
            home = wallet.moved_to
            who = who if shares else home
        return home, who

    def wallet(self, member_id: UUID) -> Wallet:
        """Return a member's wallet."""
        if member_id not in self.wallets:
            raise Refused("unknown_wallet")
        return self.wallets[member_id]

    # ---------------------------------------------------------------- wallets and days

    def open_wallet(self, *, member_id: UUID) -> bool:
        """Open a wallet once."""
        if member_id in self.wallets:
            return False
        self.wallets[member_id] = Wallet()
        return True

    def set_wallet_status(self, *, member_id: UUID, status: str) -> str:
        """Set the status; a closed wallet stays closed."""
        wallet = self.wallet(member_id)
        before, closed = wallet.status, "closed"
        if before == closed != status:
            raise Refused("wallet_closed")
        wallet.status = status
        return before

    def flip_day(self, *, now: datetime) -> date | None:
        """Open the next day if the open one's cut-off (midnight) has passed, one at a time."""
        before = self.day
        if local_date(now, zone=PROGRAMME_ZONE) <= before:
            return None
        self.day += timedelta(days=1)
        return before

    def suspend_issuer(self, *, issuer_id: UUID, proposal_id: UUID, now: datetime) -> bool:  # noqa: ARG002 - who agreed, and when, moves no point
        """Suspend an issuer's points once."""
        before = len(self.suspended)
        self.suspended.add(issuer_id)
        return len(self.suspended) > before

    def resume_issuer(self, *, issuer_id: UUID, proposal_id: UUID) -> bool:  # noqa: ARG002 - the same
        """Lift it again."""
        before = len(self.suspended)
        self.suspended.discard(issuer_id)
        return len(self.suspended) < before

    def mature(self, *, now: datetime, wall: datetime, member_id: UUID) -> Posted | None:
        """Do what is due; nothing due posts nothing."""
        before = len(self.wallet(member_id).entries)

        def rule(call: Call) -> dict[str, Any]:
            call.release_lapsed()
            call.mature()
            return {"entries": len(call.wallet.entries) - before}

        posted = self.post(rule, member_id=member_id, now=now, claim=None, wall=wall)
        return posted if posted.result["entries"] else None

    # ---------------------------------------------------------------- earning

    def earn(
        self,
        *,
        now: datetime,
        claim: Claim | None,
        member_id: UUID,
        event: Event,
        grants: Sequence[Grant],
        takings: Takings | None = None,
        follow: bool = False,
    ) -> Posted:
        """Grant one lot per (issuer, campaign, terms, price, life); note what may be taken back."""

        def rule(call: Call) -> dict[str, Any]:
            if call.wallet.status == "closed":
                raise Refused("wallet_closed")
            check_history(call, takings)
            call.mature()
            entry = call.write("issuance", event)
            call.claim_reference("issuance", event)
            paying = [grant for grant in grants if grant.points]
            for grant in paying:
                check_count(grant.points)
            lots: dict[object, Lot] = {}
            granted: dict[int, int] = {}
            rows = []
            for grant in grants:
                lot_id = None
                if grant.points:
                    alike = replace(grant, points=0, base=0, line=0)
                    lot = lots.setdefault(alike, call.new_lot(grant, len(lots) + 1))
                    lot_id = lot.lot_id
                    granted[lot_id] = granted.get(lot_id, 0) + grant.points
                rows.append(
                    Earned(
                        line=grant.line,
                        issuer_id=grant.issuer_id if grant.points else event.merchant_id,
                        lot_id=lot_id,
                        base=grant.base,
                        points=grant.points,
                    )
                )
            for lot in lots.values():
                call.wallet.lots[lot.lot_id] = lot
                call.wallet.move("issuance", where(lot), granted[lot.lot_id], lot)
            rest = _base(event) - sum({row.line: row.base for row in rows}.values())
            if rest > 0:
                rows.append(
                    Earned(line=-1, issuer_id=event.merchant_id, lot_id=None, base=rest, points=0)
                )
            call.wallet.earned[entry.sequence] = rows
            if takings:
                promise(call, takings, self.budgets)
            starts = max((grant.active_from for grant in paying), default=None)
            ends = min((grant.expires_on for grant in paying), default=None)
            return {
                "points": sum(granted.values()),
                "state": "pending" if starts and starts > call.today else "available",
                "active_from": starts and starts.isoformat(),
                "expires_on": ends and ends.isoformat(),
                "repaid": call.wallet.repaid(),
            }

        posted = self.post(rule, member_id=member_id, now=now, claim=claim, follow=follow)
        if takings and not posted.replayed:
            spend(takings, self.budgets)
        return posted

    # ---------------------------------------------------------------- campaigns

    def open_campaign(
        self,
        *,
        campaign_id: UUID,
        budget: int,
        slices: int,  # noqa: ARG002 - how a budget is stored makes no difference
        person_cap: int | None,
        day_cap: int | None,
    ) -> None:
        """Make a campaign's budget."""
        self.budgets[campaign_id] = Budget(left=budget, person_cap=person_cap, day_cap=day_cap)

    def run_campaign(self, *, campaign_id: UUID, running: bool) -> None:
        """Pause a campaign, or let it run on."""
        self.budgets[campaign_id].running = running


def _base(event: Event) -> int:
    return event.base if event.base is not None else event.amount or 0
