"""Frozen settings, read from the environment once at the start of a process."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from network.errors import ConfigurationError

MASTER_KEY_BYTES = 32
LEAST_REFUND_DAYS = 60
"""More than the schedule looks back when it makes partitions (config.preparation.DAYS_BEHIND)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process needs to know about where it runs.

    ``database_url`` logs in as the application role, which cannot write the ledger's tables;
    ``owner_url`` as the owner, for migrations and partitions only (``None`` in processes that
    have no business there). URLs are SQLAlchemy URLs with the ``postgresql+psycopg`` driver.
    ``refund_days``: for so long months stay where a refund finds its purchase. ``payment_iban``
    and ``payment_name``: the account that merchants are paid from, and its holder.
    ``step_up_points`` and ``step_up_rials``: above so many points, or so much worth in rials,
    whichever is less, a member's PIN or passkey is asked for.
    ``webhook_loopback``: webhooks may go to this machine, where the installation is simulated or
    ``embedded`` (it runs its own servers). Merchants' sandboxes are databases of their own, at most
    ``most_sandboxes``: on the server of ``sandbox_url`` where it is given, else beside the first.
    """

    database_url: str = field(repr=False)
    owner_url: str | None = field(default=None, repr=False)
    redis_url: str = field(repr=False)
    master_key: bytes = field(repr=False)
    gateway_url: str = "http://127.0.0.1:8800"
    wallet_url: str = "http://127.0.0.1:8801"
    console_url: str = "http://127.0.0.1:8802"
    portal_url: str = "http://127.0.0.1:8803"
    sms_url: str | None = None
    sms_token: str | None = field(default=None, repr=False)
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str = "peyvand@localhost"
    trusted_proxies: int = 0
    refund_days: int = 180
    step_up_points: int = 5_000
    step_up_rials: int | None = None
    payment_iban: str | None = None
    payment_name: str = "Peyvand"
    webhook_loopback: bool = False
    embedded: bool = False
    sandbox_url: str | None = field(default=None, repr=False)
    sandbox_owner_url: str | None = field(default=None, repr=False)
    most_sandboxes: int = 100

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read settings from ``environment``; raise ConfigurationError naming what is missing."""
        defaults = {
            "gateway_url": "http://127.0.0.1:8800",
            "wallet_url": "http://127.0.0.1:8801",
            "console_url": "http://127.0.0.1:8802",
            "portal_url": "http://127.0.0.1:8803",
        }
        urls = {
            name: environment.get(f"PEYVAND_{name.upper()}", default).rstrip("/")
            for name, default in defaults.items()
        }
        return cls(
            database_url=database_url(_required(environment, "DATABASE_URL")),
            owner_url=_database_or_none(environment, "DATABASE_OWNER_URL"),
            redis_url=_required(environment, "REDIS_URL"),
            master_key=decode_master_key(_required(environment, "PEYVAND_MASTER_KEY")),
            sms_url=environment.get("PEYVAND_SMS_URL") or None,
            sms_token=environment.get("PEYVAND_SMS_TOKEN") or None,
            smtp_url=environment.get("PEYVAND_SMTP_URL") or None,
            mail_from=environment.get("PEYVAND_MAIL_FROM", "").strip() or "peyvand@localhost",
            trusted_proxies=_whole_number(environment, "PEYVAND_TRUSTED_PROXIES", default=0),
            refund_days=_refund_days(environment),
            step_up_points=_whole_number(environment, "PEYVAND_STEP_UP_POINTS", default=5_000),
            step_up_rials=_number_or_none(environment, "PEYVAND_STEP_UP_RIALS"),
            payment_iban=_without_spaces(environment, "PEYVAND_PAYMENT_IBAN") or None,
            payment_name=environment.get("PEYVAND_PAYMENT_NAME", "").strip() or "Peyvand",
            webhook_loopback=environment.get("PEYVAND_WEBHOOK_LOOPBACK") == "1",
            embedded=False,
            sandbox_url=_database_or_none(environment, "SANDBOX_DATABASE_URL"),
            sandbox_owner_url=_database_or_none(environment, "SANDBOX_DATABASE_OWNER_URL"),
            most_sandboxes=_whole_number(environment, "PEYVAND_SANDBOXES", default=100),
            **urls,
        )


PROGRAMME_ZONE = ZoneInfo("Asia/Tehran")
"""The zone in which a programme's business day, expiry and prices are reckoned."""

CURRENCY = "IRR"
"""The programme's currency. Amounts are whole rials (the rial has no minor unit in use)."""


def database_url(url: str, *, field: str = "DATABASE_URL") -> str:
    """Return ``url`` with the psycopg driver named, as SQLAlchemy wants it.

    ``field`` is the variable that a ConfigurationError names.
    """
    for prefix in ("postgresql+psycopg://", "postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    raise ConfigurationError(f"{field} must begin with postgresql://", field=field)


def decode_master_key(text: str) -> bytes:
    """Decode the master key: base64 (either alphabet) of exactly 32 bytes."""
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError(
            "PEYVAND_MASTER_KEY is not base64", field="PEYVAND_MASTER_KEY"
        ) from error
    if len(key) != MASTER_KEY_BYTES:
        raise ConfigurationError(
            f"PEYVAND_MASTER_KEY must hold {MASTER_KEY_BYTES} bytes in base64",
            field="PEYVAND_MASTER_KEY",
        )
    return key


def _database_or_none(environment: Mapping[str, str], name: str) -> str | None:
    url = environment.get(name, "")
    return database_url(url, field=name) if url else None


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} is not set", field=name)
    return value


def _whole_number(environment: Mapping[str, str], name: str, *, default: int) -> int:
    text = environment.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise ConfigurationError(f"{name} must be a whole number", field=name)
    return int(text)


def _number_or_none(environment: Mapping[str, str], name: str) -> int | None:
    return _whole_number(environment, name, default=0) if environment.get(name) else None


def _refund_days(environment: Mapping[str, str]) -> int:
    days = _whole_number(environment, "PEYVAND_REFUND_DAYS", default=180)
    if days < LEAST_REFUND_DAYS:
        raise ConfigurationError(
            f"PEYVAND_REFUND_DAYS must be {LEAST_REFUND_DAYS} or more", field="PEYVAND_REFUND_DAYS"
        )
    return days


def _without_spaces(environment: Mapping[str, str], name: str) -> str:
    return "".join(environment.get(name, "").split()).upper()
