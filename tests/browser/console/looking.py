"""What the tests of the console look up beside its pages."""

from __future__ import annotations

from sqlalchemy import text

from network.clearing import queries as clearing
from network.clearing.facts import PositionView, WindowView
from network.ids import encode
from network.ledger import queries as ledger
from settlement.console import lots
from tests.browser.console.conftest import House


def settled(house: House) -> tuple[WindowView, list[PositionView]]:
    """Return the last settled window and its positions."""
    with house.services.database.reading() as session:
        window = next(each for each in clearing.windows(session) if each.state == "settled")
        return window, clearing.positions(session, window=window)


def number(text: str) -> int:
    """Return the number at the beginning of an English text."""
    return int(text.replace(",", "").replace("\u2212", "-").replace("+", "").split()[0])


def kinds_of_obligations(house: House) -> dict[str, str]:
    """Return the public id of one obligation of each kind."""
    with house.services.database.reading() as session:
        return {
            row.fact.kind: encode("obl", row.fact.obligation_id)
            for window in clearing.windows(session)
            for row in clearing.obligations(session, window=window)
        }


def a_lot(house: House) -> str:
    """Return the public id of a lot that something was spent from."""
    member_id, _shop, sequence = house.story.redeemed[0]
    with house.services.database.reading() as session:
        found = ledger.entry(session, member_id=member_id, sequence=sequence)
    assert found is not None
    lot_id = found.lots[0].lot_id
    return lots.encode(house.services.entry_ids, member_id=member_id, lot_id=lot_id)


def between_merchants(house: House) -> str:
    """Return the public id of a direct payment: a row for pages, the network pays as a hub."""
    window, positions = settled(house)
    payer, payee, *_others = (
        each.party.party_id for each in positions if each.account == "settlement"
    )
    with house.services.database.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO network.direct_payment
                    (direct_payment_id, window_id, payer_id, payee_id, currency, amount, iban,
                     holder, reference, state)
                VALUES (:window, :window, :payer, :payee, 'IRR', 48250000,
                        'IR190540000000100324200001', 'Mahtab', 'PVDIRECTBETWEENMERCHANTS',
                        'released')
                ON CONFLICT DO NOTHING
            """),
            {"window": window.window_id, "payer": payer, "payee": payee},
        )
    return encode("dpy", window.window_id)


def spent(house: House) -> str:
    """Return the public id of a redemption."""
    member_id, _shop, sequence = house.story.redeemed[0]
    return house.services.entry_ids.encode(prefix="red", member_id=member_id, sequence=sequence)
