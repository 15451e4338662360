"""Taking one's data along: a code confirms it, then comes one file with everything."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from network.exports import service as exports
from network.members.errors import ThrottledError
from wallet import access, forms
from wallet.code_words import refusal_words, wait_words
from wallet.limits import CHANGE, CONFIRM, limiter
from wallet.views.outbox import is_open

blueprint = Blueprint("exports", __name__, url_prefix="/profile/export")
_CHUNK = 64 * 1024


@blueprint.get("")
def ask() -> str:
    """Say what the file has."""
    return render_template("profile/export.html", errors={})


@blueprint.post("")
@limiter.limit(CHANGE)
def send() -> BaseResponse | tuple[str, int]:
    """Send the code that confirms it."""
    services = access.services()
    try:
        with access.unit_of_work() as unit:
            exports.ask(
                unit,
                services.vault,
                member=access.member(),
                address=request.remote_addr,
                domain=urlsplit(services.settings.wallet_url).hostname or "localhost",
                wall=access.wall(),
            )
    except ThrottledError as error:
        return render_template("profile/export.html", errors={"send": wait_words(error)}), 429
    return redirect(url_for("exports.confirm"), code=303)


@blueprint.get("/confirm")
def confirm() -> str:
    """Ask for the code."""
    return _code_page({})


@blueprint.post("/confirm")
@limiter.limit(CONFIRM)
def take() -> BaseResponse | tuple[str, int]:
    """Hand the file out once the code is right.

    It is written aside first: a phone that takes it slowly holds no snapshot of the database.
    """
    values, errors = forms.load(forms.CodeForm(), request.form)
    if errors:
        return _code_page(errors), 422
    with access.unit_of_work() as unit:
        refused = exports.confirm(
            unit,
            access.services().vault,
            member=access.member(),
            code=values["code"],
            wall=access.wall(),
        )
    if refused is not None:
        return _code_page({"code": refusal_words(refused)}), 422
    response = Response(_pieces(_written()), mimetype="application/json")
    name = f"peyvand-{access.wall():%Y-%m-%d}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _written() -> IO[bytes]:
    """Return the file, read to its beginning; it has no name and goes when it is closed."""
    file = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    with access.services().database.snapshot() as session:
        for piece in exports.document(
            session, access.services().vault, member=access.member(), wall=access.wall()
        ):
            file.write(piece.encode())
    file.seek(0)
    return file


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_CHUNK):
            yield piece


def _code_page(errors: dict[str, str]) -> str:
    return render_template("profile/export_code.html", errors=errors, outbox_open=is_open())
