"""Plays the steps of a scenario against the real ledger, on one fresh wallet."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from network.clock import local_date
from network.database.connection import Database
from network.ids import uuid7
from network.ledger import operations, queries
from network.ledger.errors import Refusal
from network.ledger.values import Claim, Consent, Event, Grant, Posted
from network.ledger.views import EntryView, StoredWallet, WalletView
from network.settings import PROGRAMME_ZONE
from tests.scenarios.ledger.reader import Scenario, Step

LIFE = timedelta(days=365)
ISSUERS = ("Bakery", "Grocer", "Dairy", "Miller", "Salter")
"""Who may be named in the books; the steps of the tie rely on the order of their ids."""
_FIGURES = ("available", "pending", "held", "debt")
_GRANT = re.compile(r"(?P<points>\d+)(?: by (?P<by>\w+))?")


def merchant(name: str) -> UUID:
    """Return the id of a merchant that scenarios call by name."""
    return uuid5(NAMESPACE_URL, f"scenario:{name.lower()}")


@dataclass(kw_only=True)
class Player:
    """One wallet, its clock, and the names that a scenario gave to entries."""

    database: Database
    start: datetime
    member_id: UUID = field(default_factory=uuid7)
    elapsed: timedelta = timedelta(0)
    named: dict[str, int] = field(default_factory=dict)
    wallets: dict[str, UUID] = field(default_factory=dict)
    calls: int = 0
    last: Posted | None = None
    before: StoredWallet | None = None

    @property
    def now(self) -> datetime:
        """Return the scenario's present: programme and wall time run together here."""
        return self.start + self.elapsed

    @property
    def today(self) -> date:
        """Return the scenario's calendar day."""
        return local_date(self.now, zone=PROGRAMME_ZONE)

    def play(self, scenario: Scenario) -> None:
        """Play every step and check after each what it says and what must always hold."""
        self.meet("Member")
        for step in scenario.steps:
            self._play(step)

    def meet(self, name: str) -> UUID:
        """Return the wallet that a scenario calls by name, opened at its first mention."""
        if name not in self.wallets:
            self.wallets[name] = self.member_id if name == "Member" else uuid7()
            with self.database.ledger() as connection:
                operations.open_wallet(connection, member_id=self.wallets[name])
        return self.wallets[name]

    def _play(self, step: Step) -> None:
        self.before = self._wallet()
        verb: Callable[[Step], Posted | None] = VERBS[step.does]
        refused = ""
        self.last = None
        try:
            self.last = verb(self, step)  # type: ignore[call-arg, arg-type]
        except Refusal as refusal:
            refused = refusal.code
        self._check_then(step, refused)
        if step.books:
            assert self.last is not None, f"{step.where}: nothing was posted"
            entry = self._entry(self.last)
            told = step.books.split("; ")
            assert self._books(entry, step.books) == sorted(told), step.where
        self._check_sums(step)

    def _check_then(self, step: Step, refused: str) -> None:
        figures = dict.fromkeys(_FIGURES, 0)
        expected_refusal = ""
        for part in filter(None, step.then.split(", ")):
            name, _, value = part.rpartition(" ")
            if name == "refused":
                expected_refusal = value
            elif name in figures:
                figures[name] = int(value)
            elif name == "spendable":
                assert self.ahead().spendable == int(value), step.where
            elif name == "status":
                assert self._wallet().status == value, step.where
            elif name == "again":
                assert self.last is not None, f"{step.where}: {refused}"
                assert self.last.replayed, f"{step.where}: not a replay"
                assert self.last.sequence == self.named[value], step.where
            else:
                assert self.last is not None, f"{step.where}: {refused}"
                result = {"replayed": self.last.replayed} | self.last.result
                assert str(result[name]) == value, f"{step.where}: {result}"
        assert refused == expected_refusal, f"{step.where}: {refused or 'not refused'}"
        after = self._wallet()
        if expected_refusal:
            assert after == self.before, f"{step.where}: a refusal changed the wallet"
            return
        shown = {name: getattr(after, name) for name in _FIGURES}
        assert shown == figures, f"{step.where}: {shown}"

    def _check_sums(self, step: Step) -> None:
        with self.database.reading() as session:
            wallet = queries.stored_wallet(session, member_id=self.member_id)
            lots = queries.lots(session, member_id=self.member_id, open_only=False)
            entries = queries.entries(session, member_id=self.member_id, limit=1000)
        assert wallet is not None
        assert wallet.available == sum(lot.remaining for lot in lots if lot.active), step.where
        assert wallet.pending == sum(lot.remaining for lot in lots if not lot.active), step.where
        assert wallet.held == sum(lot.held for lot in lots), step.where
        for account in _FIGURES:
            total = sum(entry.change(account) for entry in entries)
            sign = -1 if account == "debt" else 1
            assert total * sign == getattr(wallet, account), f"{step.where}: {account}"
        assert all(sum(p.points for p in entry.postings) == 0 for entry in entries), step.where
        assert wallet.sequence == len(entries), step.where

    def _wallet(self) -> StoredWallet:
        with self.database.reading() as session:
            wallet = queries.stored_wallet(session, member_id=self.member_id)
        assert wallet is not None
        return wallet

    def ahead(self) -> WalletView:
        """Return the member's wallet as the next call that spends will find it."""
        with self.database.reading() as session:
            wallet = queries.wallet(session, member_id=self.member_id, now=self.now, wall=self.now)
        assert wallet is not None
        return wallet

    def _entry(self, posted: Posted) -> EntryView:
        with self.database.reading() as session:
            entry = queries.entry(session, member_id=posted.member_id, sequence=posted.sequence)
        assert entry is not None
        return entry

    def _books(self, entry: EntryView, told: str) -> list[str]:
        """Return the entry's movements, one "source → target points" each, sorted.

        Where the table says so, with "of Issuer", and "priced on day 3" after the first day.
        """
        of = {merchant(name): f" of {name}" for name in ISSUERS} if " of " in told else {}
        lines = []
        for source, target in zip(entry.postings[::2], entry.postings[1::2], strict=True):
            line = f"{source.account} → {target.account} {target.points}"
            line += of.get(source.issuer_id, "")
            if "priced on" in told and source.priced_on:
                line += f" priced on day {self.day(source.priced_on)}"
            lines.append(line)
        return sorted(lines)

    def day(self, day: date) -> int:
        """Return how many days after the scenario's first one a day is."""
        return (day - local_date(self.start, zone=PROGRAMME_ZONE)).days

    def call(self, operation: Callable[..., Posted], step: Step, **arguments: Any) -> Posted:
        """Post through ``operation`` with the claim, event and clock that the step asks for."""
        self.calls += 1
        who = merchant(step.who)
        if " in person" in step.what:
            arguments["follow"] = True
        if operation not in {operations.earn, operations.refund_earn, operations.refund_redeem}:
            arguments["wall"] = self.now
        with self.database.ledger() as connection:
            posted = operation(
                connection,
                now=self.now,
                claim=self.claim(step),
                member_id=self.member_id,
                event=Event(
                    merchant_id=who,
                    merchant_ref=word(step.what, "ref") or f"auto-{self.calls}",
                    effective_at=self.now,
                    **arguments.pop("event", {}),
                ),
                evidence=None,
                **arguments,
            )
        if name := word(step.what, "as"):
            self.named[name] = posted.sequence
        return posted

    def claim(self, step: Step) -> Claim:
        """Return the step's key, one of its own unless it names one."""
        key = word(step.what, "key") or str(self.calls)
        return Claim(
            client_id=merchant(step.who),
            key=f"{self.wallets['Member']}:{key}",
            fingerprint=sha256(f"{step.does} {step.what}".encode()).digest(),
        )

    def original(self, step: Step) -> int:
        """Return the entry that the step names after "of"; an unknown name is no entry at all."""
        return self.named.get(word(step.what, "of") or "", 999)

    def consent(self, step: Step) -> Consent | None:
        """Return the member's code where the step shows one: "code X", "limit N"."""
        code = word(step.what, "code")
        if code is None:
            return None
        expired = "stale" in step.what
        return Consent(
            digest=sha256(f"{self.member_id}:{code}".encode()).digest(),
            expires_at=self.now + timedelta(minutes=-1 if expired else 1),
            limit=int(word(step.what, "limit") or 1_000_000),
        )


