"""Roles of operators, each holding what the ones before it hold.

viewer: figures, positions, entries without persons. analyst: takes data out (CSV, JSON).
operator: members' wallets (masked), and proposes changes. approver: approves what another proposed,
reads the audit log. administrator: operators.
"""

from __future__ import annotations

VIEWER = "viewer"
ANALYST = "analyst"
OPERATOR = "operator"
APPROVER = "approver"
ADMINISTRATOR = "administrator"

ROLES = (VIEWER, ANALYST, OPERATOR, APPROVER, ADMINISTRATOR)


def holds(role: str, needed: str) -> bool:
    """Return whether ``role`` may do what ``needed`` may."""
    return ROLES.index(role) >= ROLES.index(needed)
