"""What a member reads of a claim: why it can't be said so, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l

REFUSED: Mapping[str, LazyText] = {
    "too_late": _l("It is more than 30 days since the answer."),
    "claimed": _l("You have told us about this already."),
    "many": _l("Ten of your reports wait for an answer already. Please wait for one of them."),
    "kind": _l("Choose what happened."),
    "words": _l("Say what is wrong, in a few sentences (at most 500 characters)."),
}
OUTCOMES: Mapping[str, LazyText] = {
    "made_good": _l("The network has given the points back to you"),
    "shop": _l("The shop puts it right"),
    "explained": _l("It is explained"),
    "refused": _l("It stays as it is"),
}
KINDS: Mapping[str, LazyText] = {
    "not_me": _l("It wasn't me"),
    "wrong": _l("Something is wrong with it"),
}
