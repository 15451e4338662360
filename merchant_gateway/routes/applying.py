"""The door for sites that want to join: a form in both languages, and the same as a POST of JSON.

Nobody is signed in here. So answers never tell what the network knows already: no code, name or
address is compared with anybody's, and who is over a limit is told no more than that.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from flask import Flask, Response, render_template, request

from merchant_gateway.answering import respond
from merchant_gateway.errors import (
    BadRequestError,
    FieldError,
    InvalidRequestError,
    RateLimitedError,
)
from merchant_gateway.gateway import Gateway
from merchant_gateway.limits import LocalRate
from merchant_gateway.operations import Answer, read_json
from merchant_gateway.problems import field_text
from merchant_gateway.schemas.applying import APPLICATION
from merchant_gateway.schemas.load import load_body
from network import ids
from network.clock import wall_now
from network.language import LOCALES, LazyText, ascii_digits, current_locale, set_locale
from network.language import lazy_gettext as _
from network.merchants import applications
from network.merchants.addresses import line_of
from network.merchants.applications import BROWSER, PROGRAM, Applied, Contact
from network.merchants.errors import InvalidKeyError, TooManyApplicationsError
from network.merchants.public_keys import read_public_key

PUBLIC = frozenset({"application_form", "send_application_form", "create_application"})
"""The endpoints without authentication."""

POLICY_APPLICATIONS = "application"
MAX_BYTES = 16 * 1024
ATTEMPTS = 30
ATTEMPTS_WINDOW = 600
TOO_MANY_SECONDS = 3600
_ADDRESS_SECONDS = int(applications.ADDRESS_WINDOW.total_seconds())
POLICY = (
    f'"{POLICY_APPLICATIONS}";q={applications.PER_ADDRESS};w={_ADDRESS_SECONDS}, '
    f'"attempt";q={ATTEMPTS};w={ATTEMPTS_WINDOW}'
)
"""What one address may do: so many applications are taken, and so many attempts looked at."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
KIND_NAMES: dict[str, LazyText] = {
    "retail": _("Shop"),
    "grocer": _("Groceries"),
    "restaurant": _("Restaurant or café"),
    "pharmacy": _("Pharmacy"),
    "fashion": _("Clothing"),
    "travel": _("Travel"),
    "online": _("Online shop"),
    "services": _("Services"),
}

LABELS: dict[str, LazyText] = {
    "name_fa": _("Name in Persian"),
    "name_en": _("Name in Latin letters"),
    "kind": _("What you sell"),
    "way": _("Do you have a programmer?"),
    "website": _("Website"),
    "contact_name": _("Your name"),
    "contact_email": _("E-mail"),
    "contact_phone": _("Telephone"),
    "message": _("What we should know"),
    "public_key": _("Ed25519 public key for tests"),
}
_IN_WORDS: dict[str, LazyText] = {
    "way": _("Choose one of the two; it can be changed later."),
    "website": _("Give the whole address, beginning with https://."),
    "contact_email": _("Give an e-mail address with its @ and its domain."),
    "contact_phone": _("Give a telephone number in digits."),
}
"""What ``wrong_form`` means to a person who fills the form."""


def register(app: Flask, gateway: Gateway) -> None:
    """Add the door to ``app``."""
    attempts = LocalRate(quota=ATTEMPTS, window=ATTEMPTS_WINDOW)

    def application_form() -> Response:
        """Show the form."""
        _choose_language()
        return _page("apply.html", given={}, errors={}, status=200)

    def send_application_form() -> Response:
        """Take the form; show what is wrong with it beside each field."""
        request.max_content_length = MAX_BYTES
        _choose_language()
        _refuse_other_sites()
        given = {name: value.strip() for name, value in request.form.items() if value.strip()}
        given.pop("lang", None)
        try:
            attempts.attempt(line_of(request.remote_addr or ""))
            applied = _apply(gateway, _from_form(given))
        except InvalidRequestError as error:
            wrong = {each.pointer.removeprefix("/"): _in_words(each) for each in error.errors}
            return _page("apply.html", given=given, errors=wrong, status=422)
        except RateLimitedError as error:
            page = _page("apply.html", given=given, errors={}, busy=True, status=429)
            page.headers["Retry-After"] = str(error.retry_after)
            page.headers["RateLimit-Policy"] = POLICY
            return page
        portal = gateway.services.settings.portal_url
        return _page("applied.html", status=201, applied=_answer(applied), portal=portal)

    def create_application() -> Response:
        """Take the same as JSON."""
        request.max_content_length = MAX_BYTES
        attempts.attempt(line_of(request.remote_addr or ""))
        body = read_json(request.get_data(), request.environ.get("CONTENT_TYPE", ""))
        applied = _apply(gateway, body)
        headers = {"Cache-Control": "no-store", "RateLimit-Policy": POLICY}
        return respond(Answer(payload=_answer(applied), status=201, headers=headers))

    for path, view, method in (
        ("/apply", application_form, "GET"),
        ("/apply", send_application_form, "POST"),
        ("/applications", create_application, "POST"),
    ):
        app.add_url_rule(path, view_func=view, methods=[method], provide_automatic_options=False)


