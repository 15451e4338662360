"""Applications: who wants to join, and the decision on each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import listing
from network import ids
from network.ids import UnknownIdError
from network.language import LazyText, normalise
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.merchants import applications, errors, queries
from network.merchants.applications import ApplicationView, Place
from network.operators import queries as operators
from network.operators.roles import OPERATOR, VIEWER
from settlement.console import access
from settlement.console.announcing import announce

blueprint = Blueprint("applications", __name__, url_prefix="/applications")
MOST_CHARACTERS = 500
_WRONG_CODE: LazyText = _l(
    "Give a code of small Latin letters, digits and single hyphens, at most 40, that nobody has."
)


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | Response:
    """Show the applications, those that wait first; without persons."""
    words = normalise(request.args.get("q", ""))
    if listing.wants_csv():
        return _file(words)
    with access.reading() as session:
        found = applications.applications(
            session, words=words, after=_after(), limit=listing.PAGE_ROWS + 1
        )
    rows, more = listing.first(found, listing.PAGE_ROWS)
    return render_template(
        "applications.html",
        rows=rows,
        newest=listing.address(after=None) if request.args.get("after") else None,
        older=listing.address(after=_key(rows[-1])) if more else None,
    )


def _key(row: ApplicationView) -> str:
    """Return an application's place as it stands in an address."""
    public = ids.encode("app", row.application_id)
    return f"{row.state == 'waiting':d}.{row.applied_at.isoformat()}.{public}"


def _after() -> Place | None:
    """Return the place that ``?after=`` names; raise UnknownIdError where it names none."""
    text = request.args.get("after")
    if not text:
        return None
    waits, _dot, rest = text.partition(".")
    at, _dot, public = rest.rpartition(".")
    try:
        applied_at = datetime.fromisoformat(at)
    except ValueError as error:
        raise UnknownIdError("this is not the key of a page", field="after") from error
    if waits not in {"0", "1"} or applied_at.tzinfo is None:
        raise UnknownIdError("this is not the key of a page", field="after")
    return Place(
        waits=waits == "1", applied_at=applied_at, application_id=ids.decode("app", public)
    )


def _file(words: str) -> Response:
    def rows(session: Session, size: int) -> Iterator[tuple[object, ...]]:
        def read(after: Place | None) -> list[ApplicationView]:
            return applications.applications(session, words=words, after=after, limit=size)

        return map(_cells, listing.pieces(read, key=applications.place_of))

    return listing.streamed(
        "applications",
        ("id", "name_fa", "name_en", "kind", "website", "applied_at", "state"),
        rows,
    )


def _cells(row: ApplicationView) -> tuple[object, ...]:
    return (
        ids.encode("app", row.application_id),
        row.name_fa,
        row.name_en,
        row.kind,
        row.website,
        row.applied_at,
        row.state,
    )


@blueprint.get("/<application_id>")
@access.access(OPERATOR)
def show(application_id: str) -> str:
    """Show an application with its contact; opening it is written into the audit log."""
    with access.unit_of_work() as session:
        found = _opened(session, application_id)
    return _page(found, {})


@blueprint.post("/<application_id>/approve")
@access.access(OPERATOR)
def approve(application_id: str) -> Response | tuple[str, int]:
    """Let an applicant in under a code."""
    code = request.form.get("code", "").strip()
    try:
        with access.unit_of_work() as session:
            found = _read(session, application_id)
            applications.approve(
                session,
                application_id=found.application_id,
                code=code,
                now=access.now(),
                reviewed_by=access.operator().operator_id,
            )
            _record(session, found, action="application.approved", code=code)
    except (errors.CodeTakenError, errors.MerchantDataError):
        return _again(application_id, {"code": str(_WRONG_CODE)})
    except errors.ApplicationReviewedError:
        return _decided(application_id)
    except errors.MerchantStateError:
        return _again(application_id, {"code": _("It is suspended: let it go on first.")})
    announce()
    flash(_("Approved. What comes next stands on this page."), "good")
    return redirect(url_for("merchants.show", code=code))


@blueprint.post("/<application_id>/decline")
@access.access(OPERATOR)
def decline(application_id: str) -> Response | tuple[str, int]:
    """Turn an applicant away, with a reason."""
    reason = " ".join(request.form.get("reason", "").split())
    if not reason or len(reason) > MOST_CHARACTERS:
        return _again(application_id, {"reason": _("Say why, in a sentence or two.")})
    try:
        with access.unit_of_work() as session:
            found = _read(session, application_id)
            applications.decline(
                session,
                access.services().vault,
                application_id=found.application_id,
                reason=reason,
                now=access.wall(),
                reviewed_by=access.operator().operator_id,
            )
            _record(session, found, action="application.declined", code=found.code)
    except errors.ApplicationReviewedError:
        return _decided(application_id)
    announce()
    flash(_("Declined. Its keys are revoked, its contact is forgotten."), "good")
    return redirect(url_for("applications.index"))


def _read(session: Session, application_id: str) -> ApplicationView:
    return applications.application(
        session,
        access.services().vault,
        application_id=ids.decode("app", application_id),
    )


def _opened(session: Session, application_id: str) -> ApplicationView:
    """Return an application for a page; who sees its contact is written into the audit log."""
    found = _read(session, application_id)
    if found.contact is not None:
        _record(session, found, action="application.read", code=found.code)
    return found


def _again(application_id: str, wrong: dict[str, str]) -> tuple[str, int]:
    with access.unit_of_work() as session:
        found = _opened(session, application_id)
    return _page(found, wrong), 400


def _decided(application_id: str) -> Response:
    flash(_("Somebody has decided on this application already."), "bad")
    return redirect(url_for("applications.show", application_id=application_id))


def _page(found: ApplicationView, wrong: dict[str, str]) -> str:
    with access.reading() as session:
        keys = queries.keys(session, merchant_id=found.merchant_id)
        reviewer = next(
            (
                each.name
                for each in operators.all_operators(session)
                if each.operator_id == found.reviewed_by
            ),
            None,
        )
    return render_template(
        "application.html",
        application=found,
        public=ids.encode("app", found.application_id),
        keys=keys,
        reviewer=reviewer,
        errors=wrong,
        given=request.form,
        suggested=_suggested(found.name_en),
    )


def _suggested(name: str) -> str:
    """Return a code made from a name, for the operator to mend."""
    letters = "".join(
        letter if letter.isascii() and letter.isalnum() else " " for letter in name.lower()
    )
    return "-".join(letters.split())[:40].strip("-")


def _record(session: Session, found: ApplicationView, *, action: str, code: str) -> None:
    access.record(
        session,
        action,
        subject=f"merchant:{code}",
        facts={"application": ids.encode("app", found.application_id)},
    )
