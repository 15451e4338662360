"""Phone numbers: every written form becomes one stored form, E.164."""

from __future__ import annotations

import re
from typing import Any

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumberFormat,
    PhoneNumberType,
)

from network.language.digits import ascii_digits
from network.members.errors import InvalidPhoneError

HOME_REGION = "IR"
_MOST_CHARACTERS = 40
_IGNORED = re.compile("[\\s()./\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060-\u2069-]")
_DIALLED = re.compile(r"\+?[0-9]{6,20}")
# Nearly every number is a mobile at home: the library's own pattern says so at a twentieth of the
# time, and whatever it does not fit is left to the library.
_AT_HOME = re.compile(r"(?:\+98|0098|0)?(9[0-9]{9})")
_HOME: Any = PhoneMetadata.metadata_for_region(HOME_REGION)
_HOME_MOBILE = re.compile(_HOME.mobile.national_number_pattern)
_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def normalise_phone(text: str, *, field: str = "phone") -> str:
    """Return a mobile number in E.164 (``+989123456789``).

    Takes 09…, 9…, +98…, 0098… and 98…, in Latin, Persian or Arabic digits, with the usual
    separators and direction marks; numbers of other countries with + or 00. Raises
    InvalidPhoneError, which never quotes the text.
    """
    plain = _IGNORED.sub("", ascii_digits(text[: _MOST_CHARACTERS + 1]))
    if len(text) > _MOST_CHARACTERS or not _DIALLED.fullmatch(plain):
        raise InvalidPhoneError("this is not a phone number", field=field)
    at_home = _AT_HOME.fullmatch(plain)
    if at_home is not None and _HOME_MOBILE.fullmatch(at_home[1]) is not None:
        return f"+98{at_home[1]}"
    try:
        number = phonenumbers.parse(plain, HOME_REGION)
    except NumberParseException:
        raise InvalidPhoneError("this is not a phone number", field=field) from None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in _MOBILE:
        raise InvalidPhoneError("this is not a mobile number", field=field)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