def word(what: str, name: str) -> str | None:
    """Return the word after a name: "as A", "key k1"."""
    found = re.search(rf"\b{name} ([\w-]+)", what)
    return found.group(1) if found else None


def number(what: str) -> int:
    """Return the number that a step's details begin with."""
    found = re.match(r"-?\d+", what)
    assert found, what
    return int(found.group())


def span(what: str, name: str) -> timedelta | None:
    """Return the time after a name: "expiring in 30 days"."""
    found = re.search(rf"{name}(\d+) (day|hour|minute)s?", what)
    return timedelta(**{f"{found.group(2)}s": int(found.group(1))}) if found else None


def _earns(player: Player, step: Step) -> Posted:
    """Read "100 for 1000", "40 for 400 + 60 for 600", "40 by A & 15 by B for 1000"."""
    begins = player.today + (span(step.what, "pending for ") or timedelta(0))
    life = span(step.what, "expiring in ")
    ends = player.today + (LIFE if life is None else life)
    grants = []
    total = 0
    for line, part in enumerate(re.split(r"[,;]", step.what)[0].split(" + ")):
        shares, _, base = part.partition(" for ")
        amount = number(base)
        total += amount
        for share in shares.split(" & "):
            found = _GRANT.match(share)
            assert found, step.where
            issuer = merchant(found["by"] or step.who)
            grants.append(
                Grant(
                    issuer_id=issuer,
                    terms_id=issuer,
                    price=Decimal("950.5"),
                    points=int(found["points"]),
                    base=amount,
                    active_from=begins,
                    expires_on=ends,
                    line=line,
                    locked_to=merchant(locked) if (locked := word(step.what, "only at")) else None,
                )
            )
    whole = int(word(step.what, "purchase") or total)
    return player.call(
        operations.earn,
        step,
        grants=grants,
        explanation=[],
        event={"amount": whole, "base": whole, "currency": "IRR"},
    )


