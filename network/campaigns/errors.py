"""What can be wrong with a campaign, or with what somebody wants to do with one."""

from __future__ import annotations

from network.errors import PeyvandError


class CampaignDataError(PeyvandError):
    """A figure, a date or a name is not one that a campaign can have; ``field`` names it."""

    code = "campaign_invalid"


class CampaignCodeTakenError(PeyvandError):
    """Another campaign has this code."""

    code = "campaign_code_taken"


class UnknownCampaignError(PeyvandError):
    """There is no such campaign."""

    code = "unknown_campaign"


class CampaignStateError(PeyvandError):
    """The campaign is not in a state in which this can be done."""

    code = "campaign_state"


class CampaignSamePersonError(PeyvandError):
    """Whoever proposed a campaign cannot approve it."""

    code = "campaign_same_person"
