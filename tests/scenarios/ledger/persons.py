"""The machine's people at tills, whose points may be elsewhere, and issuers that are suspended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.scenarios.ledger.choices import aims, codes, lines, members, merchants, some_names
from tests.scenarios.ledger.frame import POOL, granted
from tests.scenarios.ledger.promotions import Promotions

DOINGS = ("earn", "redeem", "redeem", "authorise", "reverse")


class Persons(Promotions):
    """The machine with calls that follow a person, and with suspensions."""

    @rule(
        aim=aims,
        merchant=merchants,
        ref=some_names,
        doing=st.sampled_from(DOINGS),
        line=lines,
        points=st.integers(1, 30),
        code=codes,
    )
    def come_in_person(
        self,
        aim: int,
        merchant: UUID,
        ref: str | None,
        doing: str,
        line: Any,
        points: int,
        code: Any,
    ) -> None:
        """Buy, pay or reverse as a person whose wallet may have moved, mostly one that has."""
        moved = self._moved()
        person = moved[aim % len(moved)] if moved and aim < 13 else aim % len(self.members)
        facts: dict[str, Any] = {"follow": True}
        if doing == "earn":
            facts |= {"grants": granted([line], self.model.day), "explanation": []}
            facts["event"] = {"amount": line[0]}
        elif doing != "reverse":
            facts |= {"points": points, "consent": self._consent(code)}
        if doing == "authorise":
            facts["hold_until"] = self.in_minutes(15)
        self.post(doing, person, merchant, ref, **facts)

    @rule(
        member=members,
        merchant=merchants,
        points=st.integers(1, 20),
        minutes=st.sampled_from((1, 16)),
        away=st.booleans(),
    )
    def pay_as_one_of_many(
        self, member: int, merchant: UUID, points: int, minutes: int, *, away: bool
    ) -> None:
        """Pay, join, hold and pay there in person, perhaps leave, and take all of it back."""
        self.redeem(member, merchant, None, 1, None)
        alone = self.calls[-1][1]["event"].merchant_ref
        self.join(member, POOL, anew=False)
        home = self.members.index(self.model.home(self.members[member]))
        for doing in ("authorise", "redeem"):
            extra = {"hold_until": self.in_minutes(15)} if doing == "authorise" else {}
            self.post(
                doing, member, merchant, None, points=points, consent=None, follow=True, **extra
            )
        paid = self.calls[-1][1]["event"].merchant_ref
        self.clocks_differ(minutes)
        self.night(home)
        if away:
            self.leave(member, 0, points % 4)
        _, hold = self._hold(home, 0)
        self.post("capture", home, merchant, "", authorisation=hold, points=None)
        for ref in (paid, alone):
            self.post("reverse", member, merchant, ref, follow=True)

    @rule(
        issuer=merchants,
        member=members,
        points=st.integers(1, 40),
        line=lines,
        lifted=st.sampled_from((True, True, True, False)),
    )
    def stop_an_issuer(
        self, issuer: UUID, member: int, points: int, line: Any, *, lifted: bool
    ) -> None:
        """Suspend an issuer's points, try what it forbids and what it lets be, and lift it."""
        self.authorise(member, issuer, None, points, None, 15)
        self.suspend(issuer, wanted=True)
        self.redeem(member, issuer, None, points, None)
        self.give(member, (member + 1) % POOL, points)
        self.earn(member, issuer, None, [line], 0)
        self.earn(member, issuer, None, [(100, [(issuer, 0, points, 0, 365)])], 0)
        merchant, hold = self._hold(member, 0)
        self.post("capture", member, merchant, "", authorisation=hold, points=None)
        self.give_back(member, 0, None, points, 3)
        if lifted:
            self.suspend(issuer, wanted=False)
            self.redeem(member, issuer, None, points, None)
