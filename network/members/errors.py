"""Refusals of the members' subject. None of them carries anything personal."""

from __future__ import annotations

from network.errors import PeyvandError


class InvalidPhoneError(PeyvandError):
    """A text is not a mobile number that a message can reach."""

    code = "invalid_phone"


class InvalidCardError(PeyvandError):
    """A text is not a card number of this network (16 digits, the last a check digit)."""

    code = "invalid_card"


class InvalidCodeError(PeyvandError):
    """A rotating code was not made by this network, was changed, or is more than a day old."""

    code = "invalid_code"


class UnknownMemberError(PeyvandError):
    """Nobody is a member with that phone, card or id."""

    code = "unknown_member"


class MemberFrozenError(PeyvandError):
    """The network has locked this member's spending: the member can't unlock it."""

    code = "member_frozen"


class CardBlockedError(PeyvandError):
    """The card was reported lost or replaced; it identifies nobody any more."""

    code = "card_blocked"


class AlreadyMemberError(PeyvandError):
    """The phone belongs to a member already."""

    code = "already_member"


class ConsentRequiredError(PeyvandError):
    """Joining needs the person's yes to membership itself."""

    code = "membership_consent_required"


class ThrottledError(PeyvandError):
    """Too many sign-in codes were asked for; ``facts["retry_after"]`` is in whole seconds."""

    code = "too_many_codes"


class InvalidMemberDataError(PeyvandError):
    """A name, a limit or a preference is not one that a member can have; ``field`` names it."""

    code = "invalid_member_data"


class UnknownEnrolmentError(PeyvandError):
    """This merchant asked nobody to join under that id, or it was forgotten."""

    code = "unknown_enrolment"


class EnrolmentLapsedError(PeyvandError):
    """The code that was sent to the person works no longer: too late, or too many tries."""

    code = "enrolment_lapsed"


class EnrolmentCodeError(PeyvandError):
    """This is not the code that was sent; ``facts["attempts_left"]`` tries are left."""

    code = "enrolment_code_wrong"
