"""A request on its way to its answer: what is known of it so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from merchant_gateway.errors import RateLimitedError
from merchant_gateway.gateway import Call
from merchant_gateway.signing import ParsedSignature
from network import ids
from network.clock import wall_now
from network.language import LOCALES, set_locale

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

DEFAULT_LOCALE = "en"


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request as the WSGI server handed it over, and how far it has come.

    ``parsed`` stands once its signature could be read, ``call`` once it was believed; ``refused``
    is the quota that it went over.
    """

    environ: WSGIEnvironment
    request_id: str
    wall: datetime
    parsed: ParsedSignature | None = None
    call: Call | None = None
    refused: RateLimitedError | None = None

    @property
    def path(self) -> str:
        """Return the decoded path, as routes are found by it."""
        return "/" + str(self.environ.get("PATH_INFO") or "").lstrip("/")

    @property
    def address(self) -> str:
        """Return the address that it came from."""
        return str(self.environ.get("REMOTE_ADDR") or "")


def begin(environ: WSGIEnvironment) -> Exchange:
    """Read the clock once, draw the request's id, and speak the reader's language from here on."""
    set_locale(_readers_language(environ.get("HTTP_ACCEPT_LANGUAGE", "")))
    return Exchange(environ=environ, request_id=ids.passing("req"), wall=wall_now())


@lru_cache(maxsize=256)
def _readers_language(header: str) -> str:
    """Return the first language that the reader accepts and we speak; English for programs."""
    for tag, quality in parse_accept_header(header, LanguageAccept):
        language = tag.lower().partition("-")[0]
        if quality > 0 and language in LOCALES:
            return language
    return DEFAULT_LOCALE
