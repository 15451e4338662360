"""Strict JSON and canonical JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merchant_gateway.canonical import canonical
from merchant_gateway.errors import InvalidRequestError, MalformedJsonError
from merchant_gateway.strict_json import MAX_DEPTH, NotInteger, load_object

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT))
def test_what_json_writes_is_read_as_it_was(value: dict[str, Any]) -> None:
    assert load_object(json.dumps(value).encode()) == value
    assert load_object(canonical(value)) == value


@given(VALUES)
def test_equal_values_have_equal_canonical_bytes(value: Any) -> None:
    once = canonical(value)
    assert canonical(json.loads(once)) == once
    assert json.loads(once) == value


def test_canonical_form_is_sorted_tight_and_unescaped() -> None:
    assert canonical({"b": 1, "a": "پیوند", "ة": None}) == '{"a":"پیوند","b":1,"ة":null}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        canonical({"a": float("nan")})


def test_fractions_are_marked_for_the_schema() -> None:
    loaded = load_object(b'{"a": 1.0, "b": 1e3, "c": 7}')
    assert isinstance(loaded["a"], NotInteger)
    assert isinstance(loaded["b"], NotInteger)
    assert loaded["c"] == 7


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"a":1,"a":1}', "/a"),
        (b'{"x":{"a":1,"a":2}}', "/x/a"),
        (b'{"x":[{},{"a/b":1,"a/b":2}]}', "/x/1/a~1b"),
        (b'{"a":1,"\\u0061":2}', "/a"),
    ],
)
def test_duplicate_keys_are_named(body: bytes, pointer: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        load_object(body)
    assert [(each.pointer, each.code) for each in caught.value.errors] == [
        (pointer, "duplicate_key")
    ]


def test_nesting_has_a_limit() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    load_object(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 5000, 20_000):
        with pytest.raises(InvalidRequestError) as caught:
            load_object(nested(depth))
        assert caught.value.errors[0].code == "nested_too_deeply"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"1", b"{'a':1}", b'{"a":Infinity}'])
def test_what_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        load_object(body)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        loaded = load_object(body)
    except (MalformedJsonError, InvalidRequestError):
        return
    assert isinstance(loaded, dict)
