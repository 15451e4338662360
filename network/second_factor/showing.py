"""The rotating code as a member may show it now: with the whole limit, or with what needs no proof.

Every code that a member's own screen shows is made here, and the key with which a phone makes them
without a network. ``members.queries.current_code`` itself asks nobody; besides this it serves
made-up members only, those of sandboxes and of the demo.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.ledger.queries import last_code_at
from network.members.codes import coded_limit
from network.members.device_codes import DeviceKey, give_device_key
from network.members.queries import CurrentCode, MemberView, current_code
from network.second_factor.proofs import PROOF_LIFE, Act, standing
from network.second_factor.threshold import threshold
from network.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCode:
    """A code, and the limit that a proof would let it carry; equal where none is missing."""

    code: CurrentCode
    wanted: int


def shown_code(
    session: Session,
    vault: Vault,
    *,
    member: MemberView,
    session_id: UUID,
    locked: bool,
    ask_above: int,
    now: datetime,
    wall: datetime,
) -> ShownCode:
    """Return a fresh code for the screen of one session.

    ``ask_above`` is the installation's threshold in points; above the member's own a code carries
    no more than that until the session has a proof. ``locked``: the wallet spends nothing.
    """
    wanted = 0 if locked else coded_limit(member.spend_limit)
    most = coded_limit(threshold(session, member_id=member.member_id, most=ask_above).points)
    limit = wanted
    if wanted > most:
        act = Act(kind="code", points=wanted)
        proven = may_show(
            session, member_id=member.member_id, session_id=session_id, act=act, now=now, wall=wall
        )
        limit = wanted if proven else most
    code = current_code(session, vault, member_id=member.member_id, limit=limit, wall=wall)
    return ShownCode(code=code, wanted=wanted)


def may_show(
    session: Session,
    *,
    member_id: UUID,
    session_id: UUID,
    act: Act,
    now: datetime,
    wall: datetime,
) -> bool:
    """Return whether this session has a proof for a code, and no code has spent since.

    It is shown anew each minute, so no showing uses the proof up; a purchase does, of whoever is
    in the wallet. ``now`` is programme time, in which entries are recorded.
    """
    last = last_code_at(session, member_id=member_id, since=wall - PROOF_LIFE)
    after = None if last is None else last - (now - wall)
    whose = {"member_id": member_id, "session_id": session_id}
    return standing(session, act=act, wall=wall, after=after, **whose) is not None


def offline_key(
    session: Session,
    vault: Vault,
    *,
    member: MemberView,
    session_id: UUID,
    locked: bool,
    ask_above: int,
) -> DeviceKey:
    """Return the key with which the device of one session makes codes while it has no network.

    They carry the member's limit, and never more than what needs no proof: a proof is over in ten
    minutes, and such a device asks nobody.
    """
    most = threshold(session, member_id=member.member_id, most=ask_above).points
    return give_device_key(
        session,
        vault,
        member_id=member.member_id,
        session_id=session_id,
        limit=0 if locked else min(member.spend_limit, most),
    )
