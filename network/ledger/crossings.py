"""What movements did to wallets as a whole, as SQL that readers of many movements share.

A movement has two ends. What money follows is the end outside the wallet: points come out of
``issuance``, or go to ``redemption``. Who counts what wallets hold looks at the ends inside.
"""

from __future__ import annotations

_OUTSIDE = "'issuance', 'redemption', 'expiry', 'clawback', 'adjustment', 'transfer', 'receivable'"
_INSIDE = "'pending', 'available', 'held'"

CROSSINGS = f"""(
    SELECT m.*, m.source IN ({_OUTSIDE}) AS negative,
           CASE WHEN m.source IN ({_OUTSIDE}) THEN m.source ELSE m.target END AS account
    FROM ledger.movement AS m
)"""
"""Movements with the ``account`` of their outer end, and whether points came out of it.

``points`` are above zero. For movements inside a wallet the account is their target.
"""

SIGNED = "CASE WHEN negative THEN -points ELSE points END"
"""The points of a crossing as a line on its account shows them: below zero where they came out."""

LINE = "2 * line - CASE WHEN negative THEN 1 ELSE 0 END"
"""The number of that line (``ledger.posting``)."""

INTO_WALLETS = (
    f"CASE WHEN target IN ({_INSIDE}) THEN points ELSE 0 END"
    f" - CASE WHEN source IN ({_INSIDE}) THEN points ELSE 0 END"
)
"""By how many points a movement changed what the wallet holds, pending and held ones included."""
