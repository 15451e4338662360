"""What a refund of a purchase takes back from whom."""

from __future__ import annotations

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

    Cumulative floor(earned x refunded / base) less what is back, spread over what each issuer has
    not yet given back, ties by issuer. The page leaves open, and the SQL decided: within an issuer
    the grants share in the same way, ties in their order, and so do the lines share the amount.
    """
    lines = {row.line: row for row in rows}
    ordered = [lines[line] for line in sorted(lines)]
    base = sum(row.base for row in ordered)
    refunded = sum(row.refunded for row in ordered)
    if refunded + amount > base:
        raise Refused("refund_exceeds_original", refundable=base - refunded)
    due = sum(row.points for row in rows) * (refunded + amount) // base
    # Refunds by lines may have taken back more than the whole purchase's share: never give back.
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
