"""What the bank says of payments: booked, sent back, cancelled, a deposit, or nothing of ours."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from network.clock import wall_now
from network.exposure.cover import CoverError, Movement
from network.money import audit
from network.money import queries as money
from network.money.cancelling import CancellationError
from network.money.errors import BankLineAgainError
from network.operators import proposals
from network.operators.errors import ProposalError
from network.services import Services
from settlement import second_person
from settlement.payments.answers import BankFileError
from settlement.payments.importing import take_answers
from tests.integration.settlement.bank import HOUSE_IBAN, Booking, statement
from tests.integration.settlement.coalition import (
    BAKER,
    DAY,
    GROCER,
    IBANS,
    NEXT_DAY,
    Coalition,
)
from tests.integration.settlement.paying import (
    ANNA,
    BEHNAM,
    balance,
    cancelled,
    made,
    payments,
    release,
    taken,
    totals,
)
from tests.integration.settlement.pictures import settle


def test_a_return_stands_on_the_next_statement_and_clearing_comes_back_to_zero(
    banked: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    release(paying)
    paid, owed = (payments(paying)[each].fact for each in (BAKER, GROCER))
    before = totals(paying, 0)
    booked = Booking(reference="R1", end_to_end_id=paid.end_to_end_id, amount=2827)
    back = replace(booked, reference="R2", credit=True, reason="AC04")
    received = Booking(reference="R3", end_to_end_id=owed.end_to_end_id, amount=3185, credit=True)
    assert taken(paying, booked).outcomes == {"settled": 1}
    alone = take_answers(paying, content=statement(received), by=ANNA, now=wall_now())
    assert alone.effects == (("settled", owed.end_to_end_id, 3185),)
    assert payments(paying)[GROCER].state == "released"
    assert alone.proposal is not None
    with paying.database.unit_of_work() as session:
        second_person.approve(
            session, proposal_id=alone.proposal.proposal_id, by=BEHNAM, now=wall_now()
        )
    assert balance(paying, "clearing") == 0
    assert balance(paying, "bank") == 2827 - 3185
    # The open business day is still the second one: its window has not begun to close.
    assert taken(paying, back, number=2).outcomes == {"returned": 1}
    assert payments(paying)[BAKER].state == "returned"
    assert balance(paying, "clearing") == 0
    settle(paying, NEXT_DAY)
    assert totals(paying, 0) == before
    following = totals(paying, 1)[BAKER]
    # Baker: opening 0, net −1010, 2827 came back, so 1817 is paid anew.
    assert (following.opening, following.net, following.returned) == (0, -1010, 2827)
    assert (following.paid, following.closing) == (1817, 0)


def test_what_the_bank_says_twice_or_wrongly_moves_nothing(
    banked: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    paid = payments(paying)[BAKER].fact
    early = Booking(reference="W0", end_to_end_id=paid.end_to_end_id, amount=2827)
    assert taken(paying, early, number=9).outcomes == {"mismatched": 1}  # nobody released it
    release(paying)
    right = Booking(reference="R1", end_to_end_id=paid.end_to_end_id, amount=2827)
    content = [
        replace(right, reference="W1", amount=2826),
        replace(right, reference="W2", credit=True),
        replace(right, reference="W3", end_to_end_id="PVNOBODYKNOWS"),
        replace(right, reference="W4", end_to_end_id=None),
        replace(right, reference="W5", status="PDNG"),
    ]
    assert taken(paying, *content).outcomes == {"mismatched": 2, "unknown": 2}
    foreign = statement(right).replace(HOUSE_IBAN.encode(), IBANS[GROCER].encode())
    with pytest.raises(BankFileError) as other:
        take_answers(paying, content=foreign, by=ANNA, now=wall_now())
    assert other.value.reason == "other_account"
    assert balance(paying, "bank") == 0
    assert taken(paying, right, number=2).outcomes == {"settled": 1}
    again = taken(paying, right, replace(right, reference="R9"), number=3)
    assert (again.known, again.outcomes) == (1, {"duplicate": 1})
    assert balance(paying, "bank") == 2827


def test_a_payment_the_bank_never_answered_comes_back_on_two_peoples_word(
    banked: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    payout, awaited = (payments(paying)[each].fact for each in (BAKER, GROCER))
    with (
        pytest.raises(CancellationError) as early,
        paying.database.unit_of_work() as session,
    ):
        second_person.propose_cancellation(
            session, payment_id=payout.payment_id, reason="x", by=ANNA, now=wall_now()
        )
    assert early.value.reason == "not_released"
    release(paying)
    given_out = made(paying)
    with paying.database.unit_of_work() as session:
        proposal = second_person.propose_cancellation(
            session, payment_id=payout.payment_id, reason="no answer", by=ANNA, now=wall_now()
        )
    with pytest.raises(ProposalError) as alone, paying.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=ANNA, now=wall_now())
    assert alone.value.reason == "same_person"
    with pytest.raises(ProposalError) as twice:
        cancelled(paying, payout.payment_id)
    assert twice.value.reason == "waiting"
    assert balance(paying, "clearing") == 2827 - 3185
    with paying.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())
    cancelled(paying, awaited.payment_id)
    assert {each.state for each in payments(paying).values()} == {"cancelled"}
    assert balance(paying, "clearing") == 0
    # The bank has had the file: it stays as it was, and says that a payment of it came back.
    again = made(paying)
    assert (again.content, again.digest) == (given_out.content, given_out.digest)
    assert (given_out.withdrawn, again.withdrawn) == (0, 1)
    settle(paying, NEXT_DAY)
    following = totals(paying, 1)
    # Baker: opening 0, net −1010, 2827 back: 1817 anew. Grocer: −3185 back, and 980 of the day.
    assert (following[BAKER].returned, following[BAKER].paid) == (2827, 1817)
    assert (following[GROCER].returned, following[GROCER].closing) == (-3185, 0)
    assert settle(paying, NEXT_DAY).replayed


def test_a_booking_after_the_cancellation_counts(banked: Coalition, paying: Services) -> None:
    settle(paying, DAY)
    release(paying)
    fact = payments(paying)[BAKER].fact
    cancelled(paying, fact.payment_id)
    booked = Booking(reference="R1", end_to_end_id=fact.end_to_end_id, amount=2827)
    assert taken(paying, booked).outcomes == {"late": 1}
    assert payments(paying)[BAKER].state == "settled"
    assert balance(paying, "bank") == 2827
    # The grocer's collection is still under way.
    assert balance(paying, "clearing") == -3185
    with pytest.raises(CancellationError) as refused:
        cancelled(paying, fact.payment_id)
    assert refused.value.reason == "answered"
    back = replace(booked, reference="R2", credit=True, reason="AC04")
    assert taken(paying, back, number=2).outcomes == {"returned": 1}
    settle(paying, NEXT_DAY)
    assert totals(paying, 1)[BAKER].returned == 2827


def test_what_the_bank_returns_after_the_cancellation_is_not_counted_twice(
    banked: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    release(paying)
    fact = payments(paying)[BAKER].fact
    cancelled(paying, fact.payment_id)
    back = Booking(
        reference="R1",
        end_to_end_id=fact.end_to_end_id,
        amount=2827,
        credit=True,
        reason="AC04",
    )
    assert taken(paying, back).outcomes == {"duplicate": 1}
    assert balance(paying, "clearing") == -3185


def entered(services: Services, reference: str, *, amount: int) -> UUID:
    """Propose a deposit of the grocer's by the bank's reference."""
    movement = Movement(merchant_id=GROCER, account="deposit", act="received", amount=amount)
    with services.database.unit_of_work() as session:
        return second_person.propose_cover(
            session,
            movement=movement,
            bank_ref=reference,
            reason="agreed",
            by=ANNA,
            now=wall_now(),
        ).proposal_id


def approved(services: Services, proposal_id: UUID) -> None:
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal_id, by=BEHNAM, now=wall_now())


@pytest.mark.parametrize("waits", [True, False])
def test_a_booking_that_is_a_deposit_answers_no_payment(
    banked: Coalition, paying: Services, *, waits: bool
) -> None:
    settle(paying, DAY)
    release(paying)
    fact = payments(paying)[GROCER].fact
    proposal_id = entered(paying, "ab 1", amount=3185)
    if not waits:
        approved(paying, proposal_id)
    booked = Booking(reference="AB  1", end_to_end_id=fact.end_to_end_id, amount=3185, credit=True)
    assert taken(paying, booked).outcomes == {"duplicate": 1}
    assert (payments(paying)[GROCER].state, balance(paying, "clearing")) == ("released", -358)
    if waits:
        approved(paying, proposal_id)
    assert (balance(paying, "deposit"), balance(paying, "bank")) == (3185, -3185)


def test_a_reference_that_no_bank_gives_is_refused_and_not_cut(
    banked: Coalition, paying: Services
) -> None:
    with pytest.raises(CoverError) as refused:
        entered(paying, "X" * 72, amount=1)
    assert refused.value.reason == "bank_ref_long"


def test_a_booking_that_answered_a_payment_is_no_deposit(
    banked: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    release(paying)
    fact = payments(paying)[GROCER].fact
    booked = Booking(reference="AB  1", end_to_end_id=fact.end_to_end_id, amount=3185, credit=True)
    waiting = take_answers(paying, content=statement(booked), by=ANNA, now=wall_now()).proposal
    assert waiting is not None
    # Both are proposed while neither has counted; whichever is approved first is the one.
    with paying.database.unit_of_work() as session:
        movement = Movement(merchant_id=GROCER, account="deposit", act="received", amount=3185)
        proposal = second_person.propose_cover(
            session,
            movement=movement,
            bank_ref="ab 1",
            reason="agreed",
            by=ANNA,
            now=wall_now(),
        )
        # Nobody else sees the proposal yet.
        approved(paying, waiting.proposal_id)
    assert payments(paying)[GROCER].state == "settled"
    with pytest.raises(CoverError) as refused:
        approved(paying, proposal.proposal_id)
    assert refused.value.reason == "bank_ref_answered"
    assert (balance(paying, "deposit"), balance(paying, "bank")) == (0, -3185)


def test_a_statement_with_returns_moves_nothing_on_one_persons_word(
    banked: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    release(paying)
    fact = payments(paying)[BAKER].fact
    booked = Booking(reference="R1", end_to_end_id=fact.end_to_end_id, amount=2827)
    back = replace(booked, reference="R2", credit=True, reason="AC04")
    content = statement(booked, back)
    found = take_answers(paying, content=content, by=ANNA, now=wall_now())
    assert found.proposal is not None
    assert found.effects == (("returned", fact.end_to_end_id, 2827),)
    assert payments(paying)[BAKER].state == "released"
    with pytest.raises(ProposalError) as waits:
        take_answers(paying, content=content, by=BEHNAM, now=wall_now())
    assert waits.value.reason == "waiting"
    # Somebody takes the booking by itself meanwhile: what both saw would not be what happens.
    assert taken(paying, booked, number=2).outcomes == {"settled": 1}
    proposal_id = found.proposal.proposal_id
    with pytest.raises(BankFileError) as changed, paying.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal_id, by=BEHNAM, now=wall_now())
    assert changed.value.reason == "effect_changed"
    assert payments(paying)[BAKER].state == "settled"
    assert taken(paying, booked, back, number=3).outcomes == {"returned": 1}
    assert payments(paying)[BAKER].state == "returned"


def test_a_booking_whose_deposit_was_declined_counts_after_all(
    banked: Coalition, paying: Services
) -> None:
    """The bank's line came while somebody wanted the booking to be a deposit; nobody does now."""
    settle(paying, DAY)
    release(paying)
    owed = payments(paying)[GROCER].fact
    booked = Booking(
        reference="X 1", end_to_end_id=owed.end_to_end_id, amount=owed.amount, credit=True
    )
    movement = Movement(merchant_id=GROCER, account="deposit", act="received", amount=owed.amount)
    with paying.database.unit_of_work() as session:
        wanted = second_person.propose_cover(
            session, movement=movement, bank_ref="x  1", reason="in", by=ANNA, now=wall_now()
        )
    assert taken(paying, booked).outcomes == {"duplicate": 1}
    with paying.database.reading() as session:
        (line,) = money.bank_answers(session, findings_only=True, limit=9)

    def again() -> UUID:
        with paying.database.unit_of_work() as session:
            return second_person.propose_again(
                session, bank_answer_id=line.bank_answer_id, reason="x", by=ANNA, now=wall_now()
            ).proposal_id

    def refused() -> str:
        with pytest.raises(BankLineAgainError) as error:
            again()
        return error.value.reason

    assert refused() == "entered"
    with paying.database.unit_of_work() as session:
        proposals.decide(
            session, proposal_id=wanted.proposal_id, approved=False, by=BEHNAM, now=wall_now()
        )
    # Sent again, the line is known: only two people let it count.
    assert taken(paying, booked).known == 1
    before = balance(paying, "clearing")
    waiting = again()
    with pytest.raises(ProposalError), paying.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=waiting, by=ANNA, now=wall_now())
    with paying.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=waiting, by=BEHNAM, now=wall_now())
    # A collection under way is below zero in clearing: it comes up by what was booked.
    assert balance(paying, "clearing") == before + owed.amount
    assert payments(paying)[GROCER].state == "settled"
    assert refused() == "counted"
    with paying.database.snapshot() as session:
        (found,) = money.bank_answers(session, limit=9)
        assert money.bank_answers(session, findings_only=True, limit=9) == []
        wrong = {check.name for check in audit.checks(session) if check.differences}
    assert found.outcome == "settled"
    assert wrong <= {"day_figures_match_wallets", "outstanding_matches_lots"}
    # It answered a payment, so it is no deposit any more.
    with pytest.raises(CoverError) as spent, paying.database.unit_of_work() as session:
        second_person.propose_cover(
            session, movement=movement, bank_ref="X 1", reason="in", by=ANNA, now=wall_now()
        )
    assert spent.value.reason == "bank_ref_answered"
