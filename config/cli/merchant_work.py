"""What the commands about merchants have in common: a unit of work, the audit log, the word out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
import redis
from sqlalchemy.orm import Session

from config.environment import open_services
from network.clock import wall_now
from network.database.installation import ProgrammeClock
from network.language import gettext as _
from network.merchants import access_epoch, queries
from network.merchants.queries import MerchantView
from network.operators.audit import SYSTEM, record_act
from network.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One command's services, its unit of work, and its two times."""

    services: Services
    session: Session
    now: datetime
    programme_now: datetime

    def record(self, action: str, code: str, facts: Mapping[str, Any]) -> None:
        """Write an act of the command line into the audit log."""
        record_act(
            self.session,
            now=self.now,
            actor=SYSTEM,
            action=action,
            subject=f"merchant:{code}",
            facts=facts,
        )


@contextmanager
def working(name: str) -> Iterator[Work]:
    """Yield the work of one command; after its commit every gateway process reads keys anew."""
    with open_services(os.environ, application_name=f"peyvand-merchant-{name}") as services:
        with services.database.unit_of_work() as session:
            yield Work(
                services=services,
                session=session,
                now=wall_now(),
                programme_now=ProgrammeClock(services.database).now(),
            )
        _announce(services)


def find(work: Work, code: str) -> MerchantView:
    """Return a merchant by its code; raise UnknownMerchantError."""
    return queries.merchant(work.session, code=code)


def done(sentence: str) -> None:
    """Say on standard error what was done: standard output is for what was asked for."""
    click.echo(sentence, err=True)


def _announce(services: Services) -> None:
    """Say so at once; where the queue's Valkey is away, the outbox says it later."""
    with redis.Redis.from_url(services.settings.redis_url, socket_connect_timeout=2) as client:
        try:
            access_epoch.announce(client)
        except redis.RedisError:
            done(_("Valkey cannot be reached: gateways notice the change within a second."))
