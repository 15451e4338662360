"""The detour to the PIN: what is to be proven for, remembered while the member is asked.

What was about to be done stands in the reader's signed cookie, and goes on where it was left once
the proof is there. After ten minutes it is forgotten: whoever left it there may be somebody else
than who types a PIN then. The proof itself is a row of the network's, looked at where the points
move.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeAlias, cast

from flask import redirect, session, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network.second_factor import proofs
from network.second_factor.proofs import PROOF_LIFE, Act, Kind
from network.second_factor.showing import may_show
from network.second_factor.threshold import Screen, Threshold, installation_threshold, threshold
from wallet import access

Answer: TypeAlias = Response | tuple[str, int]
"""Where somebody goes on, or a page with its status."""

SIGN, MAKE, PROVE = "passkey_sign", "passkey_make", "passkey_prove"
"""What a passkey's challenge was asked for; one answers no other question."""

_PENDING = "proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """An act that waits for its proof: who it is about as the member reads it, and how to go on."""

    act: Act
    name: str
    facts: dict[str, Any]

    @property
    def mark(self) -> str:
        """Return what a page says it asks for: a form of another tab proves nothing else."""
        said = f"{self.act.kind}:{self.act.subject}:{self.act.points}"
        return sha256(said.encode()).hexdigest()[:32]


def ask_above(reader: Session) -> int:
    """Return the installation's threshold in points."""
    return installation_threshold(reader, settings=access.services().settings, now=access.now())


def screen(reader: Session) -> Screen:
    """Return where the member who is signed in consents."""
    return Screen(session_id=access.current_session().session_id, ask_above=ask_above(reader))


def limits(reader: Session) -> Threshold:
    """Return the threshold of the member who is signed in."""
    return threshold(reader, member_id=access.member().member_id, most=ask_above(reader))


def missing(reader: Session, act: Act) -> bool:
    """Return whether an act takes a proof that this session does not have."""
    return act.points > limits(reader).points and not proven(reader, act)


def proven(reader: Session, act: Act) -> bool:
    """Return whether this session has a proof for an act."""
    facts: dict[str, Any] = {
        "member_id": access.member().member_id,
        "session_id": access.current_session().session_id,
        "act": act,
        "wall": access.wall(),
    }
    if act.kind == "code":
        return may_show(reader, now=access.now(), **facts)
    return proofs.standing(reader, **facts) is not None


def detour(act: Act, *, name: str = "", **facts: Any) -> Response:
    """Send the member to prove themselves for an act, and remember how to go on."""
    session[_PENDING] = {
        "kind": act.kind,
        "subject": act.subject,
        "points": act.points,
        "name": name,
        "facts": facts,
        "at": access.wall().timestamp(),
    }
    return redirect(url_for("step_up.show"), code=303)


def pending() -> Detour | None:
    """Return what waits for its proof; what has waited for too long is dropped."""
    kept = session.get(_PENDING)
    if kept is None:
        return None
    if access.wall() - datetime.fromtimestamp(kept.get("at", 0), UTC) >= PROOF_LIFE:
        done()
        return None
    act = Act(kind=cast("Kind", kept["kind"]), subject=kept["subject"], points=kept["points"])
    return Detour(act=act, name=kept["name"], facts=kept["facts"])


def asked(mark: str | None) -> Detour | None:
    """Return what waits for its proof, where the page that was shown named just that."""
    waiting = pending()
    return waiting if waiting is not None and mark == waiting.mark else None


def done() -> None:
    """Forget the detour: the member is back, or has given it up."""
    session.pop(_PENDING, None)
