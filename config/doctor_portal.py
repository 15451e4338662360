"""What ``peyvand doctor`` looks at in the merchants' portal."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from config.findings import Finding, fine
from config.health import HEALTH_PATH
from network.language import gettext as _
from network.portal import queries
from network.services import Services

_TIMEOUT_SECONDS = 3.0


def portal(services: Services) -> list[Finding]:
    """Say whether the portal answers at its address, and which merchants nobody can sign in for."""
    with services.database.reading() as session:
        locked_out = queries.merchants_without_administrator(session)
    return [_answers(services.settings.portal_url), _administrators(locked_out)]


def _answers(url: str) -> Finding:
    if answers(url):
        return fine("portal", _("answers at %(url)s", url=url))
    return Finding(
        check="portal",
        ok=False,
        found=_("no answer at %(url)s", url=url),
        advice=_("Is it running, and is this its address (PEYVAND_PORTAL_URL)?"),
    )


def _administrators(locked_out: list[str]) -> Finding:
    if not locked_out:
        return fine("portal people", _("every merchant has an administrator"))
    return Finding(
        check="portal people",
        ok=True,
        found=_("nobody manages the portal of: %(codes)s", codes=", ".join(locked_out[:10])),
        advice=_("Invite somebody from the merchant's page in the console."),
    )


def answers(url: str) -> bool:
    """Return whether a front answers at its address and reaches the database."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}{HEALTH_PATH}")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
