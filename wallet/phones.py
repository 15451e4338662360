"""Phone numbers as people in the programme's country write them."""

from __future__ import annotations

import phonenumbers
from phonenumbers import PhoneNumberFormat

HOME_COUNTRY_CODE = 98


def shown_phone(number: str) -> str:
    """Return a number in E.164 as it is dialled at home (``0912 345 6789``), or with its country.

    ``number`` must be one that the network stored.
    """
    parsed = phonenumbers.parse(number)
    form = (
        PhoneNumberFormat.NATIONAL
        if parsed.country_code == HOME_COUNTRY_CODE
        else PhoneNumberFormat.INTERNATIONAL
    )
    return phonenumbers.format_number(parsed, form)
