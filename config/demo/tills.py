"""The partners' tills: every action of the play becomes a signed request to the gateway."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

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
from config.demo.record import as_record
from config.demo.stage import Seat
from merchant_gateway.client import GatewayClient
from merchant_gateway.client.errors import ProblemError
from merchant_gateway.client.messages import Answer
from network.clock import wall_now
from network.ledger import queries as ledger
from network.members import enrolment
from network.members import queries as members
from network.members.tiers import set_tier
from network.services import Services

CREATED = 201


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
        record: Path,
    ) -> None:
        self._services = services
        self._move_clock = move_clock
        self._clients = {
            slug: GatewayClient(url=gateway_url, key_id=seat.key_id, key=seat.key)
            for slug, seat in seats.items()
        }
        self.members: dict[str, UUID] = {}
        self.phones: dict[str, str] = {}
        self._earnings: dict[tuple[str, str], str] = {}
        self._lines: dict[tuple[str, str], tuple[Line, ...]] = {}
        self._redemptions: dict[tuple[str, str], str] = {}
        self._record: TextIO = record.open("w", encoding="utf-8")

    def close(self) -> None:
        """Close the connections and the record."""
        self._record.close()
        for client in self._clients.values():
            client.close()

    def balance(self, member: str) -> int:
        """Return the points that a member can spend, as the wallet shows it."""
        with self._services.database.reading() as session:
            wallet = ledger.wallet(session, member_id=self.members[member])
        return 0 if wallet is None else wallet.spendable

    def perform(self, action: Action, *, business_date: date, taken: Taken) -> None:
        """Carry out one action; a refusal is counted and written down like an answer."""
        self._move_clock(action.occurred_at)
        if isinstance(action, Enrol):
            self._enrol(action)
            return
        began = time.perf_counter()
        try:
            answer = self._send(action)
            status, replayed = CREATED, answer.replayed
        except ProblemError as problem:
            status, replayed = problem.status, False
            taken.refused += 1
        taken.latencies_ms.append((time.perf_counter() - began) * 1000)
        taken.requests += 1
        taken.by_kind[type(action).__name__] += 1
        line = as_record(action, business_date=business_date, status=status, replayed=replayed)
        self._record.write(json.dumps(line, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        """Let readers of the record see all of it."""
        self._record.flush()

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
                return self._clients[action.merchant].capture(
                    self._redemptions[action.merchant, action.original_ref], points=action.points
                )
            case Void():
                return self._clients[action.merchant].void(
                    self._redemptions[action.merchant, action.original_ref]
                )
            case RefundEarn():
                return self._refund_earn(action)
            case RefundRedeem():
                return self._refund_redeem(action)
            case _:
                raise TypeError(action)

    def _earn(self, action: Earn) -> Answer:
        answer = self._clients[action.merchant].earn(
            member={"phone": self.phones[action.member]},
            merchant_ref=action.merchant_ref,
            amount=action.amount,
            lines=[_as_line(line) for line in action.lines],
            occurred_at=action.occurred_at,
            store=action.store,
            channel=action.channel,
        )
        key = action.merchant, action.merchant_ref
        self._earnings[key] = answer.data["id"]
        self._lines[key] = action.lines
        return answer

    def _redeem(self, action: Redeem) -> Answer:
        answer = self._clients[action.merchant].redeem(
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
        return self._clients[action.merchant].refund_earning(
            self._earnings[key],
            merchant_ref=action.merchant_ref,
            amount=None if action.lines else action.amount,
            lines=[{"line": places[line.sku], "amount": line.amount} for line in action.lines],
            occurred_at=action.occurred_at,
        )

    def _refund_redeem(self, action: RefundRedeem) -> Answer:
        client = self._clients[action.merchant]
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
        with self._services.database.reading() as session:
            code = members.current_code(
                session,
                self._services.vault,
                member_id=self.members[member],
                limit=max(1, self.balance(member)) * 2,
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