def _apply(gateway: Gateway, body: dict[str, Any]) -> Applied:
    """Write an application down; raises InvalidRequestError or RateLimitedError."""
    given = body.get("public_key")
    if isinstance(given, str):  # a PEM has several lines
        body = {**body, "public_key": " ".join(given.split())}
    data = load_body(APPLICATION, body)
    if data["way"] == BROWSER and "public_key" in data:
        raise InvalidRequestError([FieldError("/public_key", "only_with", "way=program")])
    locale: Literal["fa", "en"] = "fa" if current_locale() == "fa" else "en"
    contact = Contact(
        name=data["contact_name"],
        email=data["contact_email"],
        phone=data["contact_phone"],
        message=data.get("message", ""),
    )
    services = gateway.services
    try:
        key = None if "public_key" not in data else read_public_key(data["public_key"])
        with services.database.unit_of_work() as session:
            return applications.apply(
                session,
                services.vault,
                name_fa=data["name_fa"],
                name_en=data["name_en"],
                kind=data["kind"],
                contact=contact,
                locale=locale,
                address=request.remote_addr or "",
                way=data["way"],
                website=data.get("website"),
                public_key=key,
                now=wall_now(),
            )
    except InvalidKeyError as error:
        raise InvalidRequestError([FieldError("/public_key", "weak_or_no_key")]) from error
    except TooManyApplicationsError as error:
        raise RateLimitedError(retry_after=TOO_MANY_SECONDS, policy=POLICY_APPLICATIONS) from error


def _from_form(given: dict[str, str]) -> dict[str, Any]:
    """Return a form as the schema takes it: text on one line, digits as machines write them."""
    fields = {name: " ".join(value.split()) for name, value in given.items()}
    if "contact_phone" in fields:
        fields["contact_phone"] = ascii_digits(fields["contact_phone"])
    fields.setdefault("way", "")  # the form asks, and takes no silence for an answer
    if fields["way"] == BROWSER:
        fields.pop("public_key", None)
    return fields


def _in_words(error: FieldError) -> str:
    """Return what is wrong with a field of the form."""
    name = error.pointer.removeprefix("/")
    words = _IN_WORDS.get(name)
    if (error.code == "wrong_form" or name == "way") and words is not None:
        return str(words)
    return field_text(error)


def _answer(applied: Applied) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": ids.encode("app", applied.application_id),
        "state": "waiting",
    }
    if applied.key is None:
        return answer | {"way": BROWSER}
    key: dict[str, Any] = {
        "key_id": applied.key.key_id,
        "algorithm": applied.key.algorithm,
        "environment": "test",
    }
    if applied.key.secret is not None:
        key["secret"] = applied.key.secret.hex()
    return answer | {"way": PROGRAM, "key": key}


def _choose_language() -> None:
    wanted = request.args.get("lang") or request.form.get("lang", "")
    if wanted in LOCALES:
        set_locale(wanted)


def _refuse_other_sites() -> None:
    """Refuse a form that another site had a visitor's browser send."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise BadRequestError("a form that another site sent")


def _page(template: str, *, status: int, **facts: Any) -> Response:
    html = render_template(
        template,
        locale=current_locale(),
        labels={name: str(label) for name, label in LABELS.items()},
        kinds=[(code, str(name)) for code, name in KIND_NAMES.items()],
        **facts,
    )
    response = Response(html, status=status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Language"
    return response
