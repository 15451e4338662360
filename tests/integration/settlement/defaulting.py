"""An issuer that does not pay, and the desk at which two people deal with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from network.clearing import queries as clearing
from network.clock import wall_now
from network.database.connection import Database
from network.exposure.cover import Movement
from network.exposure.recovering import Borne, Recovery, borne_for
from network.exposure.waterfall import WaterfallError, default_of
from network.merchants import queries as merchants
from network.money import queries as money
from network.money.facts import PaymentFact
from network.operators.proposals import Proposal
from network.services import Services
from network.vault import Vault
from settlement import defaults, second_person
from settlement.payments.importing import take_answers
from tests.fixtures.programme import Programme
from tests.integration.settlement.bank import HOUSE_IBAN, Booking, statement
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    GROCER,
    IBANS,
    THIRD_DAY,
    Coalition,
    member,
)

ANNA, BEHNAM = uuid4(), uuid4()


def unpaid(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition on its second day, where the grocer owes and will not pay."""
    made = Coalition(owner=owner_database, programme=programme, accounts=IBANS)
    made.found(vault=vault)
    made.play_two_days()
    made.taken(5, by=member(3), issuer=GROCER, acceptor=CINEMA)
    # 210 a point for the network.
    made.taken(10, by=member(3), issuer=CINEMA, acceptor=BAKER)
    made.programme.move(made.at(THIRD_DAY))
    return made


class Desk:
    """Two people, of whom one proposes and the other approves."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def do(self, propose: str, **how: Any) -> Proposal:
        with self.services.database.unit_of_work() as session:
            house = defaults if hasattr(defaults, f"propose_{propose}") else second_person
            proposal: Proposal = getattr(house, f"propose_{propose}")(
                session, reason="agreed", by=ANNA, now=wall_now(), **how
            )
        with self.services.database.unit_of_work() as session:
            second_person.approve(
                session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now()
            )
        return proposal

    def refused(self, **how: Any) -> str:
        with pytest.raises(WaterfallError) as refused:
            self.do("default", merchant_id=GROCER, **how)
        return refused.value.reason

    def propose_back(self, source: str, amount: int, bank_ref: str = "") -> Proposal:
        recovery = Recovery(merchant_id=GROCER, source=source, amount=amount, bank_ref=bank_ref)
        with self.services.database.unit_of_work() as session:
            return defaults.propose_recovery(
                session, recovery=recovery, reason="it pays", by=ANNA, now=wall_now()
            )

    def approve(self, proposal: Proposal) -> None:
        with self.services.database.unit_of_work() as session:
            second_person.approve(
                session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now()
            )

    def recovered(self, source: str, amount: int, bank_ref: str = "") -> Proposal:
        proposal = self.propose_back(source, amount, bank_ref)
        self.approve(proposal)
        return proposal

    def gives_back(self, source: str, amount: int, bank_ref: str = "") -> str:
        """Return why so much can't go back."""
        with pytest.raises(WaterfallError) as refused:
            self.propose_back(source, amount, bank_ref)
        return refused.value.reason

    def book(self, payment: PaymentFact) -> None:
        """Let the bank book a collection that was cancelled."""
        settings = replace(self.services.settings, payment_iban=HOUSE_IBAN)
        booked = Booking(
            reference="B-1", end_to_end_id=payment.end_to_end_id, amount=payment.amount, credit=True
        )
        taken = take_answers(
            replace(self.services, settings=settings),
            content=statement(booked),
            by=ANNA,
            now=wall_now(),
        )
        assert taken.proposal is not None
        self.approve(taken.proposal)

    def borne(self) -> Borne:
        with self.services.database.reading() as session:
            return borne_for(session, issuer_id=GROCER)

    def cover(self, account: Any, act: Any, amount: int) -> None:
        movement = Movement(merchant_id=GROCER, account=account, act=act, amount=amount)
        self.do("cover", movement=movement, bank_ref=uuid4().hex)

    def step(self) -> tuple[str | None, int]:
        with self.services.database.reading() as session:
            issuing = merchants.merchant(session, merchant_id=GROCER).issuing
            found = default_of(session, merchant_id=GROCER, issuing=issuing)
        return found.step, found.owed


def collection(services: Services, day: date) -> PaymentFact:
    with services.database.reading() as session:
        window = clearing.window_of(session, business_date=day)
        assert window is not None
        (found,) = money.payments(session, merchant_id=GROCER, window_id=window.window_id)
    assert found.fact.direction == "collection"
    return found.fact
