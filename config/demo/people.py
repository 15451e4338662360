"""The people of one shop of the demo, one of each role, for the merchants' portal."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from pathlib import Path

from config.demo.names import Name
from network.clock import wall_now
from network.merchants import queries as merchants
from network.operators import totp
from network.operators.audit import SYSTEM
from network.portal import service
from network.portal.roles import ADMINISTRATOR, CASHIER, FINANCE
from network.services import Services

PORTAL_SIGN_INS = "portal-sign-ins.json"
SHOP = "bostan"
PEOPLE = (
    (CASHIER, "sara", Name(fa="سارا کیانی", en="Sara Kiani")),
    (FINANCE, "finance@bostan.demo", Name(fa="بهرام نیک", en="Bahram Nik")),
    (ADMINISTRATOR, "owner@bostan.demo", Name(fa="مینا رستمی", en="Mina Rostami")),
)


TAKEN_BEFORE = timedelta(minutes=2)
"""So the one-time code that proved the second factor is over when somebody signs in."""


def add_people(services: Services, *, home: Path) -> None:
    """Let the shop's people in, and keep their sign-ins in a file of the home."""
    now = wall_now() - TAKEN_BEFORE
    sign_ins = []
    with services.database.unit_of_work() as session:
        merchant = merchants.merchant(session, code=SHOP)
        for role, login, name in PEOPLE:
            made = service.invite(
                session,
                services.vault,
                merchant=merchant,
                login=login,
                name=name.fa,
                role=role,
                actor=SYSTEM,
                now=now,
            )
            opened = service.welcome(session, services.vault, token=made.token, now=now)
            secret, password = opened.totp_secret, secrets.token_urlsafe(12)
            code = ""
            if secret is not None:
                code = totp.code_at(secret=secret, step=totp.step_at(now))
            service.accept(
                session,
                services.vault,
                token=made.token,
                password=password,
                code=code,
                now=now,
            )
            sign_ins.append(
                {"email": made.user.login, "role": role, "password": password, "secret": secret}
            )
    path = home / PORTAL_SIGN_INS
    path.touch(mode=0o600)
    path.write_text(json.dumps(sign_ins, indent=1) + "\n", encoding="utf-8")
