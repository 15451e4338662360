"""Who is asking: the operator, and the role that each view needs.

Each view names the least role that may open it with ``access(role)``, or is ``public``; a view that
names neither opens for nobody. ``?format=csv`` takes data out of the house and needs an analyst.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from flask import Flask, abort, g, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import access as shared
from config.web.access import (
    View,
    forget,
    now,
    public,
    reading,
    remember,
    safe_next,
    services,
    unit_of_work,
    wall,
)
from network.ids import EntryIds
from network.operators import queries as operators
from network.operators import service
from network.operators.audit import record_act
from network.operators.queries import OperatorView, SessionView
from network.operators.roles import ANALYST, ROLES

# What all fronts have stands here too, so that a view imports one module.
__all__ = [
    "access",
    "current_session",
    "entry_ids",
    "forget",
    "install",
    "now",
    "operator",
    "operator_or_none",
    "public",
    "reading",
    "record",
    "remember",
    "safe_next",
    "services",
    "unit_of_work",
    "wall",
]


def access(role: str) -> Callable[[View], View]:
    """Mark a view with the least role that may open it."""
    if role not in ROLES:
        raise ValueError(role)
    return shared.marked(role)


def install(app: Flask) -> None:
    """Find the operator of each request; send others to sign in, and refuse what a role may not."""
    shared.install(
        app,
        cookie="peyvand_console",
        sign_in="signing.sign_in",
        recognise=_find_operator,
        admit=_admit,
    )


def _find_operator(token: str) -> None:
    with reading() as session:
        found = operators.by_session(session, token=token, wall=wall())
    if found is None:
        return
    g.operator, g.session_view = found.operator, found.session
    g.reader_locale = found.operator.locale
    if service.is_due(found.session, wall=wall()):
        with unit_of_work() as session:
            service.touch(session, wall=wall(), view=found.session)


def _admit(role: str | None) -> BaseResponse | None:
    if "operator" not in g:
        return shared.to_sign_in()
    if role is None or not operator().may(role):
        abort(403)
    if request.args.get("format") and not operator().may(ANALYST):
        abort(403)
    return None


def entry_ids() -> EntryIds:
    """Return the sealer of public entry ids."""
    return services().entry_ids


def operator() -> OperatorView:
    """Return the operator who is signed in."""
    return cast("OperatorView", g.operator)


def operator_or_none() -> OperatorView | None:
    """Return the operator who is signed in, if somebody is."""
    return cast("OperatorView | None", g.get("operator"))


def current_session() -> SessionView:
    """Return the sign-in that this request belongs to."""
    return cast("SessionView", g.session_view)


def record(
    session: Session, action: str, *, subject: str, facts: Mapping[str, object] | None = None
) -> None:
    """Write an act of the signed-in operator into the audit log."""
    record_act(
        session,
        now=wall(),
        actor=operator().public_id,
        action=action,
        subject=subject,
        facts=facts or {},
    )
