"""What a till asks of the gateway in the demo, as values.

Amounts are whole rials, points are whole points. `occurred_at` is the programme time of the action
in the programme's time zone. A `merchant_ref` is unique per merchant and kind.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from config.demo.names import Name

Channel: TypeAlias = Literal["in_store", "online", "app"]
CaptureMode: TypeAlias = Literal["auto", "manual"]


@dataclass(frozen=True, slots=True)
class Member:
    """A household as a member; `key` is how every other action names it."""

    key: str
    household_id: int
    name: Name
    phone: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a purchase; `amount` is what was paid for all of `quantity`, in money."""

    sku: str
    category: str
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Enrol:
    """A member joins at the till."""

    occurred_at: datetime
    member: Member


@dataclass(frozen=True, slots=True)
class Earn:
    """A purchase earns; `amount` is the sum of its lines, without what was paid with points."""

    occurred_at: datetime
    member: str
    merchant: str
    merchant_ref: str
    amount: int
    lines: tuple[Line, ...]
    store: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Redeem:
    """A member pays with points: exactly one of `amount` and `points` is given.

    With `capture` "manual" a `Capture` or a `Void` follows.
    """

    occurred_at: datetime
    member: str
    merchant: str
    merchant_ref: str
    amount: int | None
    points: int | None
    capture: CaptureMode
    store: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Capture:
    """The till takes `points` of what it authorised as `original_ref`; None takes all."""

    occurred_at: datetime
    member: str
    merchant: str
    original_ref: str
    points: int | None


@dataclass(frozen=True, slots=True)
class Void:
    """The till gives up what it authorised as `original_ref`."""

    occurred_at: datetime
    member: str
    merchant: str
    original_ref: str


@dataclass(frozen=True, slots=True)
class RefundEarn:
    """`amount` of an earning purchase goes back; `lines` names its lines if it goes by lines."""

    occurred_at: datetime
    member: str
    merchant: str
    merchant_ref: str
    original_ref: str
    amount: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class RefundRedeem:
    """`points` of a redemption go back to the member; None returns all that is left of it."""

    occurred_at: datetime
    member: str
    merchant: str
    merchant_ref: str
    original_ref: str
    points: int | None


Action: TypeAlias = Enrol | Earn | Redeem | Capture | Void | RefundEarn | RefundRedeem
