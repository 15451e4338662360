"""One run of every stand begins with a walk through all operations, so that none goes unplayed."""

from __future__ import annotations

from hypothesis.stateful import initialize

from tests.scenarios.ledger.frame import POOL
from tests.scenarios.ledger.persons import Persons
from tests.scenarios.ledger.stand import MERCHANTS, PEOPLE

_FIRST, _SECOND, _ = MERCHANTS
_GOODS = [(100, [(_FIRST, 0, 60, 0, 365)])]
_LATER = [(100, [(_FIRST, 0, 10, 4, 365)])]


class Tour(Persons):
    """The whole machine."""

    @initialize()
    def walk(self) -> None:
        """Let a member who is new do everything once, with success."""
        if self.stand.toured:
            return
        self.open_wallet(2)
        self._till()
        self._holds()
        self._desk()
        self._company()
        self._fair()
        self._courts()
        self.stand.toured = True

    def _till(self) -> None:
        self.earn(2, _SECOND, None, [(100, [(_SECOND, 0, 9, 0, 365)])], 0)
        self.redeem(2, _FIRST, None, 9, None)
        self.refund_purchase(2, 0, None, 100)
        self.ask("write_off", 2, issuer_id=_SECOND, points=4, approval=self.approval(PEOPLE))
        self.earn(2, _FIRST, None, _GOODS, 0)
        self.repeat(0, "nothing", 2)
        self.earn(2, _FIRST, None, _LATER, 0)
        self.redeem(2, _SECOND, None, 7, None)
        self.give_back(2, 0, None, 3, 2)
        self.refund_purchase(2, 0, None, 10)
        item = _GOODS[0]
        self.buy_together(
            _FIRST, [(2, None, item, "again"), (2, None, _LATER[0], ""), (1, None, item, "")]
        )

    def _holds(self) -> None:
        self.authorise(2, _SECOND, None, 5, None, 15)
        merchant, hold = self._hold(2, 0)
        self.post("capture", 2, merchant, "", authorisation=hold, points=None)
        for reversed_ in (False, True):
            self.think_better_of_it(2, 5, 1, night=False, reversed_=reversed_)
        self.redeem(2, _SECOND, "tour", 5, None)
        self.post("reverse", 2, _SECOND, "tour")
        self.repeat(0, "nothing", 2)
        self.post("reverse", 2, _SECOND, "never came")

    def _desk(self) -> None:
        self.play("set_wallet_status", member_id=self.members[2], status="active")
        self.extend(2, 0, 1, 30)
        self.correct_upwards(2, _FIRST, 5, PEOPLE, 0)
        self.correct_downwards(2, 0, 2, PEOPLE)
        self.close_days(1)

    def _courts(self) -> None:
        self.suspend(_FIRST, wanted=True)
        self.earn(0, _FIRST, None, _GOODS, 0)
        self.suspend(_FIRST, wanted=False)

    def _fair(self) -> None:
        self.open_campaign(60, 20, None)
        self.promote(0, _FIRST, None, [(1, _SECOND, 11)], 0)
        self.promote(0, _FIRST, None, [(1, _SECOND, 11)], None)
        self.promote(0, _FIRST, None, [(1, _SECOND, 1)], -1)
        self.run_campaign(1, running=False)
        self.promote(0, _FIRST, None, [(1, _SECOND, 1)], None)
        self.open_campaign(16, None, None)
        self.promote(0, _FIRST, None, [(2, _SECOND, 30)], None)

    def _company(self) -> None:
        self.give(2, 1, 4)
        self.repeat(0, "nothing", 2)
        self.join(2, POOL, anew=False)
        self.refund_purchase(2, 0, None, 50)
        self.play("forward", member_id=self.members[2], now=self.now, wall=self.wall)
        self.ask("leave_pool", 2, pool=self.members[POOL], points=2)
        self.earn(2, _FIRST, None, _LATER, 0)
        self.merge(2, 1, anew=True)
        self.close_account(2, settled=False)
        self.programme_passes(24 * 6, 1)
        self.night(1)
