"""From a statement to the bank and back: paid once, released by two, returned into the next one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from network.clearing import queries as clearing
from network.clearing.facts import Totals, WindowView
from network.clock import wall_now
from network.database.connection import Database
from network.exposure.cover import CoverError, Movement
from network.money import queries as money
from network.money import service
from network.money.cancelling import CancellationError
from network.money.errors import ReleaseError
from network.money.facts import FileKind, KeptFile, PaymentView
from network.operators.errors import ProposalError
from network.services import Services
from network.vault import Vault
from settlement import second_person
from settlement.payments.answers import BankFileError
from settlement.payments.files import PaymentFileError, schema
from settlement.payments.importing import Imported, take_answers
from settlement.payments.release import payment_file
from tests.fixtures.programme import Programme
from tests.integration.settlement.bank import HOUSE_IBAN, Booking, statement
from tests.integration.settlement.coalition import (
    BAKER,
    DAY,
    GROCER,
    IBANS,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
)
from tests.integration.settlement.pictures import settle

ANNA, BEHNAM = uuid4(), uuid4()


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition with accounts that the baker and the grocer are paid on."""
    made = Coalition(owner=owner_database, programme=programme, accounts=IBANS)
    made.found(vault=vault)
    made.play_two_days()
    made.programme.move(made.at(THIRD_DAY))
    return made


@pytest.fixture
def paying(services: Services) -> Services:
    """Return services whose house has an account."""
    return replace(services, settings=replace(services.settings, payment_iban=HOUSE_IBAN))


def window(services: Services, offset: int = 0) -> WindowView:
    with services.database.reading() as session:
        found = clearing.window_of(session, business_date=DAY + timedelta(days=offset))
    assert found is not None
    return found


def payments(services: Services, offset: int = 0) -> dict[UUID, PaymentView]:
    with services.database.reading() as session:
        found = money.payments(session, window_id=window(services, offset).window_id)
    return {each.fact.merchant_id: each for each in found}


def totals(services: Services, offset: int) -> dict[UUID, Totals]:
    with services.database.reading() as session:
        found = clearing.statements(session, window=window(services, offset))
    return {each.merchant.party_id: each.totals for each in found}


def balance(services: Services, account: str) -> int:
    with services.database.reading() as session:
        return sum(money.balances(session, account=account).values())


def release(services: Services, offset: int = 0, *, at: datetime | None = None) -> None:
    at = at or wall_now()
    window_id = window(services, offset).window_id
    with services.database.unit_of_work() as session:
        seen = money.release_totals(session, window_id=window_id)
        service.propose_release(session, window_id=window_id, totals=seen, by=ANNA, now=at)
    with services.database.unit_of_work() as session:
        service.approve_release(session, window_id=window_id, by=BEHNAM, now=at)


def made(services: Services, kind: FileKind = "pain.001") -> KeptFile:
    with services.database.unit_of_work() as session:
        return payment_file(
            session,
            window=window(services),
            kind=kind,
            settings=services.settings,
            by=ANNA,
            now=wall_now(),
        )


def taken(services: Services, *bookings: Booking, number: int = 1) -> Imported:
    """Take a statement; one that says money came in or back on a second person's word."""
    found = take_answers(
        services, content=statement(*bookings, number=number), by=ANNA, now=wall_now()
    )
    if found.proposal is None:
        return found
    with services.database.unit_of_work() as session:
        second_person.approve(
            session, proposal_id=found.proposal.proposal_id, by=BEHNAM, now=wall_now()
        )
    return replace(found, outcomes=dict(Counter(each[0] for each in found.effects)))


