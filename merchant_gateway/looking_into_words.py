"""What the page says of a file that was judged: its kind, its figures, and what holds or does not.

Everything it tells of a file was signed; what merely stands in it is never repeated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from merchant_gateway.client.verifying import Doubt, Verdict
from merchant_gateway.looking_into import CALLS, LARGEST, MOST_CALLS, Found, Unreadable
from network.language import (
    LazyText,
    format_date,
    format_datetime,
    format_number,
    format_points,
)
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.settings import PROGRAMME_ZONE

_MEGABYTE = 1024 * 1024
KINDS: Mapping[str, LazyText] = MappingProxyType(
    {
        CALLS: _l("Calls that a merchant kept"),
        "evidence": _l("Evidence of one entry"),
        "statement": _l("A merchant's statement"),
        "points": _l("A member's points in the network's total"),
        "movements": _l("A member's movements"),
        "statement_token": _l("The signature of a merchant's statement"),
        "night_token": _l("The total of all points on a night"),
        "balance_token": _l("A member's points on a night"),
        "movements_token": _l("The signature of a member's movements"),
        "token": _l("A signature"),
        "file": _l("A file"),
    }
)
UNREADABLE: Mapping[Unreadable, LazyText] = MappingProxyType(
    {
        Unreadable.EMPTY: _l("There is nothing in it. Choose a file, or paste what you have."),
        Unreadable.TOO_LARGE: _l(
            "It is larger than %(most)s MB. The command below checks files of any size."
        ),
        Unreadable.TOO_MANY_CALLS: _l(
            "It has more than %(calls)s calls. Bring a part of the lines, or use the command below."
        ),
        Unreadable.PAPER: _l(
            "A PDF carries no signature that a program checks. Type the check code printed on it, "
            "or bring the same statement as JSON."
        ),
        Unreadable.TABLE: _l(
            "A table for spreadsheets cannot be checked line by line. Bring the same statement as "
            "JSON, or the text in its last row, “signed”."
        ),
        Unreadable.UNKNOWN: _l(
            "This is nothing that the network signs, or it was cut or changed so that it can't be "
            "read any more."
        ),
    }
)
DOUBTS: Mapping[Doubt, LazyText] = MappingProxyType(
    {
        Doubt.UNPUBLISHED: _l("no such key is published"),
        Doubt.BROKEN: _l("the signature does not hold"),
        Doubt.CHANGED: _l("signed, but for something else than stands here"),
        Doubt.OTHER_ENVIRONMENT: _l("signed with a test key: nothing of it is real"),
    }
)
REQUESTS: Mapping[str, LazyText] = MappingProxyType(
    {
        "signed": _l("The merchant signed it, and the network says that it is this one."),
        "attested": _l("Made in the portal: the network signed who asked."),
        "unknown_key": _l("Signed with a shared secret, which proves nothing to others."),
        "erased": _l(
            "The merchant signed it. The person named in it was erased since, so the body can't be "
            "compared with the digest that was signed."
        ),
        "none": _l("No request is kept for this entry."),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of what was found; ``is_code`` is an id or a digest, read from left to right."""

    label: str
    text: str
    is_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One kept call: when the network signed its answer, and what is to be said of either side."""

    at: str
    call: str
    asked: str
    answered: str
    holds: bool


def unreadable(why: Unreadable) -> str:
    """Return why nothing was judged."""
    return str(UNREADABLE[why]) % {
        "most": format_number(LARGEST // _MEGABYTE),
        "calls": format_number(MOST_CALLS),
    }


def call_lines(calls: Sequence[Verdict]) -> list[CallLine]:
    """Return kept calls as the page's table has them."""
    return [
        CallLine(
            at=_moment(each.at) if each.at else "—",
            call=each.what if each.asked_doubt in {None, Doubt.OTHER_ENVIRONMENT} else "—",
            asked=_side(each.asked_doubt, good=_("signed by the merchant")),
            answered=_side(each.answered_doubt, good=_("signed by the network")),
            holds=each.holds,
        )
        for each in calls
    ]


def signers(calls: Sequence[Verdict]) -> list[tuple[str, list[str]]]:
    """Return the keys that signed kept calls, by whose they are; others are left out."""
    theirs = {each.request_key for each in calls if each.asked_doubt is None}
    ours = {each.answer_key for each in calls if each.answered_doubt is None}
    found = ((_("The merchant's key"), sorted(theirs)), (_("The network's key"), sorted(ours)))
    return [(label, keys) for label, keys in found if keys]


def facts(found: Found, *, keys: Sequence[Mapping[str, str]]) -> list[Fact]:
    """Return what was signed, line by line, and with which key."""
    if not found.facts:
        return []
    lines = list(_FACTS[found.kind](found.facts))
    key_id = str(found.facts.get("signed_by") or found.facts["key"])
    if found.is_test:
        return [*lines, Fact(label=_("The sandbox's key"), text=key_id, is_code=True)]
    return [*lines, *_key(key_id, keys)]


def _side(doubt: Doubt | None, *, good: str) -> str:
    return good if doubt is None else str(DOUBTS[doubt])


