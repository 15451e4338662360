"""IBANs are checked by their form and their check digits."""

from __future__ import annotations

import pytest

from network.merchants.agreements import _checked_iban
from network.merchants.errors import MerchantDataError


@pytest.mark.parametrize(
    ("text", "iban"),
    [
        ("IR58 0540 1051 8002 1273 1130 07", "IR580540105180021273113007"),
        ("gb82 west 1234 5698 7654 32", "GB82WEST12345698765432"),
    ],
)
def test_good_ones(text: str, iban: str) -> None:
    assert _checked_iban(text) == iban


@pytest.mark.parametrize(
    "text", ["", "IR", "IR590540105180021273113007", "1234", "IR58" + "۱" * 22]
)
def test_bad_ones(text: str) -> None:
    with pytest.raises(MerchantDataError) as refused:
        _checked_iban(text)
    assert refused.value.field == "settlement_iban"
