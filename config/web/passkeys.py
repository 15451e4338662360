"""Passkeys in a front: for which host they are made, and the challenge that a page asks.

A browser makes passkeys for host names only. On this machine a front's address is a number,
``127.0.0.1``; passkeys are then made for ``localhost``, which is the same place.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit

import flask
from flask import Flask, current_app

from config.web import access
from network.passkeys import Challenge, Party, PasskeyError, new_challenge

LOOPBACK = "127.0.0.1"
_PARTY = "PASSKEY_PARTY"
_KEPT = "passkey"


def install(app: Flask, *, address: str) -> None:
    """Make passkeys for the host of the front's ``address``."""
    parts = urlsplit(address)
    host = parts.hostname or "localhost"
    name = "localhost" if host == LOOPBACK else host
    port = "" if parts.port is None else f":{parts.port}"
    app.config[_PARTY] = Party(host=name, origin=f"{parts.scheme}://{name}{port}")


def party() -> Party:
    """Return whom passkeys are made for."""
    return cast("Party", current_app.config[_PARTY])


def here() -> bool:
    """Return whether the reader came by the address that passkeys are made for."""
    return flask.request.host_url.rstrip("/") == party().origin


def ask(purpose: str = _KEPT) -> Challenge:
    """Return a new challenge, kept in the reader's signed cookie until it is answered.

    One of another ``purpose`` stays as it is, and neither answers the other's question.
    """
    made = new_challenge(wall=access.wall())
    flask.session[purpose] = {
        "value": base64.b64encode(made.value).decode(),
        "asked_at": made.asked_at.timestamp(),
    }
    return made


def asked(purpose: str = _KEPT) -> Challenge:
    """Return the challenge that this reader was asked, and forget it; raise PasskeyError."""
    kept = flask.session.pop(purpose, None)
    if kept is None:
        raise PasskeyError("nothing was asked")
    return Challenge(
        value=base64.b64decode(kept["value"]),
        asked_at=datetime.fromtimestamp(kept["asked_at"], tz=UTC),
    )
