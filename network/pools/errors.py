"""Refusals around shared wallets; what the ledger refuses comes as its own."""

from __future__ import annotations

from network.errors import PeyvandError


class NotInAPoolError(PeyvandError):
    """The person is in no shared wallet, or the other one in another."""

    code = "not_in_a_pool"


class AlreadyInAPoolError(PeyvandError):
    """A person is in one shared wallet at a time."""

    code = "already_in_a_pool"


class NotThePoolsOwnerError(PeyvandError):
    """Only who made a shared wallet decides this."""

    code = "not_the_pools_owner"


class PoolsOwnerError(PeyvandError):
    """Who made a shared wallet does not leave it, but ends it once the others have left."""

    code = "pools_owner"


class PoolFullError(PeyvandError):
    """As many people are in a shared wallet, or invited, as may be: ``facts["most"]``."""

    code = "pool_full"


class TooManyInvitationsError(PeyvandError):
    """As many people were invited in a day as may be: ``facts["most"]``."""

    code = "too_many_invitations"


class InvitationGoneError(PeyvandError):
    """The invitation was withdrawn, answered, has lapsed, or is somebody else's."""

    code = "invitation_gone"


class PartingGoneError(PeyvandError):
    """The request to leave was withdrawn or decided."""

    code = "parting_gone"


class OthersInPoolError(PeyvandError):
    """A shared wallet ends when its owner is alone in it."""

    code = "others_in_pool"


class OneselfInvitedError(PeyvandError):
    """Whoever invites is in already."""

    code = "oneself_invited"
