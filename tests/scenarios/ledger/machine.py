"""Random play: every step is done by the ledger and by the model, and all they hold is compared."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from network.clock import local_date
from network.ids import uuid7
from network.ledger import operations, queries
from network.ledger.day import close_day
from network.ledger.values import Claim, Consent, Event, Grant
from network.settings import PROGRAMME_ZONE
from tests.scenarios.ledger import comparison
from tests.scenarios.ledger.choices import (
    aims,
    beginnings,
    codes,
    counts,
    lines,
    members,
    merchants,
    mostly,
    names,
    purchases,
    some_names,
)
from tests.scenarios.ledger.model.books import Wallet
from tests.scenarios.ledger.model.returns import Model
from tests.scenarios.ledger.stand import MERCHANTS, TERMS, Stand, faults, noon

NO_ENTRY = 999
RETRY_EVERY = 5
ZERO_WALL = noon(date(2026, 6, 1))
"""Wall and programme time are two clocks; nothing may depend on how far apart they are."""


def _any_wallet(test: Callable[[Wallet], object]) -> Callable[[Any], bool]:
    return lambda machine: any(test(wallet) for wallet in machine.model.wallets.values())


class Machine(RuleBasedStateMachine):
    """Three members, three merchants, two clocks; one ledger and one model of it."""

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
        self.members = [uuid7() for _ in range(3)]
        self.run = str(uuid4())
        self.made = 0
        self.agreed = True
        self.calls: list[tuple[str, dict[str, Any]]] = []
        for member in (0, 1):
            self.open_wallet(member=member)

    # ---------------------------------------------------------------- one step

    def play(self, name: str, **arguments: Any) -> None:
        """Do one operation on both sides; answers, refusals and all rows must agree."""
        self.stand.steps += 1
        self.agreed = False
        thought = {k: v for k, v in arguments.items() if k not in {"evidence", "explanation"}}
        expected = comparison.outcome(lambda: getattr(self.model, name)(**thought))
        done = comparison.outcome(lambda: getattr(operations, name)(self.connection, **arguments))
        self.stand.seen[name, comparison.word(expected)] += 1
        note(f"{name}: {expected}")
        assert comparison.agree(done, expected), f"{name}\n  ledger: {done}\n  model:  {expected}"
        if member := arguments.get("member_id"):
            self.compare(member)
        self.agreed = True

    def post(self, name: str, member: int, merchant: UUID, ref: str | None, **facts: Any) -> None:
        """Make the claim and the event of a call and play it."""
        self.made += 1
        event = Event(
            merchant_id=merchant,
            merchant_ref=f"{self.made}" if ref is None else ref,
            effective_at=self.now,
            **facts.pop("event", {}),
        )
        arguments = {"member_id": self.members[member], "event": event, "evidence": None, **facts}
        asked = sha256(f"{name} {arguments}".encode()).digest()
        key = f"{self.run}:{self.made}"
        arguments["claim"] = Claim(client_id=merchant, key=key, fingerprint=asked)
        self.calls.append((name, arguments))
        self.play(name, **arguments, **self._clocks(name))
        if self.made % RETRY_EVERY == 0:  # the answer was lost on its way
            self.play(name, **arguments, **self._clocks(name))

    def _clocks(self, name: str) -> dict[str, datetime]:
        if name in {"earn", "refund_earn", "refund_redeem"}:
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
            self.stack.close()
            # The next run begins where the clock of this one stands.
            while close_day(self.database, now=self.latest):
                pass
            wrong = faults(self.database)
            self.stand.spoilt = bool(wrong)
        assert not wrong or not self.agreed, "\n".join(wrong)

    # ---------------------------------------------------------------- wallets, clocks, days

    def open_wallet(self, member: int) -> None:
        """Open a wallet, perhaps again."""
        self.play("open_wallet", member_id=self.members[member])

    @rule(
        member=members,
        change=st.sampled_from(("open", "open", "active", "active", "spend_locked", "closed")),
    )
    def change_wallet(self, member: int, change: str) -> None:
        """Open a wallet, lock or unlock its spending; close it for good now and then."""
        if change == "open":
            self.open_wallet(member)
            return
        self.play("set_wallet_status", member_id=self.members[member], status=change)
        if change == "spend_locked":  # else most of the run would be refused
            self.redeem(member, MERCHANTS[0], None, 1, None)
            if self.made % 3:
                self.play("set_wallet_status", member_id=self.members[member], status="active")

    @rule(hours=st.sampled_from((1, 11, 24, 30, 24 * 3)), days=st.integers(0, 3))
    def programme_passes(self, hours: int, days: int) -> None:
        """Let programme time run; days that are due are closed soon or late, one at a time."""
        self.now += timedelta(hours=hours)
        self.latest = max(self.latest, self.now)
        # By a clock that is not behind: the audit holds an entry's moment against its day's flip.
        for _ in range(days):
            self.play("flip_day", now=self.latest)
            close_day(self.database, now=self.latest)

    @rule(minutes=st.sampled_from((10, 60, 23 * 60, 25 * 60, -1, -60, -25 * 60)))
    def clocks_differ(self, minutes: int) -> None:
        """Let wall time run, so that codes and holds age, or put a caller's programme time back."""
        if minutes > 0:
            self.wall += timedelta(minutes=minutes)
        else:
            self.now += timedelta(minutes=minutes)

    @rule(member=members)
    def night(self, member: int) -> None:
        """Expire, activate, release what is due."""
        self.play("mature", member_id=self.members[member], now=self.now, wall=self.wall)

    # ---------------------------------------------------------------- earning and spending

    @initialize(first=beginnings, second=beginnings)
    def begin(self, first: list[Any], second: list[Any]) -> None:
        """Let there be something to play with."""
        for member, purchase in enumerate((first, second)):
            self.earn(member, MERCHANTS[member], None, purchase, 0)

    @rule(member=members, line=lines)
    def earn_once_more(self, member: int, line: Any) -> None:
        """Buy one thing."""
        self.earn(member, line[1][0][0], None, [line], 0)

    @rule(
        member=members,
        merchant=merchants,
        ref=some_names,
        purchase=purchases,
        rest=st.sampled_from((0, 0, 50, None)),
    )
    def earn(
        self, member: int, merchant: UUID, ref: str | None, purchase: list[Any], rest: int | None
    ) -> None:
        """Buy something with points of several issuers; ``rest`` earns nothing."""
        today = local_date(self.now, zone=PROGRAMME_ZONE)
        grants = [
            Grant(
                issuer_id=issuer,
                terms_id=TERMS[issuer][terms],
                price=Decimal("950.5000000000") + terms,
                points=points,
                base=base,
                active_from=today + timedelta(days=waits),
                expires_on=today + timedelta(days=waits + lives),
                line=line,
            )
            for line, (base, funders) in enumerate(purchase)
            for issuer, terms, points, waits, lives in funders
        ]
        whole = sum(base for base, _ in purchase)
        amount = {"amount": None if rest is None else whole + rest}
        self.post("earn", member, merchant, ref, grants=grants, explanation=[], event=amount)

    @rule(member=members, merchant=merchants, ref=some_names, points=counts, code=codes)
    def redeem(self, member: int, merchant: UUID, ref: str | None, points: int, code: Any) -> None:
        """Pay with points at once."""
        self.post("redeem", member, merchant, ref, points=points, consent=self._consent(code))

    @rule(
        member=members,
        merchant=merchants,
        ref=some_names,
        points=counts,
        code=codes,
        life=st.sampled_from((5, 15, 60, 48 * 60)),
    )
    def authorise(
        self, member: int, merchant: UUID, ref: str | None, points: int, code: Any, life: int
    ) -> None:
        """Hold points."""
        until = self.wall + timedelta(minutes=life)
        consent = self._consent(code)
        self.post(
            "authorise", member, merchant, ref, points=points, hold_until=until, consent=consent
        )

    def _consent(self, code: tuple[str, int, int] | None) -> Consent | None:
        if code is None:
            return None
        name, limit, minutes = code
        return Consent(
            digest=sha256(name.encode()).digest(),
            expires_at=self.wall + timedelta(minutes=minutes),
            limit=limit,
        )

    @precondition(_any_wallet(lambda wallet: wallet.holds))
    @rule(member=members, aim=aims, points=st.one_of(st.none(), counts))
    def capture(self, member: int, aim: int, points: int | None) -> None:
        """Settle a hold in whole or part."""
        merchant, hold = self._hold(member, aim)
        self.post("capture", member, merchant, "", authorisation=hold, points=points)

    @precondition(_any_wallet(lambda wallet: wallet.holds))
    @rule(member=members, aim=aims)
    def void(self, member: int, aim: int) -> None:
        """Let a hold go."""
        merchant, hold = self._hold(member, aim)
        self.post("void", member, merchant, None, authorisation=hold)

    # ---------------------------------------------------------------- taking back

    @rule(
        member=members,
        merchant=merchants,
        ref=some_names,
        aim=aims,
        arrives=st.sampled_from((0, 0, 5)),
    )
    def reverse(self, member: int, merchant: UUID, ref: str | None, aim: int, arrives: int) -> None:
        """Reverse a named call, one of those made, or one that never came or arrives too late."""
        if ref is None and aim % 4:
            spent = [e for e in self._entries(member) if e.kind in {"authorisation", "redemption"}]
            if spent:
                chosen = spent[-1 - aim % len(spent)]
                merchant, ref = chosen.merchant_id or merchant, chosen.merchant_ref
        self.post("reverse", member, merchant, ref)
        if arrives:
            reversed_ref = self.calls[-1][1]["event"].merchant_ref
            self.redeem(member, merchant, reversed_ref, arrives, None)

    @rule(member=members, aim=aims, ref=names, amount=mostly(st.integers(1, 250), counts))
    def refund_purchase(self, member: int, aim: int, ref: str | None, amount: int) -> None:
        """Refund part of a purchase by an amount."""
        merchant, original = self._original(member, aim, {"issuance"})
        self.post(
            "refund_earn", member, merchant, ref, original=original, amount=amount, lines=None
        )

    @rule(
        member=members,
        aim=aims,
        ref=names,
        parts=st.lists(
            st.fixed_dictionaries(
                {"line": st.integers(0, 3), "amount": mostly(st.integers(1, 90), counts)}
            ),
            min_size=1,
            max_size=3,
        ),
    )
    def refund_lines(
        self, member: int, aim: int, ref: str | None, parts: list[dict[str, int]]
    ) -> None:
        """Refund lines of a purchase."""
        merchant, original = self._original(member, aim, {"issuance"})
        self.post("refund_earn", member, merchant, ref, original=original, amount=None, lines=parts)

    @rule(
        member=members, aim=aims, ref=names, points=counts, grace_days=st.sampled_from((1, 3, 30))
    )
    def give_back(
        self, member: int, aim: int, ref: str | None, points: int, grace_days: int
    ) -> None:
        """Refund part of a redemption."""
        kinds = {"redemption", "capture", "authorisation"}
        merchant, original = self._original(member, aim, kinds)
        self.post(
            "refund_redeem",
            member,
            merchant,
            ref,
            original=original,
            points=points,
            grace_days=grace_days,
        )

    # ---------------------------------------------------------------- saying it again

    @rule(
        aim=aims,
        changed=st.sampled_from(("nothing", "nothing", "nothing", "request", "member")),
        member=members,
    )
    def repeat(self, aim: int, changed: str, member: int) -> None:
        """Send an earlier call again, answered or refused then, perhaps not quite the same."""
        if not self.calls:
            return
        name, arguments = self.calls[-1 - aim % len(self.calls)]
        arguments = dict(arguments)
        if changed == "member":
            arguments["member_id"] = self.members[member]
        elif changed == "request":
            claim = arguments["claim"]
            arguments["claim"] = Claim(
                client_id=claim.client_id, key=claim.key, fingerprint=sha256(b"other").digest()
            )
        self.play(name, **arguments, **self._clocks(name))

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
