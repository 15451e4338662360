"""Bank accounts for a made-up coalition: valid Iranian IBANs of accounts that do not exist."""

from __future__ import annotations

from hashlib import sha256

_COUNTRY = "182700"  # IR00 in the digits of ISO 13616
_BANK = "054"
_ACCOUNT_DIGITS = 19
_MODULUS = 97


def made_up_iban(name: str) -> str:
    """Return an IBAN that follows from ``name``; its check digits are right (ISO 13616)."""
    account = int.from_bytes(sha256(name.encode()).digest()) % 10**_ACCOUNT_DIGITS
    number = f"{_BANK}{account:0{_ACCOUNT_DIGITS}d}"
    check = _MODULUS + 1 - int(number + _COUNTRY) % _MODULUS
    return f"IR{check:02d}{number}"
