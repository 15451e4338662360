"""Lean values: filled by assignment, and otherwise what a frozen dataclass is."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace

import pytest

from network.lean import lean


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Lean:
    """What a call makes of itself."""

    name: str
    notes: list[str] = field(default_factory=list, compare=False)
    secret: bytes = field(default=b"", repr=False)


@lean
@dataclass(frozen=True, slots=True)
class Placed:
    """Fields by their places."""

    first: int
    second: int = 2


def test_a_lean_value_is_made_compared_and_shown_as_before() -> None:
    one, same = Lean(name="a", secret=b"x"), Lean(name="a", secret=b"x", notes=["n"])
    assert (one, hash(one)) == (same, hash(same))
    assert one != Lean(name="b")
    assert repr(one) == "Lean(name='a', notes=[])"
    assert one.notes is not Lean(name="a").notes
    assert replace(one, name="c") == Lean(name="c", secret=b"x")
    assert copy(one) == one
    assert (Placed(1), Placed(1, 3).second) == (Placed(first=1, second=2), 3)


def test_it_takes_its_own_fields_and_no_others() -> None:
    with pytest.raises(TypeError):
        Lean()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Lean("a")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Lean(name="a").other = 1  # type: ignore[attr-defined]


def test_what_checks_its_fields_stays_as_it_is() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        first: int

        def __post_init__(self) -> None:
            """Would never be called."""

    with pytest.raises(TypeError):
        lean(Checked)
