"""What can be wrong with a merchant's people and with what they do at a till."""

from __future__ import annotations

from network.errors import PeyvandError


class InvalidPortalUserError(PeyvandError):
    """A sign-in name, a name or a role is not one that a person can have; ``field`` says which."""

    code = "invalid_portal_user"


class LoginTakenError(PeyvandError):
    """Somebody signs in with this name already."""

    code = "login_taken"


class UnknownPortalUserError(PeyvandError):
    """The merchant has nobody with this id."""

    code = "unknown_portal_user"


class LinkEndedError(PeyvandError):
    """The code was used, replaced, ended or made too long ago, or waits for a second operator."""

    code = "portal_link_ended"


class SecondOperatorError(PeyvandError):
    """Somebody of this merchant manages its people: operators let nobody in but by two."""

    code = "second_operator_needed"


class WrongCodeError(PeyvandError):
    """The one-time code does not come from the secret that was just shown."""

    code = "wrong_one_time_code"


class WeakPinError(PeyvandError):
    """A PIN is too short, too long, or one of those that everybody tries first."""

    code = "weak_pin"


class NoPinError(PeyvandError):
    """Nobody of this merchant has a PIN: a till that asks for one would open for nobody."""

    code = "no_pin"


class LastAdministratorError(PeyvandError):
    """A merchant that has administrators keeps one."""

    code = "last_administrator"


class FormCancelledError(PeyvandError):
    """The form was cancelled before it arrived: it is never taken."""

    code = "form_cancelled"


class UnknownActError(PeyvandError):
    """Nothing was done at this merchant's tills under that key."""

    code = "unknown_act"


class AlreadyUndoneError(PeyvandError):
    """It was undone before."""

    code = "already_undone"
