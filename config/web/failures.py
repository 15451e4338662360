"""Error pages: one place turns what was raised into a status, words and a page in two languages."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from flask import Flask, render_template
from flask_wtf.csrf import CSRFError
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, InternalServerError

from config.web.headers import request_id
from config.web.reader import reader_locale
from network.errors import UnavailableError
from network.ids import UnknownIdError
from network.language import LazyText, set_locale
from network.language import lazy_gettext as _l

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """What a person reads about one status."""

    title: LazyText
    advice: LazyText


WORDS = {
    400: Words(
        _l("This request cannot be read"),
        _l("Something in the address or the form is not right. Go back and try once more."),
    ),
    401: Words(_l("Please sign in"), _l("This page is for people who are signed in.")),
    403: Words(_l("You may not open this"), _l("Your account has no right to this page.")),
    404: Words(
        _l("Page not found"),
        _l("There is nothing at this address. It may have moved, or the link may be old."),
    ),
    405: Words(
        _l("This cannot be done here"),
        _l("The page exists, but not for this kind of request. Go back and try once more."),
    ),
    413: Words(_l("That is too large"), _l("What was sent is larger than this page accepts.")),
    429: Words(
        _l("Too many attempts"),
        _l("To protect accounts we slow down repeated attempts. Wait a moment, then try again."),
    ),
    500: Words(
        _l("Something went wrong on our side"),
        _l("Nothing was done in part. If it happens again, tell us the number below."),
    ),
    503: Words(
        _l("We are not reachable right now"),
        _l("The service behind this page does not answer. Your points are safe; try again soon."),
    ),
}
FORM_EXPIRED = Words(
    _l("This form has expired"),
    _l("The form was open for too long, or in another sign-in. Open the page again and resend."),
)


def install(app: Flask) -> None:
    """Register the error pages of ``app``."""

    @app.errorhandler(CSRFError)
    def form_expired(_error: CSRFError) -> tuple[str, int]:
        return page(400, FORM_EXPIRED)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[str, int, list[tuple[str, str]]]:
        status = error.code or 500
        kept = [pair for pair in error.get_headers() if pair[0] in {"Allow", "Retry-After"}]
        return (*page(status, WORDS.get(status, WORDS[400 if status < 500 else 500])), kept)  # noqa: PLR2004 - 5xx are ours

    @app.errorhandler(UnknownIdError)
    def unknown_id(_error: UnknownIdError) -> tuple[str, int]:
        return page(404, WORDS[404])

    @app.errorhandler(UnavailableError)
    @app.errorhandler(RedisError)
    def unavailable(error: Exception) -> tuple[str, int, dict[str, str]]:
        log.error("unavailable", request_id=request_id(), error=type(error).__name__)
        return (*page(503, WORDS[503]), {"Retry-After": "5"})

    @app.errorhandler(InternalServerError)
    def broken(error: InternalServerError) -> tuple[str, int]:
        cause = error.original_exception or error
        # Flask logs the traceback itself; this line ties it to the number on the page.
        log.error("unhandled", request_id=request_id(), error=type(cause).__name__)
        return page(500, WORDS[500])


def page(status: int, words: Words) -> tuple[str, int]:
    """Return an error page in the reader's language; asks neither database nor queue."""
    set_locale(reader_locale())
    body = render_template("errors/error.html", status=status, words=words, bare=True)
    return body, status
