"""Signed earns and redemptions over HTTP, beside a bare unsigned view that posts the same.

The requests are signed beforehand and sent by a load generator in C, on the same machine and so
against the server; every figure of a round is taken in turn with the others.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from config.demo.stage import Seat, Signatories, set_stage
from config.health import healthy
from merchant_gateway.signing import RequestMessage, sign_request
from network.clock import local_date, wall_now
from network.ids import uuid7
from network.ledger import operations
from network.ledger.values import Claim, Event, Grant
from network.members import enrolment, queries
from network.merchants import queries as merchants
from network.operators import service as operators
from network.settings import PROGRAMME_ZONE
from network.signing.service import ensure_keys
from tests.benchmarks import campaign
from tests.benchmarks.figures import Contender
from tests.benchmarks.load import Load
from tests.benchmarks.stand import Stand

MEMBERS = 500
WARM_UP = 300
"""So many requests go before each round, to whoever is measured: other figures were taken since the
last one, and a server that is called all the time has what it keeps at hand."""
_LINES = [("Dairy", 800_000), ("Bread", 400_000), ("Fruit", 200_000), ("Tea", 100_000)]
_AMOUNT = sum(amount for _, amount in _LINES)


@dataclass(slots=True, kw_only=True)
class Scene:
    """Merchants with keys, and members with phones, purses and codes.

    At ``plain`` merchants no campaign runs, at those of ``added`` one that adds to every purchase.
    """

    plain: list[Seat]
    added: list[Seat]
    members: list[UUID]
    phones: list[str]
    used_codes: set[str] = field(default_factory=set)


def set_scene(stand: Stand) -> Scene:
    """Make the coalition of the demo and its members, each with a purse to spend from."""
    services = stand.services
    now = wall_now()
    today = local_date(now, zone=PROGRAMME_ZONE)
    with services.database.unit_of_work() as session:
        ensure_keys(session, services.vault, now=now)
        people = [
            operators.add_operator(
                session,
                vault=services.vault,
                now=now,
                email=f"{role}@bench.example",
                name=role,
                role=role,
                password=uuid7().hex,
            ).operator.operator_id
            for role in ("administrator", "approver")
        ]
    seats = set_stage(
        services,
        baskets=(),
        first_day=today,
        now=now,
        signatories=Signatories(proposer=people[0], approver=people[1]),
    )
    phones = [f"+98935{number:07d}" for number in range(MEMBERS)]
    with services.database.unit_of_work() as session:
        members = [
            enrolment.enrol(
                session,
                services.vault,
                phone=phone,
                consents=("membership",),
                locale="fa",
                now=now,
            )
            for phone in phones
        ]
    _fill_purses(stand, members=members, issuer=next(iter(seats.values())).merchant_id)
    plain, added = campaign.part(stand, list(seats.values()))
    return Scene(plain=plain, added=added, members=members, phones=phones)


def _fill_purses(stand: Stand, *, members: list[UUID], issuer: UUID) -> None:
    now = wall_now()
    today = local_date(now, zone=PROGRAMME_ZONE)
    with stand.services.database.reading() as session:
        terms = merchants.agreement_on(session, merchant_id=issuer, day=today)
    with stand.services.database.ledger() as connection:
        for member_id in members:
            operations.earn(
                connection,
                now=now,
                claim=Claim(client_id=issuer, key=member_id.hex, fingerprint=bytes(32)),
                member_id=member_id,
                event=Event(
                    merchant_id=issuer,
                    merchant_ref="purse",
                    effective_at=now,
                    amount=1,
                    currency="IRR",
                ),
                grants=[
                    Grant(
                        issuer_id=issuer,
                        terms_id=terms.agreement_id,
                        price=terms.issue_price,
                        points=10**9,
                        base=1,
                        active_from=today,
                        expires_on=today.replace(year=today.year + 1, day=1),
                        line=0,
                    )
                ],
                explanation=[],
                evidence=None,
            )


@contextmanager
def serving(stand: Stand, *, application: str, workers: int = 2) -> Iterator[int]:
    """Serve an application as production does; yield its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        port: int = listener.getsockname()[1]
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"),
                *("--workers", str(workers), "--bind", f"fd://{listener.fileno()}", application),
            ],
            env={**os.environ, **environment(stand)},
            pass_fds=[listener.fileno()],
            stderr=(stand.directory / "front.log").open("ab"),
        )
        try:
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def environment(stand: Stand) -> Mapping[str, str]:
    """Return what a process of an installation is told about the stand."""
    settings = stand.services.settings
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "PEYVAND_MASTER_KEY": base64.b64encode(settings.master_key).decode(),
    }


def await_front(port: int) -> None:
    """Wait until the gateway answers its health check."""
    deadline = time.monotonic() + 60
    while not healthy(port):
        if time.monotonic() > deadline:
            raise TimeoutError("the gateway does not answer")
        time.sleep(0.05)


