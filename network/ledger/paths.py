"""Which ways points go with each kind of entry: from where, and to where.

The other end of a movement (issuance, expiry, clawback …) keeps no balance that could be compared,
so the audit holds every movement to these.
"""

from __future__ import annotations

from typing import Final

Path = tuple[str, str]

# Every credit to available repays what the member owes that issuer.
_REPAID: Final[tuple[Path, ...]] = (("available", "clawback"), ("receivable", "debt"))
# A slice of a hold whose lot has lapsed expires at once.
_RELEASED: Final[tuple[Path, ...]] = (("held", "available"), ("held", "expiry"), *_REPAID)
_BETWEEN_MEMBERS: Final[tuple[Path, ...]] = (
    ("available", "transfer"),
    ("transfer", "available"),
    *_REPAID,
)
# Whatever a wallet has goes along: pending points, and debts, too.
_EVERYTHING: Final[tuple[Path, ...]] = (
    *_BETWEEN_MEMBERS,
    ("pending", "transfer"),
    ("transfer", "pending"),
    ("debt", "receivable"),
)

PATHS: Final[dict[str, tuple[Path, ...]]] = {
    "issuance": (("issuance", "available"), ("issuance", "pending"), *_REPAID),
    "activation": (("pending", "available"), *_REPAID),
    "authorisation": (("available", "held"),),
    # A capture after the hold ran out takes points anew.
    "capture": (("held", "redemption"), ("available", "redemption"), *_RELEASED),
    "void": _RELEASED,
    "release": _RELEASED,
    "redemption": (("available", "redemption"),),
    "refund_issuance": (
        ("available", "clawback"),
        ("pending", "clawback"),
        ("debt", "receivable"),
    ),
    "refund_redemption": (("redemption", "available"), *_REPAID),
    "expiry": (("available", "expiry"), ("pending", "expiry")),
    # A wallet that moved forwards with this kind what later refunds leave in it.
    "transfer": _EVERYTHING,
    "join": _EVERYTHING,
    "merge": _EVERYTHING,
    "leave": _BETWEEN_MEMBERS,
    "extension": (("available", "available"),),
    "adjustment": (
        ("adjustment", "available"),
        ("adjustment", "pending"),
        ("available", "adjustment"),
        *_REPAID,
    ),
    "write_off": (("receivable", "debt"),),
}
"""By kind of entry, every (source, target) that one of its movements may have."""

# In the order of PATHS, so that the most frequent are found first.
_BITS: Final = {
    path: 1 << place
    for place, path in enumerate(dict.fromkeys(path for paths in PATHS.values() for path in paths))
}
_NONE: Final = 1 << len(_BITS)


def path_of(source: str, target: str) -> str:
    """Return SQL for the bit of a movement's path; one of no kind has a bit of its own."""
    whens = " ".join(
        f"WHEN {source} = '{path[0]}' AND {target} = '{path[1]}' THEN {bit}"
        for path, bit in _BITS.items()
    )
    return f"(CASE {whens} ELSE {_NONE} END)"


def paths_of(kind: str) -> str:
    """Return SQL for the bits of a kind's paths; a word that is no kind has all of them."""
    whens = " ".join(
        f"WHEN '{name}' THEN {sum(_BITS[path] for path in paths)}" for name, paths in PATHS.items()
    )
    return f"(CASE {kind} {whens} ELSE {2 * _NONE - 1} END)"