def test_a_statement_is_paid_once_and_closes_at_zero(
    coalition: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    found = payments(paying)
    # Baker: 9900 − 6856 − 217 = 2827. Grocer: 8815 − 11859 − 141 = −3185.
    assert (found[BAKER].fact.direction, found[BAKER].fact.amount) == ("payout", 2827)
    assert (found[GROCER].fact.direction, found[GROCER].fact.amount) == ("collection", 3185)
    stated = totals(paying, 0)
    assert (stated[BAKER].paid, stated[BAKER].closing) == (2827, 0)
    assert (stated[GROCER].paid, stated[GROCER].closing) == (-3185, 0)
    # The network keeps its margin of 358; the bank still owes it, under way as 2827 − 3185.
    assert balance(paying, "settlement") == 0
    assert balance(paying, "margin") == 358
    assert balance(paying, "clearing") == 2827 - 3185
    assert settle(paying, DAY).replayed
    assert payments(paying) == found
    assert balance(paying, "clearing") == 2827 - 3185


def test_two_people_release_and_the_file_is_valid_and_the_same_each_time(
    coalition: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    window_id = window(paying).window_id
    with pytest.raises(PaymentFileError) as unreleased:
        made(paying)
    assert unreleased.value.reason == "not_released"
    with paying.database.unit_of_work() as session:
        seen = money.release_totals(session, window_id=window_id)
        service.propose_release(session, window_id=window_id, totals=seen, by=ANNA, now=wall_now())
    with pytest.raises(ReleaseError) as alone, paying.database.unit_of_work() as session:
        service.approve_release(session, window_id=window_id, by=ANNA, now=wall_now())
    assert alone.value.reason == "same_person"
    with paying.database.unit_of_work() as session:
        service.approve_release(session, window_id=window_id, by=BEHNAM, now=wall_now())
    first = made(paying)
    assert made(paying).content == first.content
    assert (len(first.payments), first.control_sum) == (1, 2827)
    schema("pain.001").validate(first.content.decode())
    fact = payments(paying)[BAKER].fact
    for expected in (fact.end_to_end_id, IBANS[BAKER], HOUSE_IBAN, '<InstdAmt Ccy="IRR">2827<'):
        assert expected.encode() in first.content
    # The grocer gave no mandate: its collection is awaited, so it stands in the table only.
    with pytest.raises(PaymentFileError) as awaited:
        made(paying, "pain.008")
    assert awaited.value.reason == "none"
    table = made(paying, "table").content.decode()
    assert f"{payments(paying)[GROCER].fact.end_to_end_id},collection,grocer" in table


def test_the_bank_is_asked_for_the_day_on_which_the_payments_were_let_out(
    coalition: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    # In the evening, UTC: the next day in the programme's zone.
    release(paying, at=datetime(2031, 5, 3, 21, 0, tzinfo=UTC))
    content = made(paying).content
    assert b"<ReqdExctnDt>\n        <Dt>2031-05-04</Dt>" in content
    assert b"<CreDtTm>2031-05-04T00:30:00+03:30</CreDtTm>" in content


@pytest.mark.parametrize(
    "planted",
    [
        "UPDATE network.payment SET amount = amount + 1 WHERE direction = 'payout'",
        "UPDATE network.payment_release SET payout_total = payout_total + 1",
        """ALTER TABLE network.statement DISABLE TRIGGER append_only;
        UPDATE network.statement SET paid = paid + 1, closing = closing - 1 WHERE paid > 0""",
        "UPDATE network.payment SET state = 'cancelled' WHERE direction = 'collection'",
    ],
)
def test_a_wrong_total_is_not_exported(
    coalition: Coalition, paying: Services, planted: str
) -> None:
    settle(paying, DAY)
    release(paying)
    with coalition.owner.unit_of_work() as session:
        for each in planted.split(";"):
            session.execute(text(each))
    with pytest.raises(PaymentFileError) as refused:
        made(paying)
    assert refused.value.reason == "totals"


def test_a_return_stands_on_the_next_statement_and_clearing_comes_back_to_zero(
    coalition: Coalition, paying: Services
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
    coalition: Coalition, paying: Services
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


def test_money_entries_sum_to_zero_and_never_change(coalition: Coalition, paying: Services) -> None:
    settle(paying, DAY)
    with coalition.owner.reading() as session:
        wrong = session.execute(
            text(
                "SELECT money_entry_id FROM network.money_posting "
                "GROUP BY money_entry_id, currency HAVING sum(amount) <> 0"
            )
        ).all()
    assert wrong == []
    for statement_text in (
        "UPDATE network.money_posting SET amount = amount + 1",
        "DELETE FROM network.money_entry",
        """INSERT INTO network.money_posting (money_entry_id, line, account, party_id, reason,
        currency, amount) SELECT money_entry_id, 99, 'bank', gen_random_uuid(), 'x', 'IRR', 1
        FROM network.money_entry LIMIT 1""",
    ):
        with (
            pytest.raises(Exception, match=r"never changed|is off by"),
            coalition.owner.unit_of_work() as session,
        ):
            session.execute(text(statement_text))


def cancelled(services: Services, payment_id: UUID) -> None:
    with services.database.unit_of_work() as session:
        proposal = second_person.propose_cancellation(
            session, payment_id=payment_id, reason="no answer", by=ANNA, now=wall_now()
        )
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())


def test_a_payment_the_bank_never_answered_comes_back_on_two_peoples_word(
    coalition: Coalition, paying: Services
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


def test_what_is_cancelled_before_a_file_is_made_is_not_in_it(
    coalition: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    release(paying)
    found = payments(paying)
    cancelled(paying, found[GROCER].fact.payment_id)
    table = made(paying, "table")
    assert (table.payments, table.control_sum) == ((found[BAKER].fact.payment_id,), 2827)
    assert found[GROCER].fact.end_to_end_id.encode() not in table.content
    cancelled(paying, found[BAKER].fact.payment_id)
    with pytest.raises(PaymentFileError) as empty:
        made(paying)
    assert empty.value.reason == "none"
    assert made(paying, "table").content == table.content


def test_a_booking_after_the_cancellation_counts(coalition: Coalition, paying: Services) -> None:
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
    coalition: Coalition, paying: Services
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
    coalition: Coalition, paying: Services, *, waits: bool
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
    coalition: Coalition, paying: Services
) -> None:
    with pytest.raises(CoverError) as refused:
        entered(paying, "X" * 72, amount=1)
    assert refused.value.reason == "bank_ref_long"


def test_a_booking_that_answered_a_payment_is_no_deposit(
    coalition: Coalition, paying: Services
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
    coalition: Coalition, paying: Services
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
