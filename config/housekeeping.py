"""The daily housekeeping: what nobody may or need keep is forgotten or sealed, in pieces.

Each kind is a step of its own, and each piece of it a unit of work: none holds rows for long, and
one that fails lets the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from config.sandboxes.tending import open_sandboxes
from merchant_gateway.batches.keeping import keep_bodies
from network.batches.service import forget_batches
from network.clock import wall_now
from network.database.connection import DatabaseUnavailableError
from network.errors import PeyvandError, UnavailableError
from network.events import feed
from network.ledger.forget import forget_requests
from network.members.joining import forget_unanswered
from network.members.service import forget_codes, forget_sessions
from network.merchants.answers import forget_answers
from network.merchants.nonces import forget_nonces
from network.messaging.service import forget_messages
from network.notices.devices import forget_devices
from network.notices.service import forget_notices
from network.notices.untold import forget_untold
from network.operators.sessions import forget_ended
from network.portal.signing_in import forget_places
from network.sandboxes.opening import sandbox_services
from network.second_factor.passkeys import forget_challenges
from network.second_factor.proofs import forget_proofs
from network.services import Services
from network.spend_requests.service import forget_requests_to_spend

KEPT = timedelta(days=30)
"""Messages, results of batches, kept answers, merchants' events, ended sign-ins."""

PIECE = 2_000
BATCHES_AT_ONCE = 20
"""A batch takes its thousands of results along."""

Step = tuple[str, Callable[[], int]]
"""What it forgets, and a function that forgets one piece and returns how much that was."""


class HouseNotKeptError(PeyvandError):
    """Some of what is old could not be forgotten; the rest was."""

    code = "house_not_kept"


def keep_house(services: Services) -> None:
    """Forget what nobody may or need keep, among the live data and in every sandbox.

    Raises HouseNotKeptError, after everything was tried, where something of the live data failed.
    """
    failed = keep_house_in(services)
    log = structlog.get_logger("peyvand.jobs")
    for each in open_sandboxes(services):
        inside = sandbox_services(services, each, application_name="peyvand-worker-sandbox")
        try:
            keep_house_in(inside)
        except UnavailableError as error:  # it may have been dropped meanwhile
            log.warning("no house kept", sandbox=each.database_name, code=error.code)
        finally:
            inside.database.dispose()
    if failed:
        raise HouseNotKeptError("not forgotten: " + ", ".join(failed))


def keep_house_in(services: Services) -> list[str]:
    """Take every step in one database; return the names of those that failed.

    Raises DatabaseUnavailableError where it is away: then nothing else would succeed.
    """
    log = structlog.get_logger("peyvand.jobs")
    counts: dict[str, int] = {}
    failed = []
    for name, forget in _steps(services, wall=wall_now()):
        counts[name] = 0
        try:
            while found := forget():
                counts[name] += found
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - no step may keep the others back
            failed.append(name)
            log.warning("not forgotten", what=name, reason=type(error).__name__)
    log.info("house kept", **counts)
    return failed


def _steps(services: Services, *, wall: datetime) -> Iterator[Step]:
    before = wall - KEPT

    def piece(forget: Callable[[Session], int]) -> int:
        with services.database.unit_of_work() as session:
            return forget(session)

    page: int | None = 0

    def requests() -> int:
        nonlocal page
        with services.database.ledger() as connection:
            while page is not None:
                found = forget_requests(connection, page=page)
                page = found.next_page
                if found.keys + found.codes:
                    return found.keys + found.codes
        return 0

    for name, forget in (
        ("sign_in_codes", partial(forget_codes, wall=wall, limit=PIECE)),
        ("enrolments", partial(forget_unanswered, wall=wall, limit=PIECE)),
        ("spend_requests", partial(forget_requests_to_spend, before=before, limit=PIECE)),
        ("member_sessions", partial(forget_sessions, before=before, limit=PIECE)),
        ("member_proofs", partial(forget_proofs, before=before, limit=PIECE)),
        ("member_challenges", partial(forget_challenges, wall=wall, limit=PIECE)),
        ("operator_sessions", partial(forget_ended, before=before, limit=PIECE)),
        ("portal_sign_ins", partial(forget_places, before=before, limit=PIECE)),
        ("nonces", partial(forget_nonces, wall=wall, limit=PIECE)),
        ("answers", partial(forget_answers, before=before, limit=PIECE)),
        ("messages", partial(forget_messages, before=before, limit=PIECE)),
        ("notices", partial(forget_notices, wall=wall, limit=PIECE)),
        ("untold", partial(forget_untold, before=before, limit=PIECE)),
        ("devices", partial(forget_devices, wall=wall, limit=PIECE)),
        ("batches", partial(forget_batches, before=before, limit=BATCHES_AT_ONCE)),
        ("merchant_events", partial(feed.forget, before=before, limit=PIECE)),
    ):
        yield name, partial(piece, forget)
    yield "batch_bodies", partial(keep_bodies, services, failed=set())
    yield "requests", requests
