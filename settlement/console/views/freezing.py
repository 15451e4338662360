"""A member's spending locked by the network: one operator does it, another lets go."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from network import ids
from network.language import LazyText
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.members.errors import UnknownMemberError
from network.members.freezing import FreezeError, freeze, let_go
from network.operators.roles import APPROVER, OPERATOR
from settlement.console import access

blueprint = Blueprint("freezing", __name__)
_REFUSED: dict[str, LazyText] = {
    "no_reason": _l("Say why, in a sentence or two."),
    "frozen": _l("The network has locked this member's spending already."),
    "merged": _l("This member is part of another one: lock that one's spending."),
    "closed": _l("This member has closed the account: there is nothing to lock."),
    "free": _l("The network has not locked this member's spending."),
    "same_person": _l("Whoever locked it can't let go: ask a colleague."),
}


@blueprint.post("/members/<public_id>/freeze")
@access.access(OPERATOR)
def begin(public_id: str) -> Response:
    """Lock a member's spending until the network lets go."""
    return _done(freeze, public_id, said=_("The member's spending is locked."))


@blueprint.post("/members/<public_id>/let-go")
@access.access(APPROVER)
def end(public_id: str) -> Response:
    """Give a member their own switch back."""
    return _done(let_go, public_id, said=_("The member decides again."))


def _done(act: Callable[..., None], public_id: str, *, said: str) -> Response:
    member_id: UUID = ids.decode("mem", public_id)
    try:
        with access.unit_of_work() as session:
            act(
                session,
                member_id=member_id,
                reason=request.form.get("reason", ""),
                by=access.operator().operator_id,
                now=access.wall(),
            )
    except FreezeError as error:
        flash(str(_REFUSED[error.reason]), "bad")
    except UnknownMemberError:
        abort(404)
    else:
        flash(said, "good")
    return redirect(url_for("entries.wallet", public_id=public_id))
