"""The audit log: who did what, and whether the chain of hashes holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy.orm import Session

from config.web import listing
from network.language import gettext as _
from network.operators import audit, chain_file, queries
from network.operators.roles import APPROVER
from settlement.console import access
from settlement.console.words import said

blueprint = Blueprint("audit", __name__)
CHECKED_ROWS = 5_000
"""How many of the newest rows a page checks; the whole chain on demand."""

_MOST_DIGITS = 18
_PAGES = {
    "brk": "breaks.show",
    "dsp": "disputes.show",
    "win": "windows.show",
    "pay": "payments.show",
    "dpy": "direct.show",
    "bnk": "findings.show",
    "mem": "entries.wallet",
}
"""The pages of what has an id, by its prefix."""


@blueprint.get("/audit")
@access.access(APPROVER)
def show() -> str | Response:
    """Show the newest acts, by person and kind, and walk the whole chain."""
    read = partial(
        queries.acts,
        actor=request.args.get("actor"),
        action=request.args.get("action"),
        subject=request.args.get("subject"),
    )
    if listing.wants_csv():
        return _file(read)
    with access.services().database.snapshot() as session:
        found = read(session, before=_before(), limit=listing.PAGE_ROWS + 1)
        everything = request.args.get("check") == "all"
        chain = (
            audit.verify(session) if everything else audit.verify_newest(session, rows=CHECKED_ROWS)
        )
        operators = queries.all_operators(session)
        actions = queries.actions(session)
    rows, more = listing.first(found, listing.PAGE_ROWS)
    return render_template(
        "audit.html",
        rows=rows,
        subject_address=subject_address,
        chain=chain,
        whole=everything or chain.rows < CHECKED_ROWS,
        people=[("", _("Everybody")), *((each.public_id, each.name) for each in operators)],
        kinds=[("", _("Every kind")), *((each, said(each, "action")) for each in actions)],
        newest=listing.address(before=None) if request.args.get("before") else None,
        older=listing.address(before=rows[-1].sequence) if more else None,
    )


@blueprint.get("/audit/log.jsonl")
@access.access(APPROVER)
def export() -> Response:
    """Hand out the whole log with its chain, as others can check it without us."""

    def lines() -> Iterator[str]:
        with database.snapshot() as session:
            yield from (f"{line}\n" for line in chain_file.lines(session))

    database = access.services().database
    response = Response(lines(), mimetype="application/jsonl")
    response.headers["Content-Disposition"] = 'attachment; filename="audit-log.jsonl"'
    return response


def subject_address(subject: str) -> str | None:
    """Return the page of what an act was about, ``None`` where it has none of its own."""
    kind, _colon, name = subject.rpartition(":")
    if kind == "merchant":
        return url_for("merchants.show", code=name)
    if kind == "entry":
        return url_for("entries.show", entry=name)
    if kind == "record":
        return url_for("reconciliation.record", public_id=name)
    page = _PAGES.get(name.partition("_")[0])
    return None if page is None else url_for(page, public_id=name)


def _before() -> int | None:
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _file(read: Callable[..., list[queries.ActView]]) -> Response:
    """Return the acts that ``read`` asks for, from the newest to the first."""

    def rows(session: Session, size: int) -> Iterator[tuple[object, ...]]:
        found = listing.pieces(
            lambda before: read(session, before=before, limit=size), key=lambda act: act.sequence
        )
        return map(_cells, found)

    return listing.streamed(
        "audit-log",
        ("sequence", "recorded_at", "actor", "actor_name", "action", "subject", "facts", "hash"),
        rows,
    )


def _cells(act: queries.ActView) -> tuple[object, ...]:
    return (
        act.sequence,
        act.recorded_at.isoformat(),
        act.actor,
        act.actor_name,
        act.action,
        act.subject,
        json.dumps(act.facts, ensure_ascii=False, sort_keys=True),
        act.hash.hex(),
    )
