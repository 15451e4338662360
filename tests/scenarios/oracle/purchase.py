"""A purchase as the oracle keeps it: who gave what for which line, and what refunds take back."""

from dataclasses import dataclass

from tests.scenarios.oracle.campaigns import shared
from tests.scenarios.oracle.wallet import DisagreementError, Lot


@dataclass
class EarnedPart:
    """What one issuer gave for one line of a purchase, and what it has back."""

    line: int
    issuer: str
    lot: Lot | None
    points: int
    clawed_back: int = 0

    @property
    def left(self) -> int:
        """Return what can still be taken back."""
        return self.points - self.clawed_back


@dataclass
class Purchase:
    """An accepted earning, kept for its refunds; lines are by their place."""

    member: str
    skus: list[str]
    bases: list[int]
    parts: list[EarnedPart]
    refunded: list[int]
    refunded_in_all: int = 0
    refunded_by: str | None = None

    def take_back(
        self, amount: int, *, line: int | None, issuers: list[str]
    ) -> list[tuple[EarnedPart, int]]:
        """Refund `amount` of a line, or of the whole; return what each part gives back for it.

        The increment is shared by what each issuer, then each of its parts, has not given back
        yet; ties go to the issuer that stands first in `issuers`.
        """
        if line is None:
            self.refunded_in_all += amount
            refunded, base = self.refunded_in_all, sum(self.bases)
            parts = self.parts
        else:
            self.refunded[line] += amount
            refunded, base = self.refunded[line], self.bases[line]
            parts = [part for part in self.parts if part.line == line]
        if amount <= 0 or refunded > base:
            raise DisagreementError(f"{refunded} of {base} refunded")
        earned = sum(part.points for part in parts)
        back = sum(part.clawed_back for part in parts)
        owners = sorted({part.issuer for part in parts}, key=issuers.index)
        owing = [sum(part.left for part in parts if part.issuer == owner) for owner in owners]
        given = []
        for owner, share in zip(
            owners, shared(earned * refunded // base - back, owing), strict=True
        ):
            own = [part for part in parts if part.issuer == owner]
            for part, points in zip(own, shared(share, [p.left for p in own]), strict=True):
                part.clawed_back += points
                given.append((part, points))
        return given
