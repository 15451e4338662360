"""What a refund of a purchase takes back from whom."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from tests.scenarios.ledger.model.books import Earned, Refused


def largest_remainder(total: int, weights: list[int]) -> list[int]:
    """Share a total over weights in whole units, ties to the earlier place."""
    whole = sum(weights) or 1
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares


def refund(rows: list[Earned], amount: int) -> list[tuple[Earned, int]]:
    """Count a refund over the rows of some lines; return what each row gives back now.

    What was refunded of a line has its part of the line's points by right; the amount has of the
    points left over what it has of the base left over. Both together are floored once, less what
    is back, spread over what each issuer has not yet given back, ties by issuer. The page leaves
    open, and the SQL decided: within an issuer the grants share in the same way, ties in their
    order, and so do the lines share the amount.
    """
    lines = {row.line: row for row in rows}
    ordered = [lines[line] for line in sorted(lines)]
    left = refundable(rows)
    if amount > left:
        raise Refused("refund_exceeds_original", refundable=left)
    settled = sum((Fraction(r.points * r.refunded, r.base) for r in rows if r.refunded), Fraction())
    earned = sum(row.points for row in rows)
    due = floor(settled + (earned - settled) * Fraction(amount, left))
    # Refunds by lines floor each by itself; what they took beyond is never given back.
    due = max(0, due - sum(row.clawed_back for row in rows))

    spread = largest_remainder(amount, [row.base - row.refunded for row in ordered])
    of_line = {row.line: share for row, share in zip(ordered, spread, strict=True)}
    taken: list[tuple[Earned, int]] = []
    issuers = sorted({row.issuer_id for row in rows})
    theirs = [[row for row in rows if row.issuer_id == issuer] for issuer in issuers]
    for own, share in zip(
        theirs, largest_remainder(due, [_owing(own) for own in theirs]), strict=True
    ):
        parts = largest_remainder(share, [row.points - row.clawed_back for row in own])
        taken += zip(own, parts, strict=True)
    for row, part in taken:
        row.refunded += of_line[row.line]
        row.clawed_back += part
    return taken


def _owing(rows: list[Earned]) -> int:
    return sum(row.points - row.clawed_back for row in rows)


def refundable(rows: list[Earned]) -> int:
    """Return the base that is not refunded yet."""
    return sum(
        base - refunded for _, base, refunded in {(r.line, r.base, r.refunded) for r in rows}
    )
