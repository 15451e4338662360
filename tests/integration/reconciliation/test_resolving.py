"""What people do with breaks and disputes: nothing moves on one person's word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from network import ids
from network.adjustments import service as adjusting
from network.ledger import queries as ledger
from network.ledger.errors import SamePerson
from network.money import queries as money
from network.operators.audit import verify
from network.reconciliation import deciding, disputes, queries, resolving
from network.reconciliation.corrections import Movement
from network.reconciliation.disputes import UnknownLineError
from network.reconciliation.errors import (
    BreakChangedError,
    BreakClosedError,
    CorrectionDecidedError,
    DisputeDecidedError,
    DisputeOpenError,
    InvalidCorrectionError,
    NothingToMoveError,
)
from network.reconciliation.facts import BreakView, CorrectionView
from network.services import Services
from tests.integration.reconciliation.desk import NEXT_DAY, Desk, at, jsonl
from tests.integration.settlement.office import open_office

LONG = "It was, by half. " * 60 + "Sorry."
MORNING = at(9, day=NEXT_DAY)
LATER = MORNING + timedelta(hours=1)


class Morning:
    """A day with three breaks, and two people who look at them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.anna, self.behnam = desk.operator("anna"), desk.operator("behnam")
        self.member = desk.wallet()
        desk.earn("R-1", member=self.member, points=10)
        desk.earn("R-2", member=self.member, amount=200_000, points=20)
        self.sold = desk.earn("R-3", member=self.member, amount=300_000, points=30)
        desk.close()
        lines = {each["merchant_ref"]: each for each in desk.lines()}
        lines["R-1"]["points"] = 14
        del lines["R-2"]
        lost = {**lines["R-3"], "merchant_ref": "L-1", "amount": 70_000, "points": 7}
        self.record = [*lines.values(), lost]
        desk.send(jsonl(self.record))

    def break_of(self, kind: str) -> BreakView:
        (found,) = self.desk.breaks(kind=kind)
        return found

    def resolve(self, kind: str, resolution: str, **how: Any) -> str:
        given = {"words": "Checked.", "by": self.anna, "now": MORNING, "wall": MORNING, **how}
        with self.desk.services.database.unit_of_work() as session:
            return resolving.resolve(
                session,
                break_id=self.break_of(kind).break_id,
                resolution=resolution,
                **given,
            )

    def waiting(self) -> list[CorrectionView]:
        with self.desk.services.database.reading() as session:
            return queries.corrections(session, state="proposed")

    def approve(self, correction_id: UUID, by: UUID) -> None:
        with self.desk.services.database.unit_of_work() as session:
            deciding.approve(session, correction_id=correction_id, by=by, now=LATER, wall=LATER)

    def decline(self, correction_id: UUID, by: UUID) -> None:
        with self.desk.services.database.unit_of_work() as session:
            deciding.decline(session, correction_id=correction_id, by=by, now=LATER, wall=LATER)

    def points(self) -> int:
        with self.desk.services.database.reading() as session:
            wallet = ledger.stored_wallet(session, member_id=self.member)
        assert wallet is not None
        return wallet.available


@pytest.fixture
def morning(desk: Desk) -> Morning:
    return Morning(desk)


def test_points_are_corrected_by_two_people_on_the_open_day(morning: Morning) -> None:
    before = morning.points()
    assert morning.resolve("points_differ", "accept_theirs") == "proposed"
    assert morning.resolve("missing_here", "post_earn") == "proposed"
    assert morning.points() == before
    more, lost = morning.waiting()
    assert (more.direction, more.points, more.resolution) == ("up", 4, "adjust_points")
    assert (lost.direction, lost.points, lost.resolution) == ("up", 7, "post_earn")
    with pytest.raises(SamePerson):
        morning.approve(more.correction_id, morning.anna)
    with pytest.raises(BreakClosedError):
        morning.resolve("points_differ", "accept_ours")

    morning.approve(more.correction_id, morning.behnam)
    morning.approve(lost.correction_id, morning.behnam)
    assert morning.points() == before + 11
    closed = morning.break_of("points_differ")
    assert (closed.state, closed.resolution, closed.closed_at) == (
        "resolved",
        "adjust_points",
        LATER,
    )
    with morning.desk.services.database.reading() as session:
        posted = queries.correction(session, correction_id=more.correction_id)
        said = [each.action for each in queries.history(session, break_id=closed.break_id)]
        assert verify(session).intact
    assert posted.business_date == NEXT_DAY
    assert said == ["proposed", "posted"]
    with pytest.raises(CorrectionDecidedError):
        morning.approve(more.correction_id, morning.behnam)

    # The record still says fourteen; what was settled stays settled.
    morning.desk.send(jsonl([*morning.record, morning.desk.record["R-2"]]), wall=LATER)
    assert morning.break_of("points_differ").state == "resolved"
    assert morning.break_of("missing_there").state == "gone"


