"""What every story of the machine stands on: one step, done by the ledger and by the model."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine

from network.clock import local_date
from network.ids import uuid7
from network.ledger import (
    operations,
    operations_campaigns,
    operations_members,
    queries,
    suspending,
)
from network.ledger.day import close_day
from network.ledger.values import Claim, Event, Grant, Posted
from network.settings import PROGRAMME_ZONE
from tests.scenarios.ledger import comparison
from tests.scenarios.ledger.model.books import Wallet
from tests.scenarios.ledger.model.decisions import Model
from tests.scenarios.ledger.stand import MERCHANTS, TERMS, Stand, faults, noon

NO_ENTRY = 999
POOL = 3
"""The place of the wallet that people share, most of the time."""

CLOCKED = {"earn", "refund_earn", "refund_redeem"} | {
    *("extend", "adjust_up", "adjust_down", "write_off"),
}
"""The operations that do not look at wall time."""

WALLETS = ("member_id", "taker", "pool", "into")
"""The arguments that name a wallet."""

RETRY_EVERY = 5
_MODULES = (operations, operations_members, operations_campaigns, suspending)
PRICE = Decimal("950.5000000000")
ZERO_WALL = noon(date(2026, 6, 1))
"""Wall and programme time are two clocks; nothing may depend on how far apart they are."""


def granted(purchase: list[Any], today: date) -> list[Grant]:
    """Return the grants of a purchase that is priced today."""
    return [
        Grant(
            issuer_id=issuer,
            terms_id=TERMS[issuer][terms],
            price=PRICE + terms,
            points=points,
            base=base,
            active_from=today + timedelta(days=waits),
            expires_on=today + timedelta(days=waits + lives),
            line=line,
            locked_to=locked_to,
        )
        for line, (base, funders) in enumerate(purchase)
        for issuer, terms, points, waits, lives, locked_to in (
            funder if len(funder) == 6 else (*funder, None) for funder in funders
        )
    ]


class Frame(RuleBasedStateMachine):
    """A few members, three merchants, two clocks; one ledger and one model of it.

    The first four of ``members`` are those who act; the others had a wallet that is closed now.
    """

    def __init__(self, stand: Stand) -> None:
        super().__init__()
        self.stand = stand
        self.database = stand.database()
        self.stack = ExitStack()
        self.connection = self.stack.enter_context(self.database.ledger())
        with self.database.reading() as session:
            self.model = Model(day=queries.open_day(session))
        self.now = self.latest = noon(self.model.day)
        self.wall = ZERO_WALL
        self.members = [uuid7() for _ in range(4)]
        self.run = str(uuid4())
        self.made = 0
        self.agreed = True
        self.calls: list[tuple[str, dict[str, Any]]] = []
        for member in (0, 1, POOL):
            self.open_wallet(member=member)

    # ---------------------------------------------------------------- one step

    def play(self, name: str, **arguments: Any) -> None:
        """Do one operation on both sides; answers, refusals and all rows must agree."""
        self.stand.steps += 1
        self.agreed = False
        thought = {k: v for k, v in arguments.items() if k not in {"evidence", "explanation"}}
        expected = comparison.outcome(lambda: getattr(self.model, name)(**thought))
        module = next(each for each in _MODULES if hasattr(each, name))
        done = comparison.outcome(lambda: getattr(module, name)(self.connection, **arguments))
        self.stand.seen[name, comparison.word(expected)] += 1
        note(f"{name}: {expected}")
        assert comparison.agree(done, expected), f"{name}\n  ledger: {done}\n  model:  {expected}"
        moved = {done.member_id} if isinstance(done, Posted) else set()
        for member in moved | {arguments[part] for part in WALLETS if part in arguments}:
            self.compare(member)
        self.agreed = True

    def post(self, name: str, member: int, merchant: UUID, ref: str | None, **facts: Any) -> None:
        """Make the event of a merchant's call and play it."""
        event = self.event(merchant, ref, **facts.pop("event", {}))
        self.ask(name, member, client=merchant, event=event, evidence=None, **facts)

    def event(self, merchant: UUID, ref: str | None, **facts: Any) -> Event:
        """Return what happened at a merchant; without a name of its own it gets a new one."""
        named = f"{self.made + 1}" if ref is None else ref
        return Event(merchant_id=merchant, merchant_ref=named, effective_at=self.now, **facts)

    def claim(self, client: UUID, asked: str) -> Claim:
        """Return the claim of a new call."""
        self.made += 1
        return Claim(
            client_id=client,
            key=f"{self.run}:{self.made}",
            fingerprint=sha256(asked.encode()).digest(),
        )

    def ask(self, name: str, member: int, *, client: UUID = MERCHANTS[0], **facts: Any) -> None:
        """Make the claim of a call and play it, now and then twice."""
        arguments = {"member_id": self.members[member], **facts}
        arguments["claim"] = self.claim(client, f"{name} {arguments}")
        self.calls.append((name, arguments))
        self.play(name, **arguments, **self._clocks(name))
        if self.made % RETRY_EVERY == 0:  # the answer was lost on its way
            self.play(name, **arguments, **self._clocks(name))

    def _clocks(self, name: str) -> dict[str, datetime]:
        if name in CLOCKED:
            return {"now": self.now}
        return {"now": self.now, "wall": self.wall}

    def compare(self, member_id: UUID) -> None:
        """Compare every row of a member; the day noted for the night may be early, never late."""
        found = comparison.stored(self.connection, member_id)
        wallet = self.model.wallets.get(member_id)
        if wallet is None or found is None:
            assert found is None
            assert wallet is None
            return
        rows, due_on = found
        wrong = comparison.differences(rows, comparison.modelled(wallet))
        assert not wrong, "\n".join(wrong)
        due = comparison.first_due(wallet)
        assert due is None or (due_on is not None and due_on <= due), f"{due_on} is after {due}"

    def teardown(self) -> None:
        """Compare what steps may have changed elsewhere, and audit."""
        try:
            if self.agreed:
                for member_id in self.members:
                    self.compare(member_id)
        finally:
            for issuer in sorted(self.model.suspended):
                self.suspend(issuer, wanted=False)
            self.stack.close()
            # The next run begins where the clock of this one stands.
            while close_day(self.database, now=self.latest):
                pass
            wrong = faults(self.database) if self.stand.audit_due() else []
            self.stand.spoilt = bool(wrong)
        assert not wrong or not self.agreed, "\n".join(wrong)

    def open_wallet(self, member: int) -> None:
        """Open a wallet, perhaps again."""
        self.play("open_wallet", member_id=self.members[member])

    def suspend(self, issuer: UUID, *, wanted: bool) -> None:
        """Suspend an issuer's points, or lift that; issuers are those of all runs."""
        name = "suspend" if wanted else "resume"
        facts = {"issuer_id": issuer, "proposal_id": self.stand.proposals[name, issuer]}
        self.play(f"{name}_issuer", **facts, **({"now": self.now} if wanted else {}))

    def close_days(self, most: int) -> None:
        """Close the days that are due, one at a time; no clock that is behind closes any.

        By a clock that is not behind, as the audit holds an entry's moment against its day's flip.
        """
        if local_date(self.now, zone=PROGRAMME_ZONE) <= self.model.day:
            self.play("flip_day", now=self.now)
        for _ in range(most):
            due = self.model.flip_day(now=self.latest)
            assert close_day(self.database, now=self.latest) == due
            if due is None:
                break

    # ---------------------------------------------------------------- choosing

    def _entries(self, member: int) -> list[Any]:
        return self.model.wallets.get(self.members[member], Wallet()).entries

    def _original(self, member: int, aim: int, kinds: set[str]) -> tuple[UUID, int]:
        """Choose an entry, mostly a fitting one and by its own merchant."""
        entries = self._entries(member)
        fitting = [entry for entry in entries if entry.kind in kinds]
        pool = fitting if fitting and aim < 13 else entries
        if not pool:
            return MERCHANTS[0], NO_ENTRY
        chosen = pool[-1 - aim % len(pool)]
        merchant = chosen.merchant_id or MERCHANTS[0]
        return (MERCHANTS[aim % 3] if aim == 12 else merchant), chosen.sequence

    def _hold(self, member: int, aim: int) -> tuple[UUID, int]:
        """Choose a hold, mostly one that has not been settled."""
        wallet = self.model.wallets.get(self.members[member], Wallet())
        open_ones = [h for h in wallet.holds.values() if h.state in {"authorised", "released"}]
        if open_ones and aim < 12:
            chosen = open_ones[-1 - aim % len(open_ones)]
            return (MERCHANTS[2] if aim == 11 else chosen.merchant_id), chosen.sequence
        return self._original(member, aim, {"authorisation", "redemption"})
