"""What the operations on sandboxes take."""

from __future__ import annotations

from merchant_gateway.schemas.fields import OneOf, StrictSchema, Text, Whole

MOST_POINTS = 1_000_000
MOST_DAYS = 366
FIRST_POINTS = 1_000


class NewPersonSchema(StrictSchema):
    """A member to be made up."""

    name = Text(longest=80, description="A name; a numbered one where absent.")
    locale = OneOf(choices=("fa", "en"), load_default="en", description="The member's language.")
    points = Whole(
        least=0,
        most=MOST_POINTS,
        load_default=FIRST_POINTS,
        description="What the partner gave the member to begin with.",
    )
    tier = Text(
        longest=40, description="The code of the member's tier; that of everybody where absent."
    )


class MoveClockSchema(StrictSchema):
    """How far to move the sandbox's time on."""

    days = Whole(most=MOST_DAYS, required=True, description="Days, each of 24 hours.")


class PartnerRedemptionSchema(StrictSchema):
    """What a member spends at the partner."""

    points = Whole(most=MOST_POINTS, required=True, description="Whole points.")


class NewCodeSchema(StrictSchema):
    """What the code that the wallet shows is good for."""

    limit = Whole(
        least=0,
        most=MOST_POINTS,
        load_default=MOST_POINTS,
        description="At most so many points may be spent by it; 0: it only earns.",
    )


class ConsentAnswerSchema(StrictSchema):
    """What a made-up member says to being asked for points."""

    answer = OneOf(choices=("yes", "no"), required=True, description="As tapped in the wallet.")


CONSENT_ANSWER = ConsentAnswerSchema()
NEW_PERSON = NewPersonSchema()
MOVE_CLOCK = MoveClockSchema()
PARTNER_REDEMPTION = PartnerRedemptionSchema()
NEW_CODE = NewCodeSchema()
