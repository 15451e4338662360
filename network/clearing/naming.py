"""Who may be named to whom: merchants whose agreements both allow it, on the day that counts.

An agreement lets its merchant be named (``named``) or not, which is the rule. Two merchants read
each other's names only where both do. What counts for a window is what was in force on its last
day: no agreement begins on a day that has begun, so what a statement of that window says is settled
before the window is, and stays.
"""

from __future__ import annotations

CONSENTING = """
    SELECT found.merchant_id FROM (
        SELECT DISTINCT ON (merchant_id) merchant_id, named FROM network.agreement
        WHERE approved_at IS NOT NULL AND effective_from < {end_day}
        ORDER BY merchant_id, effective_from DESC
    ) AS found WHERE found.named
"""
"""A query for the merchants that may be named in a window that ends before ``end_day``."""


def told(payer: str, payee: str) -> str:
    """Return SQL for whether two parties may read each other's name, or are one and the same.

    The columns ``payer`` and ``payee`` hold ids of parties; ``consenting`` is a query of that name.
    The network is nobody's consent: it is called the network wherever it pays and is paid.
    """
    return (
        f"({payer} = {payee} OR ({payer} IN (SELECT merchant_id FROM consenting)"
        f" AND {payee} IN (SELECT merchant_id FROM consenting)))"
    )
