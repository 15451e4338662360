"""What the operations on joining at the till take."""

from __future__ import annotations

from merchant_gateway.schemas.fields import OneOf, Several, StrictSchema, Text
from network.language import DEFAULT_LOCALE, LOCALES
from network.members.enrolment import MAX_NAME_CHARACTERS, PURPOSES

_DIGITS_OF_PHONE = 20
_DIGITS_OF_CODE = 12


class NewEnrolmentSchema(StrictSchema):
    """A customer who wants to join."""

    phone = Text(
        longest=_DIGITS_OF_PHONE,
        required=True,
        description="Mobile number; the code for the cashier goes there.",
        example="09121234567",
    )
    consents = Several(
        OneOf(choices=PURPOSES),
        required=True,
        description="What the customer said yes to; `membership` must be among them.",
    )
    name = Text(longest=MAX_NAME_CHARACTERS, description="As the customer says it; may be absent.")
    locale = OneOf(
        choices=tuple(LOCALES),
        load_default=DEFAULT_LOCALE,
        description="The customer's language, for messages and the wallet.",
    )
    store = Text(longest=64, description="The code of one of the merchant's stores.")


class EnrolmentCodeSchema(StrictSchema):
    """The code that the customer told the cashier."""

    code = Text(
        longest=_DIGITS_OF_CODE,
        required=True,
        description="The six digits of the message, in any script.",
        example="482913",
    )


NEW_ENROLMENT = NewEnrolmentSchema()
ENROLMENT_CODE = EnrolmentCodeSchema()
