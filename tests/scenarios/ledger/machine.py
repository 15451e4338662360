"""Random play: every step is done by the ledger and by the model, and all they hold is compared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from network.clock import local_date
from network.ledger.values import Claim, Consent
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
from tests.scenarios.ledger.frame import Frame, granted
from tests.scenarios.ledger.model.books import Wallet
from tests.scenarios.ledger.stand import MERCHANTS


def _any_wallet(test: Callable[[Wallet], object]) -> Callable[[Any], bool]:
    return lambda machine: any(test(wallet) for wallet in machine.model.wallets.values())


class Machine(Frame):
    """The machine with the calls of tills, single steps of them."""

    # ---------------------------------------------------------------- wallets, clocks, days

    @rule(
        member=members,
        change=st.sampled_from(("open", "active", "active", "spend_locked", "closed")),
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
        self.close_days(days)

    @rule(
        days=mostly(st.just(2), st.sampled_from((5, 35))),  # each close makes partitions
        most=st.sampled_from((0, 1, 40)),
    )
    def nobody_there(self, days: int, most: int) -> None:
        """Let nothing run for days; then the missed days close one after the other, or some do."""
        self.programme_passes(24 * days, 0)
        self.close_days(most)

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
        clocks: dict[str, Any] = {
            "member_id": self.members[member],
            "now": self.now,
            "wall": self.wall,
        }
        before = comparison.ahead(self.connection, **clocks)
        self.play("mature", **clocks)
        assert comparison.ahead(self.connection, **clocks) == before
        wallet = self.model.wallets.get(self.members[member])
        assert before is None or wallet is None or before[:4] == (*wallet.figures().values(),)

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
        whole = sum(base for base, _ in purchase)
        self.post(
            "earn",
            member,
            merchant,
            ref,
            grants=granted(purchase, today),
            explanation=[],
            event={"amount": None if rest is None else whole + rest},
        )

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
        until = self.in_minutes(life)
        consent = self._consent(code)
        self.post(
            "authorise", member, merchant, ref, points=points, hold_until=until, consent=consent
        )

    def in_minutes(self, minutes: int) -> datetime:
        """Return a moment of wall time, so many minutes from now."""
        return self.wall + timedelta(minutes=minutes)

    def _consent(self, code: tuple[str, int, int] | None) -> Consent | None:
        if code is None:
            return None
        name, limit, minutes = code
        return Consent(
            digest=sha256(name.encode()).digest(),
            expires_at=self.in_minutes(minutes),
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