def _wire(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def signed(
    *, port: int, path: str, seat: Seat, body: Mapping[str, Any], number: int, run: str
) -> bytes:
    """Return a whole signed request as bytes."""
    content = json.dumps(body, separators=(",", ":")).encode()
    host = f"127.0.0.1:{port}"
    key = f"bench-{run}-{number:08d}"
    headers = sign_request(
        request=RequestMessage(
            method="POST",
            authority=host,
            path=path,
            query="",
            content_type="application/json",
            content_digest=None,
            idempotency_key=key,
            body=content,
        ),
        key=seat.key,
        key_id=seat.key_id,
        now=wall_now(),
    ).as_headers()
    base = {
        "Host": host,
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "Idempotency-Key": key,
    }
    return _wire(path, {**base, **headers}, content)


def earn_requests(
    scene: Scene, *, port: int, how_many: int, seats: Sequence[Seat] | None = None
) -> list[bytes]:
    """Return signed earns of four lines, members by phone, merchants (the plain ones) in turn."""
    seats = seats or scene.plain
    run = uuid7().hex[:12]
    now = datetime.now(UTC).isoformat()
    return [
        signed(
            port=port,
            path="/v1/earnings",
            seat=seats[number % len(seats)],
            number=number,
            run=run,
            body={
                "member": {"phone": scene.phones[number % MEMBERS]},
                "merchant_ref": f"r-{run}-{number}",
                "amount": _AMOUNT,
                "currency": "IRR",
                "occurred_at": now,
                "channel": "in_store",
                "lines": [
                    {"sku": f"s{place}", "category": name, "quantity": 1, "amount": amount}
                    for place, (name, amount) in enumerate(_LINES)
                ],
            },
        )
        for number in range(how_many)
    ]


def redeem_requests(stand: Stand, scene: Scene, *, port: int, how_many: int) -> list[bytes]:
    """Return signed redemptions of five points, each with a fresh code of its member."""
    run = uuid7().hex[:12]
    now = wall_now()
    with stand.services.database.reading() as session:
        codes = [
            _unused_code(stand, scene, session, member_id=scene.members[number % MEMBERS], wall=now)
            for number in range(how_many)
        ]
    return [
        signed(
            port=port,
            path="/v1/redemptions",
            seat=scene.plain[number % len(scene.plain)],
            number=number,
            run=run,
            body={
                "member": {"code": codes[number]},
                "merchant_ref": f"r-{run}-{number}",
                "points": 5,
                "capture": "auto",
                "occurred_at": now.isoformat(),
                "channel": "in_store",
            },
        )
        for number in range(how_many)
    ]


def _unused_code(
    stand: Stand, scene: Scene, session: Session, *, member_id: UUID, wall: datetime
) -> str:
    """Return a code that no run has used: many in one minute meet in 16 bits of serial."""
    while True:
        text = queries.current_code(
            session, stand.services.vault, member_id=member_id, limit=100, wall=wall
        ).text
        if text not in scene.used_codes:
            scene.used_codes.add(text)
            return text


def bare_requests(scene: Scene, *, port: int, how_many: int) -> list[bytes]:
    """Return unsigned requests for the bare view, with the same lines as a signed earn."""
    run = uuid7().hex[:12]
    requests = []
    for number in range(how_many):
        content = json.dumps(
            {
                "member": str(scene.members[number % MEMBERS]),
                "merchant": str(scene.plain[number % len(scene.plain)].merchant_id),
                "merchant_ref": f"b-{run}-{number}",
                "amount": _AMOUNT,
                "lines": [{"category": name, "amount": amount} for name, amount in _LINES],
            },
            separators=(",", ":"),
        ).encode()
        headers = {
            "Host": f"127.0.0.1:{port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Idempotency-Key": f"bare-{run}-{number:08d}",
        }
        requests.append(_wire("/bare/earnings", headers, content))
    return requests


def contenders(
    stand: Stand, scene: Scene, *, gateway: int, bare: int, how_many: int
) -> list[Contender]:
    """Return the figures over HTTP, each round of ``how_many`` requests after a warm-up."""
    load = Load(stand)

    def rate_of(make: Callable[[int], list[bytes]], port: int) -> Callable[[], float]:
        def take() -> float:
            requests = make(WARM_UP + how_many)
            load.run(requests[:WARM_UP], port=port)
            return float(load.run(requests[WARM_UP:], port=port)["per_second"])

        return take

    return [
        Contender(
            name="http_bare_view",
            unit="req/s",
            take=rate_of(lambda number: bare_requests(scene, port=bare, how_many=number), bare),
            note="unsigned, same function, same server",
        ),
        Contender(
            name="http_earn",
            unit="req/s",
            take=rate_of(
                lambda number: earn_requests(scene, port=gateway, how_many=number), gateway
            ),
            ratio_to="http_bare_view",
            beside="sql_earn",
            aim=0.6,
            note="signed both ways, by phone, four lines",
        ),
        Contender(
            name="http_earn_campaign",
            unit="req/s",
            take=rate_of(
                lambda number: earn_requests(
                    scene, port=gateway, how_many=number, seats=scene.added
                ),
                gateway,
            ),
            ratio_to="http_earn",
            note="the same, where a campaign of the network adds to each",
        ),
        Contender(
            name="http_redeem",
            unit="req/s",
            take=rate_of(
                lambda number: redeem_requests(stand, scene, port=gateway, how_many=number), gateway
            ),
            ratio_to="http_bare_view",
            beside="sql_redeem",
            note="signed both ways, by code, captured at once",
        ),
    ]