def _authorises(player: Player, step: Step) -> Posted:
    life = span(step.what, "for ") or timedelta(minutes=15)
    return player.call(
        operations.authorise,
        step,
        points=number(step.what),
        hold_until=player.now + life,
        consent=player.consent(step),
    )


def _captures(player: Player, step: Step) -> Posted:
    points = None if step.what.startswith("all") else number(step.what)
    return player.call(operations.capture, step, authorisation=player.original(step), points=points)


def _voids(player: Player, step: Step) -> Posted:
    return player.call(operations.void, step, authorisation=player.original(step))


def _redeems(player: Player, step: Step) -> Posted:
    return player.call(
        operations.redeem, step, points=number(step.what), consent=player.consent(step)
    )


def _reverses(player: Player, step: Step) -> Posted:
    return player.call(operations.reverse, step)


def _refunds(player: Player, step: Step) -> Posted:
    line = word(step.what, "line")
    amount = number(step.what)
    return player.call(
        operations.refund_earn,
        step,
        original=player.original(step),
        amount=None if line else amount,
        lines=[{"line": int(line), "amount": amount}] if line else None,
    )


def _gives_back(player: Player, step: Step) -> Posted:
    grace = span(step.what, "grace ") or timedelta(days=30)
    return player.call(
        operations.refund_redeem,
        step,
        original=player.original(step),
        points=number(step.what),
        grace_days=grace.days,
    )


def _passes(player: Player, step: Step) -> None:
    time = span(step.what, "")
    assert time, step.where
    player.elapsed += time


def _runs(player: Player, step: Step) -> Posted | None:
    expected = player.ahead()
    with player.database.ledger() as connection:
        done = operations.mature(
            connection, now=player.now, wall=player.now, member_id=player.member_id
        )
    found = player.ahead()
    assert replace(expected, sequence=found.sequence, due_on=found.due_on) == found, step.where
    return done


def _sets(player: Player, step: Step) -> None:
    with player.database.ledger() as connection:
        operations.set_wallet_status(
            connection, member_id=player.member_id, status=step.what.replace(" ", "_")
        )


VERBS: dict[str, Any] = {
    "earns": _earns,
    "authorises": _authorises,
    "captures": _captures,
    "voids": _voids,
    "redeems": _redeems,
    "reverses": _reverses,
    "refunds": _refunds,
    "gives back": _gives_back,
    "passes": _passes,
    "runs": _runs,
    "sets": _sets,
}


def beginning() -> datetime:
    """Return an hour of the day at which no step of a few minutes crosses a midnight."""
    return datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