def test_a_declined_correction_leaves_the_break_open(morning: Morning) -> None:
    before = morning.points()
    morning.resolve("missing_there", "accept_theirs")
    (wrong,) = morning.waiting()
    assert (wrong.direction, wrong.points) == ("down", 20)
    morning.decline(wrong.correction_id, morning.anna)
    assert morning.break_of("missing_there").state == "open"
    assert morning.points() == before
    assert morning.resolve("missing_there", "accept_ours") == "resolved"


def test_the_merchant_s_figure_closes_no_break_where_nothing_moves(morning: Morning) -> None:
    sold = {**morning.desk.record["R-3"], "amount": 310_000}
    morning.desk.send(jsonl([*morning.record[:-2], sold, morning.record[-1]]), wall=LATER)
    with pytest.raises(NothingToMoveError):
        morning.resolve("amount_differs", "accept_theirs")
    with pytest.raises(InvalidCorrectionError):
        morning.resolve("amount_differs", "write_off", words="  ")
    assert morning.break_of("amount_differs").state == "open"
    assert morning.resolve("amount_differs", "write_off", words="Typed by hand.") == "resolved"
    closed = morning.break_of("amount_differs")
    assert (closed.resolution, morning.waiting()) == ("write_off", [])
    with morning.desk.services.database.reading() as session:
        (told,) = queries.history(session, break_id=closed.break_id)
    assert (told.action, told.words) == ("resolved", "Typed by hand.")


def test_money_stands_on_the_open_day_s_statement(morning: Morning) -> None:
    with pytest.raises(NothingToMoveError):
        morning.resolve("missing_there", "adjust_money")
    morning.resolve("missing_there", "adjust_money", movement=Movement(amount=-19_600))
    (correction,) = morning.waiting()
    morning.approve(correction.correction_id, morning.behnam)
    shop = morning.desk.shop
    with morning.desk.services.database.reading() as session:
        on_the_day = money.returns(
            session, first_day=NEXT_DAY, end_day=NEXT_DAY + timedelta(days=1)
        )
        balances = money.balances(session, account="settlement")
        margin = money.balances(session, account="margin")
    assert on_the_day == {(shop, "IRR"): -19_600}
    assert balances[shop, "IRR"] == -sum(margin.values()) == -19_600


def test_what_a_later_record_no_longer_shows_is_not_corrected(morning: Morning) -> None:
    morning.resolve("missing_there", "accept_theirs")
    (correction,) = morning.waiting()
    morning.desk.send(jsonl([*morning.record, morning.desk.record["R-2"]]), wall=LATER)
    assert morning.break_of("missing_there").state == "proposed"
    with pytest.raises(BreakChangedError):
        morning.approve(correction.correction_id, morning.behnam)
    morning.decline(correction.correction_id, morning.behnam)
    assert morning.break_of("missing_there").state == "gone"


def test_the_page_of_the_wallet_decides_points_and_correction_together(
    morning: Morning, services: Services
) -> None:
    before = morning.points()
    morning.resolve("missing_there", "accept_theirs")
    (gone,) = morning.waiting()
    morning.desk.send(jsonl([*morning.record, morning.desk.record["R-2"]]), wall=LATER)
    assert gone.adjustment_id is not None
    wallet = f"/members/{ids.encode('mem', morning.member)}"
    action = f"/adjustments/{ids.encode('adj', gone.adjustment_id)}"
    with open_office(services) as office:
        page = office.head.get(wallet)
        refused = page.send(f"{action}/approve")
        assert "A later record of the day no longer shows this: decline it." in refused.text
        assert (morning.points(), morning.waiting()) == (before, [gone])
        assert "Declined: nothing was changed." in page.send(f"{action}/decline").text
        assert (morning.break_of("missing_there").state, morning.waiting()) == ("gone", [])

        morning.resolve("points_differ", "accept_theirs")
        (more,) = morning.waiting()
        assert more.adjustment_id is not None
        action = f"/adjustments/{ids.encode('adj', more.adjustment_id)}"
        assert "Approved, and done." in office.head.get(wallet).send(f"{action}/approve").text
    assert morning.points() == before + 4
    assert (morning.break_of("points_differ").state, morning.waiting()) == ("resolved", [])


