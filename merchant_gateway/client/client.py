"""The operations of the gateway as methods."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import requests

from merchant_gateway.client.asking import await_consent
from merchant_gateway.client.batches import Batches
from merchant_gateway.client.bodies import (
    Line,
    Member,
    basket,
    measure,
    new_idempotency_key,
    quoted,
    redemption_path,
    time_of,
    went_back,
)
from merchant_gateway.client.direct_payments import DirectPayments
from merchant_gateway.client.endpoints import Endpoints
from merchant_gateway.client.journal import Journal, read_journal
from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.own_keys import Keys
from merchant_gateway.client.reconciliation import Reconciliation
from merchant_gateway.client.replay import Replay, replay
from merchant_gateway.client.sandbox import Sandbox
from merchant_gateway.client.trade import Trade
from merchant_gateway.client.transport import Transport
from merchant_gateway.signing import SigningKey

PAGE = 200
_PREVIEW = {"preview": "true"}
_FORMS = {"json": "application/json", "csv": "text/csv", "pdf": "application/pdf"}


class GatewayClient:
    """A merchant's way to the gateway.

    Amounts are whole rials, points whole points, times aware. A member is named by one of
    ``phone``, ``card``, ``code`` and ``token``; all of them earn, a code spends, any other once the
    member was asked (``consent``). A ``salt`` is put beside it where there is none, and not with
    ``salt=False``, for a gateway from before salts. Every method that changes something takes an
    ``idempotency_key``; where none is given one is drawn, and used for all attempts of that call;
    an error has the request, to send it again. Without ``occurred_at`` the gateway dates what
    arrives. ``batches`` sends many lines at once, ``endpoints`` has events posted, ``keys``
    replaces keys, ``sandbox`` is what only test keys open. ``journal`` names a file that keeps
    every signed answer to a call that moved points, for ``replay``. Raises the errors of
    ``merchant_gateway.client.errors``.
    """

    def __init__(
        self,
        *,
        url: str,
        key_id: str,
        key: SigningKey,
        language: str = "en",
        timeout_seconds: float = 10.0,
        attempts: int = 5,
        pinned_keys: Iterable[Mapping[str, Any]] = (),
        session: requests.Session | None = None,
        journal: str | os.PathLike[str] | None = None,
        salt: bool = True,
    ) -> None:
        self._transport = Transport(
            url=url,
            key_id=key_id,
            key=key,
            language=language,
            timeout_seconds=timeout_seconds,
            attempts=attempts,
            pinned_keys=pinned_keys,
            session=session,
            journal=None if journal is None else Journal(journal),
            salt=salt,
        )
        self.batches = Batches(self._transport)
        self.endpoints = Endpoints(self._transport)
        self.reconciliation = Reconciliation(self._transport)
        self.direct_payments = DirectPayments(self._transport)
        self.trade = Trade(self._transport)
        self.keys = Keys(self._transport)
        self.sandbox = Sandbox(self._transport)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def resend(self, request: Request) -> Answer:
        """Send a request that was kept (``error.request``) again, to the byte, signed anew."""
        return self._transport.call(request)

    def ping(self) -> Answer:
        """Check the key, the signature and the clocks."""
        return self._get("/v1/ping")

    def lookup(self, *, member: Member, idempotency_key: str | None = None) -> Answer:
        """Find a member and get a token of 15 minutes for them."""
        return self._post("/v1/members/lookup", {"member": member}, idempotency_key)

    def enrol(
        self,
        *,
        phone: str,
        consents: Sequence[str] = ("membership",),
        name: str | None = None,
        locale: Literal["fa", "en"] | None = None,
        store: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Ask a customer to join; a code goes to the phone, and until it is told nobody has."""
        body = {
            "phone": phone,
            "consents": list(consents),
            "name": name,
            "locale": locale,
            "store": store,
        }
        return self._post("/v1/members", body, idempotency_key)

    def confirm_enrolment(
        self, enrolment_id: str, *, code: str, idempotency_key: str | None = None
    ) -> Answer:
        """Let a customer join by the code that they tell; the answer has a token for them."""
        path = f"/v1/members/{quoted(enrolment_id)}/confirm"
        return self._post(path, {"code": code}, idempotency_key)

    def enrolment(self, enrolment_id: str) -> Answer:
        """Ask whether a customer has joined."""
        return self._get(f"/v1/members/{quoted(enrolment_id)}")

    def quote(
        self,
        *,
        amount: int,
        member: Member | None = None,
        lines: Sequence[Line] = (),
        occurred_at: datetime | None = None,
        store: str | None = None,
        channel: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Ask what a basket would earn, and why."""
        body = basket(amount=amount, lines=lines, occurred_at=occurred_at)
        body |= {"member": member, "store": store, "channel": channel}
        return self._post("/v1/earnings/quote", body, idempotency_key)

    def earn(
        self,
        *,
        member: Member,
        merchant_ref: str,
        amount: int,
        lines: Sequence[Line] = (),
        occurred_at: datetime | None = None,
        store: str | None = None,
        terminal: str | None = None,
        receipt: str | None = None,
        channel: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Report a purchase of ``amount`` paid in money; it earns points."""
        body = basket(amount=amount, lines=lines, occurred_at=occurred_at)
        body |= {
            "member": member,
            "merchant_ref": merchant_ref,
            "store": store,
            "terminal": terminal,
            "receipt": receipt,
            "channel": channel,
        }
        return self._post("/v1/earnings", body, idempotency_key)

    def redeem(
        self,
        *,
        member: Member,
        merchant_ref: str,
        points: int | None = None,
        amount: int | None = None,
        capture: Literal["auto", "manual"] = "auto",
        hold_minutes: int | None = None,
        consent: Literal["ask"] | None = None,
        consent_code: str | None = None,
        occurred_at: datetime | None = None,
        store: str | None = None,
        terminal: str | None = None,
        receipt: str | None = None,
        channel: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Spend ``points``, or as many as ``amount`` rials take, by the member's code.

        With ``consent="ask"`` a member named otherwise is asked: status 202. ``await_consent``
        waits for the answer; then the same call again, with its idempotency key, is done. Or call
        with the ``consent_code`` that the member was sent.
        """
        body = measure(points=points, amount=amount) | {
            "member": member,
            "merchant_ref": merchant_ref,
            "capture": capture,
            "hold_minutes": hold_minutes,
            "consent": consent,
            "consent_code": consent_code,
            "occurred_at": time_of(occurred_at),
            "store": store,
            "terminal": terminal,
            "receipt": receipt,
            "channel": channel,
        }
        return self._post("/v1/redemptions", body, idempotency_key)

    def capture(
        self,
        redemption_id: str,
        *,
        points: int | None = None,
        merchant_ref: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Take held points, all or some; the rest goes back to the member."""
        body = {"points": points, "merchant_ref": merchant_ref}
        return self._post(f"{redemption_path(redemption_id)}/capture", body, idempotency_key)

    def void(
        self,
        redemption_id: str,
        *,
        merchant_ref: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Give held points back."""
        body = {"merchant_ref": merchant_ref}
        return self._post(f"{redemption_path(redemption_id)}/void", body, idempotency_key)

    def redemption(self, redemption_id: str) -> Answer:
        """Ask what became of a redemption."""
        return self._get(redemption_path(redemption_id))

    def await_consent(self, request_id: str, *, seconds: float = 300.0) -> Answer:
        """Ask until a member who was asked has answered, or ``seconds`` are over."""
        return await_consent(self.redemption, request_id, seconds=seconds)

    def reverse(
        self, *, member: Member, merchant_ref: str, idempotency_key: str | None = None
    ) -> Answer:
        """Undo, or bar, the redemption under ``merchant_ref`` whose answer never came."""
        body = {"member": member, "merchant_ref": merchant_ref}
        return self._post("/v1/redemptions/reverse", body, idempotency_key)

    def refund_earning(
        self,
        earning_id: str,
        *,
        merchant_ref: str,
        amount: int | None = None,
        lines: Sequence[Mapping[str, int]] = (),
        occurred_at: datetime | None = None,
        preview: bool = False,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Report that ``amount``, or ``lines`` of ``line`` and ``amount``, went back in money.

        With ``preview`` the answer says which points would move, and nothing is left behind.
        """
        body = went_back(amount=amount, lines=lines) | {
            "merchant_ref": merchant_ref,
            "occurred_at": time_of(occurred_at),
        }
        path = f"/v1/earnings/{quoted(earning_id)}/refunds"
        return self._post(path, body, idempotency_key, query=_PREVIEW if preview else None)

    def refund_redemption(
        self,
        redemption_id: str,
        *,
        merchant_ref: str,
        points: int | None = None,
        amount: int | None = None,
        occurred_at: datetime | None = None,
        preview: bool = False,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Give spent points back: ``points``, or as many as ``amount`` rials are.

        With ``preview`` the answer says which points would move, and nothing is left behind.
        """
        body = measure(points=points, amount=amount) | {
            "merchant_ref": merchant_ref,
            "occurred_at": time_of(occurred_at),
        }
        path = f"{redemption_path(redemption_id)}/refunds"
        return self._post(path, body, idempotency_key, query=_PREVIEW if preview else None)

    def transactions(
        self, *, since: date | None = None, until: date | None = None, page: int = PAGE
    ) -> Iterator[dict[str, Any]]:
        """Yield the merchant's entries of the business days [since, until), page by page."""
        query = {
            "since": None if since is None else since.isoformat(),
            "until": None if until is None else until.isoformat(),
        }
        return self._pages("/v1/transactions", query, page)

    def transaction(self, entry_id: str) -> Answer:
        """Read one entry with its explanation."""
        return self._get(f"/v1/transactions/{quoted(entry_id)}")

    def settlements(self, *, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Yield the settled windows, the latest first."""
        return self._pages("/v1/settlements", {}, page)

    def settlement(self, settlement_id: str) -> Answer:
        """Read the totals of one window."""
        return self._get(f"/v1/settlements/{quoted(settlement_id)}")

    def settlement_lines(self, settlement_id: str, *, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Yield the lines of one window."""
        return self._pages(f"/v1/settlements/{quoted(settlement_id)}/lines", {}, page)

    def statement(
        self, settlement_id: str, *, form: Literal["json", "csv", "pdf"] = "json"
    ) -> Answer:
        """Read a whole statement; ``content`` is the document as published.

        The PDF is in the client's language.
        """
        path = f"/v1/settlements/{quoted(settlement_id)}/statement"
        return self._get(path, accept=_FORMS[form])

    def replay(self, settlement_id: str, *, journal: str | os.PathLike[str]) -> Replay:
        """Compare a settled window with the answers that were kept in ``journal``.

        Reads the signed statement, the network's list of the window's entries and the statement
        before it, and reckons everything anew. Raises JournalError where the file is no journal.
        """
        statement = self.statement(settlement_id).data
        window = statement["window"]
        return replay(
            statement,
            records=read_journal(journal),
            transactions=self.transactions(
                since=date.fromisoformat(window["first_day"]),
                until=date.fromisoformat(window["end_day"]),
            ),
            keys=self._transport.network_keys(),
            previous=self._totals_before(settlement_id),
        )

    def _totals_before(self, settlement_id: str) -> dict[str, Any] | None:
        """Return the totals of the statement before this one, ``None`` for the first."""
        found = iter(self.settlements())
        for each in found:
            if each["window"]["id"] == settlement_id:
                return next(found, {"totals": None})["totals"]
        return None

    def _get(
        self,
        path: str,
        query: Mapping[str, str | None] | None = None,
        *,
        accept: str = "application/json",
    ) -> Answer:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._transport.call(Request(method="GET", path=path, query=given, accept=accept))

    def _post(
        self,
        path: str,
        fields: Mapping[str, Any],
        idempotency_key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        given = {name: value for name, value in fields.items() if value is not None}
        plain = json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()
        body, key = self._transport.salted(plain), idempotency_key or new_idempotency_key()
        return self._transport.call(
            Request(method="POST", path=path, query=query or {}, body=body, idempotency_key=key)
        )

    def _pages(
        self, path: str, query: Mapping[str, str | None], page: int
    ) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            answer = self._get(path, {**query, "limit": str(page), "cursor": cursor})
            yield from answer.data["items"]
            cursor = answer.data["next_cursor"]
            if cursor is None:
                return
