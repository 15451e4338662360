"""The partners' tills: every action of the play becomes a signed request to the gateway."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog

from config.demo.actions import (
    Action,
    Capture,
    Earn,
    Enrol,
    Line,
    Redeem,
    RefundEarn,
    RefundRedeem,
    Void,
)
from config.demo.campaigns import tier_of_household
from config.demo.record import Record, as_record
from config.demo.stage import Seat
from merchant_gateway.client import GatewayClient
from merchant_gateway.client.errors import ProblemError
from merchant_gateway.client.messages import Answer
from network.clock import wall_now
from network.database.installation import ProgrammeClock
from network.ledger import queries as ledger
from network.members import enrolment
from network.members import queries as members
from network.members.tiers import set_tier
from network.services import Services
from network.settings import CURRENCY

_log = structlog.get_logger("peyvand.demo")

CREATED = 201
REFUSED = "refused"


@dataclass(slots=True, kw_only=True)
class Taken:
    """What one day's requests came to."""

    requests: int = 0
    refused: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)


class Tills:
    """Performs actions in their order and writes down what was asked and how it was answered.

    ``move_clock`` lets programme time catch up with an action. Enrolment and codes stand for the
    member's phone: they go through the same services as the wallet's pages.
    """

    def __init__(
        self,
        services: Services,
        *,
        seats: Mapping[str, Seat],
        gateway_url: str,
        move_clock: Callable[[datetime], None],
        record: Record,
    ) -> None:
        self._services = services
        self._move_clock = move_clock
        self.clients = {
            slug: GatewayClient(url=gateway_url, key_id=seat.key_id, key=seat.key)
            for slug, seat in seats.items()
        }
        self.members: dict[str, UUID] = {}
        self.phones: dict[str, str] = {}
        self.kept: dict[tuple[str, str], Earn] = {}
        """Purchases that wait for the evening, by merchant and reference."""

        self._earnings: dict[tuple[str, str], str] = {}
        self._lines: dict[tuple[str, str], tuple[Line, ...]] = {}
        self._redemptions: dict[tuple[str, str], str] = {}
        self._record = record

    def close(self) -> None:
        """Close the connections."""
        for client in self.clients.values():
            client.close()

    def balance(self, member: str) -> int:
        """Return the points that a member can spend, as the wallet shows it."""
        now = ProgrammeClock(self._services.database).now()
        with self._services.database.glance() as session:
            wallet = ledger.wallet(
                session, member_id=self.members[member], now=now, wall=wall_now()
            )
        return 0 if wallet is None else wallet.spendable

    def perform(self, action: Action, *, business_date: date, taken: Taken) -> None:
        """Carry out one action; a refusal is counted and written down like an answer.

        What would follow from a refusal is never asked.
        """
        self._move_clock(action.occurred_at)
        if isinstance(action, Enrol):
            self._enrol(action)
            return
        if isinstance(action, RefundEarn):
            bought = self.kept.pop((action.merchant, action.original_ref), None)
            if bought is not None:  # it can't go back before it was sent
                self.perform(bought, business_date=business_date, taken=taken)
        if self._follows_a_refusal(action):
            return
        began = time.perf_counter()
        try:
            answer = self._send(action)
            status, replayed = CREATED, answer.replayed
        except ProblemError as problem:
            status, replayed = problem.status, False
            taken.refused += 1
            _log.warning("refused", code=problem.code, merchant=action.merchant)
        taken.latencies_ms.append((time.perf_counter() - began) * 1000)
        taken.requests += 1
        taken.by_kind[type(action).__name__] += 1
        self._record.add(
            as_record(action, business_date=business_date, status=status, replayed=replayed)
        )

    def _follows_a_refusal(self, action: Action) -> bool:
        """Return whether what an action is about was never posted."""
        match action:
            case RefundEarn():
                return (action.merchant, action.original_ref) not in self._earnings
            case Capture() | Void() | RefundRedeem():
                return (action.merchant, action.original_ref) not in self._redemptions
            case _:
                return False

    def keep(self, purchase: Earn) -> None:
        """Keep a purchase for the evening's batch."""
        self._move_clock(purchase.occurred_at)
        self.kept[purchase.merchant, purchase.merchant_ref] = purchase

    def line_of(self, purchase: Earn) -> dict[str, Any]:
        """Return a purchase as a line of a batch."""
        return {
            "type": "earn",
            "member": {"phone": self.phones[purchase.member]},
            "merchant_ref": purchase.merchant_ref,
            "amount": purchase.amount,
            "currency": CURRENCY,
            "occurred_at": purchase.occurred_at.isoformat(),
            "store": purchase.store,
            "channel": purchase.channel,
            "lines": [_as_line(line) for line in purchase.lines],
        }

    def earned(self, purchase: Earn, *, earning_id: str) -> None:
        """Remember under which id a purchase earned, for its refunds."""
        key = purchase.merchant, purchase.merchant_ref
        self._earnings[key] = earning_id
        self._lines[key] = purchase.lines

    def _enrol(self, action: Enrol) -> None:
        with self._services.database.unit_of_work() as session:
            member_id = enrolment.enrol(
                session,
                self._services.vault,
                phone=action.member.phone,
                consents=("membership",),
                locale="fa",
                now=action.occurred_at,
                name=action.member.name.fa,
            )
            tier = tier_of_household(action.member.household_id)
            if tier is not None:
                set_tier(session, member_id=member_id, tier=tier, now=action.occurred_at)
        self.members[action.member.key] = member_id
        self.phones[action.member.key] = action.member.phone

    def _send(self, action: Action) -> Answer:
        match action:
            case Earn():
                return self._earn(action)
            case Redeem():
                return self._redeem(action)
            case Capture():
                return self.clients[action.merchant].capture(
                    self._redemptions[action.merchant, action.original_ref], points=action.points
                )
            case Void():
                return self.clients[action.merchant].void(
                    self._redemptions[action.merchant, action.original_ref]
                )
            case RefundEarn():
                return self._refund_earn(action)
            case RefundRedeem():
                return self._refund_redeem(action)
            case _:
                raise TypeError(action)

    def _earn(self, action: Earn) -> Answer:
        answer = self.clients[action.merchant].earn(
            member={"phone": self.phones[action.member]},
            merchant_ref=action.merchant_ref,
            amount=action.amount,
            lines=[_as_line(line) for line in action.lines],
            occurred_at=action.occurred_at,
            store=action.store,
            channel=action.channel,
        )
        self.earned(action, earning_id=answer.data["id"])
        return answer

    def _redeem(self, action: Redeem) -> Answer:
        answer = self.clients[action.merchant].redeem(
            member={"code": self._code(action.member)},
            merchant_ref=action.merchant_ref,
            points=action.points,
            amount=action.amount,
            capture=action.capture,
            occurred_at=action.occurred_at,
            store=action.store,
            channel=action.channel,
        )
        self._redemptions[action.merchant, action.merchant_ref] = answer.data["id"]
        return answer

    def _refund_earn(self, action: RefundEarn) -> Answer:
        key = action.merchant, action.original_ref
        places = {line.sku: place for place, line in enumerate(self._lines.get(key, ()))}
        return self.clients[action.merchant].refund_earning(
            self._earnings[key],
            merchant_ref=action.merchant_ref,
            amount=None if action.lines else action.amount,
            lines=[{"line": places[line.sku], "amount": line.amount} for line in action.lines],
            occurred_at=action.occurred_at,
        )

    def _refund_redeem(self, action: RefundRedeem) -> Answer:
        client = self.clients[action.merchant]
        redemption_id = self._redemptions[action.merchant, action.original_ref]
        points = action.points
        if points is None:
            found = client.redemption(redemption_id).data
            points = found["captured"] - found["refunded"]
        return client.refund_redemption(
            redemption_id,
            merchant_ref=action.merchant_ref,
            points=points,
            occurred_at=action.occurred_at,
        )

    def _code(self, member: str) -> str:
        """Return what the member's wallet shows at this minute, with the balance as its limit."""
        limit = max(1, self.balance(member)) * 2
        with self._services.database.glance() as session:
            code = members.current_code(
                session,
                self._services.vault,
                member_id=self.members[member],
                limit=limit,
                wall=wall_now(),
            )
        return code.text


def _as_line(line: Line) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "category": line.category,
        "quantity": line.quantity,
        "amount": line.amount,
    }
