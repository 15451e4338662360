"""Roles of a merchant's people in the portal, and what each opens.

cashier: the till. finance: statements, settlements, entries. administrator: all of it, and
users, stores, keys and webhooks. A shop of one person is an administrator who stands at the till.
"""

from __future__ import annotations

from collections.abc import Mapping

from network.merchants import scopes

CASHIER = "cashier"
FINANCE = "finance"
ADMINISTRATOR = "administrator"
ROLES = (CASHIER, FINANCE, ADMINISTRATOR)

TILL = "till"
BOOKS = "books"
OFFICE = "office"
ANY = "any"
AREAS = (TILL, BOOKS, OFFICE, ANY)
"""What a page belongs to; ``any`` is everybody's own account."""

_OPENS: Mapping[str, frozenset[str]] = {
    CASHIER: frozenset({TILL, ANY}),
    FINANCE: frozenset({BOOKS, ANY}),
    ADMINISTRATOR: frozenset(AREAS),
}
_SCOPES: Mapping[str, tuple[str, ...]] = {
    TILL: (scopes.MEMBERS, scopes.EARNINGS, scopes.REDEMPTIONS, scopes.REFUNDS),
    BOOKS: (scopes.TRANSACTIONS, scopes.SETTLEMENTS),
    OFFICE: (scopes.WEBHOOKS, scopes.KEYS),
    ANY: (),
}


def opens(role: str, area: str) -> bool:
    """Return whether somebody of ``role`` may open a page of ``area``."""
    return area in _OPENS[role]


def scopes_of(role: str, *, sells: bool = True) -> tuple[str, ...]:
    """Return what calls of ``role`` may do, in the words in which keys say it.

    Where the merchant does not sell, nobody of it stands at a till.
    """
    opened = _OPENS[role] if sells else _OPENS[role] - {TILL}
    return scopes.ordered(scope for area in opened for scope in _SCOPES[area])


def needs_second_factor(role: str) -> bool:
    """Return whether ``role`` signs in with a one-time code as well."""
    return role != CASHIER
