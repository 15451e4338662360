"""Reading what is good past marshmallow gives what marshmallow gives, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from merchant_gateway.operations import load_operations
from merchant_gateway.schemas.fields import StrictSchema
from merchant_gateway.schemas.requests import EARNING, EARNING_REFUND, REDEMPTION

_EARNING = {
    "member": {"phone": "09121234567"},
    "merchant_ref": "R-1",
    "amount": 1_500_000,
    "currency": "IRR",
    "occurred_at": "2026-03-21T10:15:00+03:30",
    "lines": [{"amount": 1_000_000, "category": "لبنیات"}, {"amount": 500_000, "quantity": 2}],
}
_REDEMPTION = {
    "member": {"code": "X" * 32},
    "merchant_ref": "R-2",
    "points": 5,
    "occurred_at": "2026-03-21T10:15:00Z",
}
_REFUND = {
    "merchant_ref": "R-3",
    "lines": [{"line": 0, "amount": 5}],
    "currency": "IRR",
    "occurred_at": "2026-03-21T10:15:00Z",
}
_GOOD: list[tuple[StrictSchema, dict[str, Any]]] = [
    (EARNING, _EARNING),
    (REDEMPTION, _REDEMPTION),
    (EARNING_REFUND, _REFUND),
]
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from(["", " x", "x", "IRR", "2026-03-21", "in_store", "auto"]),
    st.lists(st.fixed_dictionaries({"line": st.integers(-1, 1), "amount": st.integers(-1, 1)})),
    st.dictionaries(
        st.sampled_from(["phone", "code", "salt", "x"]), st.sampled_from(["", "9", 9, "9" * 16])
    ),
)


def _loaded(schema: StrictSchema, data: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return dict(schema.load(data))
    except ValidationError:
        return None


@pytest.mark.parametrize(("schema", "data"), _GOOD, ids=["earning", "redemption", "refund"])
def test_good_input_is_read_the_short_way(schema: StrictSchema, data: dict[str, Any]) -> None:
    assert schema.load_plain(data) is not None


@settings(max_examples=150)
@given(
    which=st.sampled_from(_GOOD),
    changes=st.dictionaries(
        st.sampled_from([*_EARNING, "points", "capture", "store", "channel", "unheard_of"]), _VALUES
    ),
    left_out=st.sets(st.sampled_from([*_EARNING, "points"]), max_size=1),
)
def test_both_ways_agree(
    which: tuple[StrictSchema, dict[str, Any]], changes: dict[str, Any], left_out: set[str]
) -> None:
    schema, good = which
    data = {name: value for name, value in (good | changes).items() if name not in left_out}
    assert schema.load_plain(data) == _loaded(schema, data)


def test_every_schema_of_a_body_can_be_read_the_short_way() -> None:
    for each in load_operations().values():
        if each.body is not None:
            assert isinstance(each.body, StrictSchema), each.name
            each.body.load_plain({})
