"""The words of points that travelled between two wallets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l
from network.programme.rules import Step

_WORDS: Mapping[tuple[str, str], LazyText] = {
    ("transfer", "given"): _l("Given to another member."),
    ("transfer", "received"): _l("Given by another member."),
    ("forward", "given"): _l("Went on to the wallet where the other points are."),
    ("forward", "received"): _l("Came from the wallet that was kept before."),
    ("join", "given"): _l("Went into the shared wallet."),
    ("join", "received"): _l("Brought along by somebody who joined."),
    ("leave", "given"): _l("Taken along by somebody who left."),
    ("leave", "received"): _l("Taken along from the shared wallet."),
    ("merge", "given"): _l("Went into the other wallet of the same person."),
    ("merge", "received"): _l("Came from the other wallet of the same person."),
}


def _writer(key: tuple[str, str]) -> Callable[[Step, str], str]:
    return lambda _step, _unit: str(_WORDS[key])


MOVE_WRITERS: Mapping[tuple[str, str], Callable[[Step, str], str]] = {
    key: _writer(key) for key in _WORDS
}
