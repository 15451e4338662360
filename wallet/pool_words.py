"""Why an act on a shared wallet was refused, in words for people."""

from __future__ import annotations

from collections.abc import Mapping

from network.errors import PeyvandError
from network.language import LazyText, format_number, format_points, gettext
from network.language import lazy_gettext as _l

_WORDS: Mapping[str, LazyText] = {
    "open_holds": _l(
        "A payment with points is under way. Try again when it is over, in an hour at most."
    ),
    "open_debt": _l("You still owe points for a return. Make up for them first, then join."),
    "already_in_a_pool": _l("You are in a shared wallet already. Leave it first."),
    "not_in_a_pool": _l("You are in no shared wallet any more."),
    "not_in_pool": _l("This person is not in your shared wallet any more."),
    "not_the_pools_owner": _l("Only who made the shared wallet decides this."),
    "pools_owner": _l("Who made a shared wallet ends it, once the others have left."),
    "invitation_gone": _l("This invitation is no longer open."),
    "parting_gone": _l("This request is no longer open."),
    "others_in_pool": _l("Others are still in it. It ends when you are alone in it."),
    "oneself_invited": _l("This is your own number."),
    "invalid_phone": _l("This is not a mobile number. Example: 0912 123 4567"),
    "spend_locked": _l("Spending is locked. Unlock it first."),
    "member_frozen": _l("The network has locked spending. Ask its support."),
    "wallet_closed": _l("Something changed in between. Look again, then decide."),
}


def refusal_words(error: PeyvandError) -> str:
    """Return one sentence about a refusal; raise what no reader could do anything about."""
    most = error.facts.get("most")
    if error.code == "pool_full":
        return gettext(
            "At most %(number)s people share a wallet.", number=format_number(int(str(most)))
        )
    if error.code == "too_many_invitations":
        return gettext(
            "At most %(number)s invitations a day. Go on tomorrow.",
            number=format_number(int(str(most))),
        )
    if error.code == "insufficient_points":
        there = int(str(error.facts.get("spendable", 0)))
        return gettext("There are only %(points)s to take along.", points=format_points(there))
    if error.code not in _WORDS:
        raise error
    return str(_WORDS[error.code])
