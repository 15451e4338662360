"""Notices: what the member was told, the newest first; looking at them marks them as read."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session

from network.ids import decode, encode
from network.merchants import naming
from network.notices import queries
from network.notices.choices import DEVICE, EXPIRING
from network.notices.queries import PREFIX, NoticeView
from network.pools import queries as pools
from wallet import access
from wallet.listing import ENTRY_PREFIX
from wallet.movements import Directory
from wallet.notice_words import ICONS, ShownNotice, said
from wallet.own import Place, place

blueprint = Blueprint("notices", __name__, url_prefix="/notices")
PAGE = 20


@blueprint.get("")
def show() -> str:
    """Show a page of notices; on the first one all of them count as read from now on."""
    member_id, vault = access.member().member_id, access.services().vault
    key = request.args.get("before")
    before = decode(PREFIX, key) if key else None
    with access.reading() as session:
        found = queries.page(session, vault, member_id=member_id, before=before, limit=PAGE + 1)
        shown = _shown(session, found[:PAGE], place(session))
    if before is None and any(notice.unread for notice in shown):
        with access.unit_of_work() as unit:
            queries.mark_read(
                unit, member_id=member_id, until=found[0].created_at, wall=access.wall()
            )
    last = found[PAGE - 1] if len(found) > PAGE else None
    return render_template(
        "notices.html",
        notices=shown,
        newest=url_for("notices.show") if before else None,
        older=url_for("notices.show", before=encode(PREFIX, last.notice_id)) if last else None,
    )


def _shown(session: Session, found: Sequence[NoticeView], where: Place) -> list[ShownNotice]:
    """Return notices in words, each with the way to what is behind it."""
    merchants = {each.merchant_id for each in found if each.merchant_id is not None}
    directory = Directory.of(naming.merchants_named(session, merchant_ids=merchants), ())
    vault = access.services().vault
    names = {
        each: pools.shown_name(session, vault, member_id=each)
        for each in {notice.other_id for notice in found if notice.other_id is not None}
    }
    return [
        ShownNotice(
            words=said(each, directory=directory, names=names),
            icon=ICONS[each.kind][0],
            tone=ICONS[each.kind][1],
            kind=each.kind,
            address=_address(each, where),
            created_at=each.created_at,
            unread=each.read_at is None,
        )
        for each in found
    ]


def _address(notice: NoticeView, where: Place) -> str:
    """Return where the member sees more, empty where what is behind it is not theirs to see."""
    if notice.kind == DEVICE:
        return url_for("profile.show", _anchor="devices")
    if notice.kind == EXPIRING:
        return url_for("home.show")
    if notice.wallet_id is None or notice.sequence is None:
        return ""
    return _entry(notice.wallet_id, notice.sequence, where)


def _entry(wallet_id: UUID, sequence: int, where: Place) -> str:
    if not where.shows(wallet_id=wallet_id, sequence=sequence):
        return ""
    entry_id = access.services().entry_ids.encode(
        prefix=ENTRY_PREFIX, member_id=wallet_id, sequence=sequence
    )
    return url_for("movements.detail", entry_id=entry_id)
