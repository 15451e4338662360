"""Pages for what the server could not read as a request, in the words of all other error pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flask import Flask

from config.web.failures import WORDS, Words, page
from network.language import lazy_gettext as _l

_STATUS = {
    "address_too_long": 414,
    "bad_request": 400,
    "expectation_failed": 417,
    "headers_too_large": 431,
    "request_late": 503,
    "transfer_coding_unsupported": 501,
}
_LATE = Words(
    _l("The connection was too slow"),
    _l("The request did not arrive whole. Nothing was done; try again in a moment."),
)
_UNREAD = {
    414: Words(
        _l("This address is too long"),
        _l("Open the page from the menu, or look for fewer words."),
    ),
    431: Words(
        _l("The browser sent too much"),
        _l("Delete the cookies of this site in the browser, then open the page again."),
    ),
    503: _LATE,
}


@dataclass(slots=True)
class Page:
    """An error page as it goes out."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Refusing(Protocol):
    """Makes the page of a refusal's code."""

    def __call__(self, code: str, *, language: str, pause: int = 0) -> Page:
        """Return the page; ``language`` is what stood in ``Accept-Language``, if any."""


def refusing(app: Flask) -> Refusing:
    """Return how a furnished front answers what never became a request.

    Nothing is known of it, its cookies included, but the languages that it asked for. No session is
    opened, and neither database nor queue is asked: the thread that keeps the process alive tells
    those who were too slow.
    """

    def refuse(code: str, *, language: str, pause: int = 0) -> Page:
        status = _STATUS.get(code, 500)
        words = _UNREAD.get(status) or WORDS[500 if status == 500 else 400]  # noqa: PLR2004
        asked = {"Accept-Language": language} if language else {}
        address = str(app.config["PEYVAND_ADDRESS"])
        with app.test_request_context(base_url=address, headers=asked):
            response = app.process_response(app.make_response(page(status, words)))
            if pause:
                response.headers["Retry-After"] = str(pause)
            return Page(status, dict(response.headers), response.get_data())

    return refuse
