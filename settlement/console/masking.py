"""What an operator may see of a person."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from network.members import queries as members
from network.members.errors import UnknownMemberError
from network.members.queries import masked_name
from settlement.console import access

_PHONE_SHOWN = 4


def masked(session: Session, member_id: UUID) -> dict[str, str | None]:
    """Return what an operator may see of a person: initials and the end of the phone number."""
    try:
        person = members.member(session, access.services().vault, member_id=member_id)
    except UnknownMemberError:
        return {"name": None, "phone": None, "status": "closed", "joined": None}
    hidden = "•" * (len(person.phone) - _PHONE_SHOWN)
    return {
        "name": masked_name(person.name) if person.name else None,
        "phone": hidden + person.phone[-_PHONE_SHOWN:],
        "status": person.status,
        "joined": person.joined_at.isoformat(),
    }
