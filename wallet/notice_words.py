"""Notices as a member reads them: a sentence, a sign, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from network.language import LazyText, current_locale, persian_digits
from network.language import lazy_gettext as _l
from network.notices import texts
from network.notices.choices import AVAILABLE, DEVICE, EXPIRING, REDEEMED, REFUNDED, TAKEN_BACK
from network.notices.queries import NoticeView
from wallet.forms import HOURS
from wallet.movements import Directory

CHOICES: Mapping[str, LazyText] = {
    REFUNDED: _l("A shop gave points back"),
    TAKEN_BACK: _l("A shop took points back after a return"),
    AVAILABLE: _l("Pending points became available"),
    EXPIRING: _l("Points expire soon: 30, 7 and 1 days ahead"),
}
ICONS: Mapping[str, tuple[str, str]] = {
    REDEEMED: ("arrow-out", "negative"),
    REFUNDED: ("return", "positive"),
    TAKEN_BACK: ("return", "negative"),
    AVAILABLE: ("clock", "positive"),
    EXPIRING: ("hourglass", ""),
    DEVICE: ("device", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNotice:
    """A notice in words; ``address`` is of the page that shows what is behind it."""

    words: str
    icon: str
    tone: str
    kind: str
    address: str
    created_at: datetime
    unread: bool


def said(notice: NoticeView, *, directory: Directory, names: Mapping[UUID, str]) -> str:
    """Return what a notice says, in the reader's language."""
    merchant = directory.merchant_name(notice.merchant_id)
    if notice.kind == REDEEMED:
        person = names.get(notice.other_id, "…") if notice.other_id else ""
        return texts.redeemed_words(points=notice.points, merchant=merchant, person=person)
    if notice.kind == REFUNDED:
        return texts.refunded_words(points=notice.points, merchant=merchant)
    if notice.kind == TAKEN_BACK:
        return texts.taken_back_words(points=notice.points, owed=notice.owed, merchant=merchant)
    if notice.kind == AVAILABLE:
        return texts.available_words(points=notice.points)
    if notice.kind == EXPIRING:
        return texts.expiring_words(notice.days)
    return texts.device_words(device=notice.device)


def hours() -> list[tuple[str, str]]:
    """Return the hours of a day to choose from."""
    shown = [(hour, f"{int(hour):02}:00") for hour in HOURS]
    if current_locale() == "fa":
        return [(hour, persian_digits(text)) for hour, text in shown]
    return shown
