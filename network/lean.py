"""Values that are made with every call, without what freezing costs at each of their fields.

A frozen dataclass fills its fields one by one through ``object.__setattr__``, which takes three
times as long as an assignment; the values of a signed earn have a hundred fields. That nobody
changes them afterwards the type checker sees.
"""

from __future__ import annotations

from dataclasses import field, fields, make_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def lean(made: type[T]) -> type[T]:
    """Have a frozen dataclass with slots be filled by assignment; it is frozen for mypy alone."""
    if hasattr(made, "__post_init__"):
        raise TypeError(made)
    listed: list[tuple[str, Any, Any]] = []
    for each in fields(made):  # type: ignore[arg-type]  # it is a dataclass, which a type cannot say
        copied: Any = field(
            default=each.default,
            default_factory=each.default_factory,
            init=each.init,
            kw_only=bool(each.kw_only),
        )
        listed.append((each.name, each.type, copied))
    plain = make_dataclass(made.__name__, listed)
    made.__init__ = plain.__init__  # type: ignore[misc, method-assign]
    del made.__setattr__, made.__delattr__
    return made
