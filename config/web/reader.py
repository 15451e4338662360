"""Who reads: the language and the money unit of a request.

The order is: ``?lang=`` (kept in a cookie), the cookie, the signed-in reader's own preference
(a front puts it into ``g.reader_locale`` and ``g.reader_money_unit`` when it loads its session),
the browser's languages, and Persian. A front that sets ``g.keep_language`` has the language of the
present page kept as if it had been asked for: whoever signs in goes on in the same language.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect

from network.language import DEFAULT_LOCALE, LOCALES, MONEY_UNITS, current_locale, set_locale

LANGUAGE_COOKIE = "peyvand_lang"
_YEAR_SECONDS = 31_536_000


def install(app: Flask, *, money_unit: str, secure: bool) -> None:
    """Choose the reader's language before each view; call after the front's own hooks."""

    @app.before_request
    def choose_language() -> None:
        set_locale(reader_locale())

    @app.after_request
    def keep_choice(response: Response) -> Response:
        if request.endpoint == "assets":
            return response  # the same for every reader, and kept for a year
        response.headers.setdefault("Content-Language", current_locale())
        response.vary.update(("Accept-Language", "Cookie"))
        chosen = current_locale() if g.get("keep_language") else request.args.get("lang")
        if chosen in LOCALES and chosen != request.cookies.get(LANGUAGE_COOKIE):
            response.set_cookie(
                LANGUAGE_COOKIE,
                chosen,
                max_age=_YEAR_SECONDS,
                secure=secure,
                httponly=True,
                samesite="Lax",
            )
        return response

    @app.teardown_request
    def forget_language(_error: BaseException | None) -> None:
        set_locale(DEFAULT_LOCALE)

    app.config["PEYVAND_MONEY_UNIT"] = money_unit
    app.config["PEYVAND_LANGUAGE_COOKIE"] = LANGUAGE_COOKIE
    app.jinja_env.globals["other_languages"] = other_languages
    app.jinja_env.globals["reader_money_unit"] = lambda: reader_money_unit(app)


def reader_locale() -> str:
    """Return the language in which to answer the present request."""
    for choice in (
        request.args.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        g.get("reader_locale"),
    ):
        if choice in LOCALES:
            return str(choice)
    return request.accept_languages.best_match(LOCALES, default="fa") or "fa"


def reader_money_unit(app: Flask) -> str:
    """Return the unit in which the present reader wants to see money."""
    unit = g.get("reader_money_unit")
    return unit if unit in MONEY_UNITS else str(app.config["PEYVAND_MONEY_UNIT"])


def other_languages() -> list[tuple[str, str, str]]:
    """Return (code, own name, address of this page) of each language but the reader's own.

    What was sent and came back with its errors has no address to be read at: there the link leads
    to the page above it.
    """
    names = {"fa": "فارسی", "en": "English"}
    fields = request.args.to_dict() if request.method == "GET" else {}
    path = request.path
    if request.method != "GET":
        path = readable(current_app.create_url_adapter(request), path)
    found = []
    for code in LOCALES:
        if code == current_locale():
            continue
        query = urlencode(fields | {"lang": code})
        found.append((code, names[code], f"{path}?{query}"))
    return found


def readable(routes: MapAdapter | None, path: str) -> str:
    """Return ``path``, or the nearest one above it that can be read with GET."""
    while routes is not None and path != "/":
        try:
            routes.match(path, method="GET")
        except RequestRedirect:
            return path
        except HTTPException:
            path = path.rpartition("/")[0] or "/"
        else:
            return path
    return path