def _evidence(found: Mapping[str, Any]) -> Iterator[Fact]:
    said = found["answer"]
    yield Fact(label=_("Entry"), text=said["entry"], is_code=True)
    if "recorded_at" in said:
        yield Fact(label=_("Booked"), text=_moment(said["recorded_at"]))
    yield Fact(label=_("Business day"), text=_day(said["business_date"]))
    if said.get("merchant_ref"):
        yield Fact(label=_("The merchant's reference"), text=said["merchant_ref"], is_code=True)
    yield Fact(label=_("Points"), text=format_number(said["points"]))
    if said.get("amount") is not None:
        yield Fact(label=_("Amount, rials"), text=format_number(said["amount"]))
    yield Fact(label=_("Request"), text=str(REQUESTS[found["request"]]))
    if found["key"] is not None and found["request"] in {"signed", "erased"}:
        yield Fact(label=_("The merchant's key"), text=found["key"], is_code=True)


def _statement(found: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact(label=_("Merchant"), text=found["merchant"], is_code=True)
    yield Fact(label=_("Business days"), text=_days(found["first_day"], found["end_day"]))
    yield Fact(label=_("Net, rials"), text=format_number(found["net"], signed=True))
    yield Fact(label=_("Closing balance, rials"), text=format_number(found["closing"], signed=True))
    yield Fact(label=_("Check code"), text=found["code"], is_code=True)
    yield Fact(label=_("Digest"), text=f"sha-256:{found['digest']}", is_code=True)
    yield Fact(label=_("Head of the seal"), text=found["seal"], is_code=True)


def _statement_token(found: Mapping[str, Any]) -> Iterator[Fact]:
    said = found["said"]
    yield Fact(label=_("Merchant"), text=said["merchant"], is_code=True)
    yield Fact(
        label=_("Business days"), text=_days(said["window"]["first_day"], said["window"]["end_day"])
    )
    for label, name in ((_("Net, rials"), "net"), (_("Closing balance, rials"), "closing")):
        yield Fact(label=label, text=format_number(said["totals"][name], signed=True))
    yield Fact(label=_("Digest"), text=said["digest"], is_code=True)
    yield Fact(label=_("Head of the seal"), text=said["head"], is_code=True)


def _points(found: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact(label=_("Business day"), text=_day(found["business_date"]))
    yield Fact(label=_("Member"), text=found["member"], is_code=True)
    yield Fact(label=_("Points"), text=format_points(found["points"]))
    yield Fact(label=_("All members together"), text=format_points(found["total"]))
    yield Fact(label=_("Root, the same for everybody"), text=found["root"], is_code=True)


def _night_token(found: Mapping[str, Any]) -> Iterator[Fact]:
    said = found["said"]
    yield Fact(label=_("Business day"), text=_day(said["business_date"]))
    yield Fact(label=_("All members together"), text=format_points(said["points"]))
    yield Fact(label=_("Root, the same for everybody"), text=said["root"], is_code=True)


def _balance_token(found: Mapping[str, Any]) -> Iterator[Fact]:
    said = found["said"]
    yield Fact(label=_("Business day"), text=_day(said["business_date"]))
    yield Fact(label=_("Member"), text=said["member"], is_code=True)
    yield Fact(label=_("Points"), text=format_points(said["points"]))


def _movements(found: Mapping[str, Any]) -> Iterator[Fact]:
    said = found["said"]
    yield Fact(label=_("Member"), text=said["member"], is_code=True)
    yield Fact(label=_("Business days"), text=_days(said["since"], said["until"]))
    yield Fact(label=_("Points at the beginning"), text=format_points(said["opening"]))
    yield Fact(label=_("Movements"), text=format_number(said["movements"]))
    yield Fact(label=_("Points at the end"), text=format_points(said["closing"]))
    yield Fact(label=_("Digest"), text=said["digest"], is_code=True)


_FACTS = MappingProxyType(
    {
        "evidence": _evidence,
        "statement": _statement,
        "points": _points,
        "movements": _movements,
        "statement_token": _statement_token,
        "night_token": _night_token,
        "balance_token": _balance_token,
        "movements_token": _movements,
    }
)


def _key(key_id: str, keys: Sequence[Mapping[str, str]]) -> Iterator[Fact]:
    yield Fact(label=_("The network's key"), text=key_id, is_code=True)
    key = next((each for each in keys if each["kid"] == key_id), None)
    if key is None or "signs_from" not in key:
        return
    begin = _moment(key["signs_from"])
    if "signs_until" in key:
        end = _moment(key["signs_until"])
        text = _("signed from %(begin)s until %(end)s", begin=begin, end=end)
    else:
        text = _("signs since %(begin)s", begin=begin)
    yield Fact(label=_("That key"), text=text)


def _moment(text: str) -> str:
    return format_datetime(datetime.fromisoformat(text).astimezone(PROGRAMME_ZONE))


def _day(text: str) -> str:
    return format_date(date.fromisoformat(text))


def _days(first: str, end: str) -> str:
    """Return the business days [first, end) as the reader counts them: both of them included."""
    begin, last = date.fromisoformat(first), date.fromisoformat(end) - timedelta(days=1)
    if last <= begin:
        return format_date(begin)
    return _("%(first)s to %(last)s", first=format_date(begin), last=format_date(last))
