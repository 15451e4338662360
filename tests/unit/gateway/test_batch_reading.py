"""The quick way to read a purchase and the schema say the same, of good ones and of bad ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merchant_gateway.batches.reading import LONGEST_LINE, named_in, read_line
from merchant_gateway.errors import BodyTooLargeError, InvalidRequestError, MalformedJsonError
from merchant_gateway.plain_purchases import read_earning, read_earning_line
from merchant_gateway.schemas.batches import LINES
from merchant_gateway.schemas.load import load_body
from merchant_gateway.schemas.requests import EARNING
from merchant_gateway.strict_json import load_object
from network.errors import PeyvandError

GOOD: dict[str, Any] = {
    "type": "earn",
    "member": {"phone": "09121234567"},
    "merchant_ref": "R-1",
    "amount": 30,
    "currency": "IRR",
    "occurred_at": "2026-11-22T10:15:00+03:30",
}
SALT = "Zk3_wq0vT8uYb1xC4nEo2g"
_TEXTS = [
    "",
    " ",
    "x",
    " x",
    "x\u200c",
    "a\u202eb",
    "x" * 65,
    "x" * 121,
    "\ud800",
    "نان",
    "e\u0301",
]
_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([*_TEXTS, None, True, 0, 1, -1, 10**15, 10**19, 1.5, [], {}, "IRR", "online"]),
    st.sampled_from(
        ["2026-11-22", "2026-11-22T10:15", "2026-13-22T10:15:00Z", GOOD["occurred_at"]]
    ),
    st.dictionaries(
        st.sampled_from(["phone", "card", "code", "token", "other", "salt"]),
        st.sampled_from([*_TEXTS, 1, None, SALT, f"{SALT}="]),
        max_size=2,
    ),
    st.lists(
        st.one_of(
            st.just(1),
            st.dictionaries(
                st.sampled_from(["sku", "category", "quantity", "amount", "other"]),
                st.sampled_from([*_TEXTS, 0, 1, 2, 10**7, None, 1.5]),
                max_size=4,
            ),
        ),
        max_size=3,
    ),
)
_NAMES = [*GOOD, "store", "terminal", "receipt", "channel", "lines", "extra"]


def outcome(read: Any) -> Any:
    try:
        return read()
    except InvalidRequestError as error:
        return sorted((each.pointer, each.code, each.argument) for each in error.errors)
    except PeyvandError as error:
        return error.code


@given(changes=st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=3), escape=st.booleans())
def test_a_line_is_read_as_its_schema_reads_it(changes: dict[str, Any], escape: bool) -> None:  # noqa: FBT001 - drawn
    raw = json.dumps(GOOD | changes, ensure_ascii=escape).encode(errors="surrogatepass")
    kind = (GOOD | changes)["type"]
    if kind != "earn":
        with pytest.raises((InvalidRequestError, MalformedJsonError)):
            read_line(raw)
        return
    assert outcome(lambda: read_line(raw)) == outcome(
        lambda: load_body(LINES["earn"], load_object(raw))
    )


@given(
    changes=st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=3),
    left_out=st.sets(st.sampled_from([*GOOD]), max_size=1),
    escape=st.booleans(),
)
def test_a_purchase_by_itself_is_read_as_its_schema_reads_it(
    changes: dict[str, Any],
    left_out: set[str],
    escape: bool,  # noqa: FBT001 - drawn
) -> None:
    good = {name: value for name, value in GOOD.items() if name not in {"type", *left_out}}
    raw = json.dumps(good | changes, ensure_ascii=escape).encode(errors="surrogatepass")
    plain = read_earning(raw)
    assert plain is None or plain == load_body(EARNING, load_object(raw))


_BASKET = GOOD | {"store": "یک", "lines": [{"amount": 20, "sku": "s"}, {"amount": 10}]}
_WRITTEN = json.dumps(_BASKET, ensure_ascii=False)


def test_a_good_purchase_is_read_the_short_way() -> None:
    salted = GOOD | {"member": {"phone": "09121234567", "salt": SALT}}
    assert read_line(json.dumps(salted).encode()) == read_line(json.dumps(GOOD).encode())
    for written in (_WRITTEN, json.dumps(GOOD), json.dumps(salted)):
        assert read_earning_line(written.encode()) is not None
        alone = written.replace('"type": "earn", ', "").encode()
        assert read_earning(alone) == load_body(EARNING, load_object(alone))


@pytest.mark.parametrize(
    ("once", "twice"),
    [
        ('"amount": 30', '"amount": 30, "amount": 30'),
        ('"store": "یک"', '"store": "یک", "store": "یک"'),
        ('"phone": "09121234567"', '"phone": "0", "phone": "09121234567"'),
        ('"amount": 20', '"amount": 20, "amount": 20'),
        ('"sku": "s"', '"sku": "s", "sku": "s"'),
    ],
)
def test_a_key_that_stands_twice_is_refused_wherever_it_stands(once: str, twice: str) -> None:
    assert once in _WRITTEN
    with pytest.raises(InvalidRequestError) as caught:
        read_line(_WRITTEN.replace(once, twice, 1).encode())
    assert [each.code for each in caught.value.errors] == ["duplicate_key"]


def test_what_is_no_object_is_refused() -> None:
    for raw in (b"", b"[]", b"1", b"{", b"\xff", b'{"a": NaN}'):
        with pytest.raises(MalformedJsonError):
            read_line(raw)
    with pytest.raises(InvalidRequestError) as caught:
        read_line(json.dumps(GOOD).replace('"amount": 30', '"amount": 30, "amount": 31').encode())
    assert caught.value.errors[0].pointer == "/amount"
    with pytest.raises(BodyTooLargeError):
        read_line(b" " * (LONGEST_LINE + 1))


def test_a_bad_line_is_named_as_far_as_it_can_be() -> None:
    assert named_in(json.dumps({**GOOD, "amount": 0}).encode()) == ("earn", "R-1")
    assert named_in(b'{"type": "spend", "merchant_ref": 5}') == (None, None)
    assert named_in(b"{") == named_in(b"[]") == named_in(b" " * (LONGEST_LINE + 1)) == (None, None)