@pytest.mark.parametrize("state", ["posted", "declined"])
def test_the_database_refuses_points_that_are_decided_without_their_correction(
    morning: Morning, state: str
) -> None:
    morning.resolve("points_differ", "accept_theirs")
    (correction,) = morning.waiting()
    about: dict[str, Any] = {"now": LATER, "adjustment_id": correction.adjustment_id}
    about["approved_by" if state == "posted" else "declined_by"] = morning.behnam
    act = adjusting.approve if state == "posted" else adjusting.decline
    with (
        pytest.raises(IntegrityError, match="with the correction that it is for"),
        morning.desk.services.database.unit_of_work() as session,
    ):
        act(session, **about)
    assert morning.waiting() == [correction]


def test_owners_and_comments_are_history(morning: Morning) -> None:
    found = morning.break_of("missing_here")
    with morning.desk.services.database.unit_of_work() as session:
        resolving.own(
            session,
            break_id=found.break_id,
            owner_id=morning.behnam,
            by=morning.anna,
            wall=MORNING,
        )
        resolving.comment(
            session,
            break_id=found.break_id,
            words="Their till was offline.",
            by=morning.behnam,
            wall=LATER,
        )
    with morning.desk.services.database.reading() as session:
        told = queries.history(session, break_id=found.break_id)
        (count,) = (each for each in queries.break_counts(session) if each.kind == "missing_here")
        ages = queries.breaks_opened_before(session, moments=[MORNING, LATER])
    assert [(each.action, each.words) for each in told] == [
        ("owned", None),
        ("comment", "Their till was offline."),
    ]
    assert morning.desk.breaks(owner_id=morning.behnam)[0].break_id == found.break_id
    assert (count.breaks, count.oldest) == (1, MORNING)
    assert ages == [0, 3]


def test_a_dispute_ends_in_a_correction_of_two_people(morning: Morning) -> None:
    desk = morning.desk
    about = {"merchant_id": desk.shop, "member_id": morning.member, "opened_by": "mk_live_test"}

    def disputed(**changes: Any) -> UUID:
        with desk.services.database.unit_of_work() as session:
            return disputes.open_dispute(
                session,
                desk.services.vault,
                **{
                    **about,
                    "sequence": morning.sold.sequence,
                    "reason": "points",
                    "words": "It was a double day.",
                    "wall": MORNING,
                    "points": 60,
                    **changes,
                },
            )

    dispute_id = disputed()
    with pytest.raises(DisputeOpenError):
        disputed()
    with pytest.raises(UnknownLineError):
        disputed(merchant_id=UUID(int=7))
    before = morning.points()
    with desk.services.database.unit_of_work() as session:
        state = disputes.accept(
            session,
            dispute_id=dispute_id,
            words="It was.",
            by=morning.anna,
            now=MORNING,
            wall=MORNING,
            movement=Movement(points=30),
        )
    assert state == "proposed"
    with pytest.raises(DisputeDecidedError), desk.services.database.unit_of_work() as session:
        disputes.reject(session, dispute_id=dispute_id, words="No.", by=morning.behnam, wall=LATER)
    (correction,) = morning.waiting()
    morning.decline(correction.correction_id, morning.behnam)
    with desk.services.database.unit_of_work() as session:
        disputes.accept(
            session,
            dispute_id=dispute_id,
            words=LONG,
            by=morning.anna,
            now=LATER,
            wall=LATER,
            movement=Movement(points=15),
        )
    (correction,) = morning.waiting()
    morning.approve(correction.correction_id, morning.behnam)
    assert morning.points() == before + 15
    with desk.services.database.reading() as session:
        found = queries.dispute(session, dispute_id=dispute_id)
        notes = queries.dispute_notes(session, dispute_id=dispute_id)
        (view,) = queries.disputes(session, merchant_id=desk.shop, limit=9)
        assert queries.disputes(session, undecided=True, limit=9) == []
    # The decision is what its proposer said, every word of it; who declined said nothing.
    assert (found.state, found.decision) == ("accepted", LONG)
    assert found.decided_by == morning.behnam
    anna, behnam = (ids.encode("opr", each) for each in (morning.anna, morning.behnam))
    assert [(each.author, each.words) for each in notes[1:]] == [
        (behnam, ""),
        (anna, LONG),
        (anna, LONG),
    ]
    assert view == found
    assert found.due_at - found.opened_at == disputes.DECIDED_WITHIN
    assert not found.overdue(found.due_at)
    assert [each.action for each in notes] == ["proposed", "declined", "proposed", "accepted"]
