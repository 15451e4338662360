"""From a statement to the bank and back: paid once, released by two, returned into the next one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from config.demo.accounts import made_up_iban
from network.clock import wall_now
from network.database.connection import Database
from network.money import morning, service
from network.money import queries as money
from network.money.accounts import changed_accounts
from network.money.errors import ReleaseError
from network.services import Services
from settlement.payments.files import PaymentFileError, schema
from tests.integration.settlement.bank import HOUSE_IBAN
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
    totals,
    window,
)
from tests.integration.settlement.pictures import settle


def unanswered(services: Services) -> list[tuple[str, int, int]]:
    with services.database.reading() as session:
        found = morning.unanswered(session)
    return [(each.standing, each.payments, each.amount) for each in found]


def test_a_statement_is_paid_once_and_closes_at_zero(banked: Coalition, paying: Services) -> None:
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
    # Nothing of it is at the bank: one waits for its release, the other for the merchant.
    assert unanswered(paying) == [("prepared", 1, 2827), ("awaited", 1, -3185)]
    assert settle(paying, DAY).replayed
    assert payments(paying) == found
    assert balance(paying, "clearing") == 2827 - 3185


def test_two_people_release_and_the_file_is_valid_and_the_same_each_time(
    banked: Coalition, paying: Services
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
    assert unanswered(paying) == [("sent", 1, 2827), ("awaited", 1, -3185)]
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
    banked: Coalition, paying: Services
) -> None:
    settle(paying, DAY)
    # In the evening, UTC: the next day in the programme's zone.
    release(paying, at=datetime(2031, 5, 3, 21, 0, tzinfo=UTC))
    content = made(paying).content
    assert b"<ReqdExctnDt>\n        <Dt>2031-05-04</Dt>" in content
    assert b"<CreDtTm>2031-05-04T00:30:00+03:30</CreDtTm>" in content


def test_an_account_that_was_not_paid_last_is_marked(
    banked: Coalition, paying: Services, owner_database: Database
) -> None:
    def changed(offset: int) -> dict[UUID, tuple[str | None, date | None]]:
        paid = {each.fact.payment_id: who for who, each in payments(paying, offset).items()}
        with paying.database.reading() as session:
            found = changed_accounts(session, window_id=window(paying, offset).window_id)
        return {paid[each]: (change.before, change.since) for each, change in found.items()}

    def plant(was: dict[str, str]) -> None:
        with owner_database.unit_of_work() as session:
            session.execute(
                text(
                    "UPDATE network.payment SET iban = :iban, direction = :direction,"
                    " state = :state WHERE payment_id = :id"
                ),
                {**was, "id": payments(paying)[GROCER].fact.payment_id},
            )

    new = made_up_iban("another")
    settle(paying, DAY)
    assert changed(0) == {BAKER: (None, DAY)}
    with owner_database.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO network.agreement
                SELECT (jsonb_populate_record(a, jsonb_build_object(
                    'agreement_id', gen_random_uuid(), 'version', 2,
                    'effective_from', CAST(:day AS text),
                    'settlement_iban', CAST(:iban AS text)))).*
                FROM network.agreement AS a WHERE a.merchant_id = :id
            """),
            {"id": GROCER, "day": NEXT_DAY.isoformat(), "iban": new},
        )
    settle(paying, NEXT_DAY)
    assert {who: each.fact.direction for who, each in payments(paying, 1).items()} == {
        BAKER: "collection",
        GROCER: "payout",
    }
    # Only money that left for an account and stayed away says that it was paid to.
    for iban, direction, state, before in (
        (new, "collection", "settled", None),
        (new, "payout", "returned", None),
        (new, "payout", "cancelled", None),
        (IBANS[GROCER], "payout", "released", IBANS[GROCER]),
        (IBANS[GROCER], "payout", "settled", IBANS[GROCER]),
    ):
        was = {"iban": iban, "direction": direction, "state": state}
        plant(was)
        assert changed(1) == {GROCER: (before, NEXT_DAY)}, was
    plant({"iban": new, "direction": "payout", "state": "released"})
    assert changed(1) == {}


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
def test_a_wrong_total_is_not_exported(banked: Coalition, paying: Services, planted: str) -> None:
    settle(paying, DAY)
    release(paying)
    with banked.owner.unit_of_work() as session:
        for each in planted.split(";"):
            session.execute(text(each))
    with pytest.raises(PaymentFileError) as refused:
        made(paying)
    assert refused.value.reason == "totals"


def test_money_entries_sum_to_zero_and_never_change(banked: Coalition, paying: Services) -> None:
    settle(paying, DAY)
    with banked.owner.reading() as session:
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
            banked.owner.unit_of_work() as session,
        ):
            session.execute(text(statement_text))


def test_what_is_cancelled_before_a_file_is_made_is_not_in_it(
    banked: Coalition, paying: Services
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
