"""What became of a line: as it is stored, and as it is told in the reader's language."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from merchant_gateway.catalogue import KINDS
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.errors import FieldError, InternalError, InvalidRequestError
from merchant_gateway.problems import field_text, plain_facts
from merchant_gateway.schemas.fields import UNPRINTABLE
from network.batches.queries import EarlierEntry
from network.batches.service import Tally
from network.errors import PeyvandError
from network.ids import EntryIds
from network.ledger.values import Posted

log = logging.getLogger("peyvand.batches")

POSTED, KNOWN, REFUSED = "posted", "known", "refused"
PREFIXES = {"earn": "ern", "redeem": "red", "refund_earn": "rfd", "refund_redeem": "rfd"}
_TOLD = ("points", "state", "active_from", "expires_on", "repaid", "debt")
_LONGEST_TEXT = 200


def posted_result(kind: str, ref: str, posted: Posted) -> dict[str, Any]:
    """Return the stored result of a line that was posted now."""
    return {
        "status": POSTED,
        "type": kind,
        "ref": ref,
        "member": str(posted.member_id),
        "sequence": posted.sequence,
        "day": posted.business_date.isoformat(),
        **{name: posted.result[name] for name in _TOLD if name in posted.result},
    }


def known_result(kind: str, ref: str, entry: EarlierEntry) -> dict[str, Any]:
    """Return the stored result of a line that an earlier call posted."""
    return {
        "status": KNOWN,
        "type": kind,
        "ref": ref,
        "member": str(entry.member_id),
        "sequence": entry.sequence,
        "day": entry.business_date.isoformat(),
        "points": entry.points,
    }


def refused_result(
    kind: str | None, ref: str | None, error: PeyvandError, *, entry: EarlierEntry | None = None
) -> dict[str, Any]:
    """Return the stored result of a line that was refused, with codes and figures, no words.

    ``entry`` has the line's reference already.
    """
    if error.code not in KINDS:
        log.error("a line was refused with %s", error.code)
        error = InternalError(error.code)
    result: dict[str, Any] = {
        "status": REFUSED,
        "type": kind,
        "ref": None if ref is None else _storable(ref),
        "code": error.code,
    }
    if isinstance(error, InvalidRequestError):
        result["errors"] = [
            [_storable(each.pointer), each.code, _storable(each.argument)] for each in error.errors
        ]
    elif error.field:
        pointer = _storable(error.field.replace(".", "/"))
        pointer = pointer if pointer[0] == "/" else f"/{pointer}"
        result["errors"] = [[pointer, error.code, ""]]
    if facts := plain_facts(error.facts):
        result["facts"] = {
            name: _storable(fact) if isinstance(fact, str) else fact for name, fact in facts.items()
        }
    if entry is not None:
        result["entry"] = [str(entry.member_id), entry.sequence]
    return result


def _storable(text: str) -> str:
    """Return what a line says as the database takes it: it has no NUL and no lone surrogates."""
    return UNPRINTABLE.sub("\ufffd", text)[:_LONGEST_TEXT]


def tally_of(results: list[dict[str, Any] | None]) -> Tally:
    """Return how many lines have which status; None counts for nothing."""
    statuses = [result["status"] for result in results if result is not None]
    return Tally(
        posted=statuses.count(POSTED),
        known=statuses.count(KNOWN),
        refused=statuses.count(REFUSED),
    )


def told(line: int, result: dict[str, Any], *, entry_ids: EntryIds) -> dict[str, Any]:
    """Return a line's result as the gateway answers it."""
    payload: dict[str, Any] = {
        "line": line,
        "type": result["type"],
        "merchant_ref": result["ref"],
        "status": result["status"],
    }
    if result["status"] == REFUSED:
        return payload | {"problem": _problem(result, entry_ids=entry_ids)}
    payload["id"] = entry_ids.encode(
        prefix=PREFIXES[result["type"]],
        member_id=UUID(result["member"]),
        sequence=result["sequence"],
    )
    payload |= {"points": result["points"], "business_date": result["day"]}
    if result["type"] == "earn" and result["status"] == POSTED:
        payload |= {
            "state": result["state"],
            "available_on": (result["active_from"] or result["day"]) if result["points"] else None,
            "expires_on": result["expires_on"],
        }
    return payload | {name: result[name] for name in ("repaid", "debt") if name in result}


def _problem(result: dict[str, Any], *, entry_ids: EntryIds) -> dict[str, Any]:
    kind = KINDS[result["code"]]
    problem: dict[str, Any] = {
        "code": result["code"],
        "title": str(kind.title),
        "detail": str(kind.detail),
    }
    if errors := result.get("errors"):
        problem["errors"] = [
            {"pointer": pointer, "code": code, "detail": _field_words(pointer, code, argument)}
            for pointer, code, argument in errors
        ]
    facts = dict(result.get("facts", {}))
    if (entry := result.get("entry")) is not None:
        member_id, sequence = entry
        facts["entry"] = entry_ids.encode(
            prefix=PREFIXES[result["type"]], member_id=UUID(member_id), sequence=sequence
        )
    if facts:
        problem["facts"] = facts
    return problem


def _field_words(pointer: str, code: str, argument: str) -> str:
    if code in FIELD_TEXTS:
        return field_text(FieldError(pointer, code, argument))
    return str(KINDS[code].title)
