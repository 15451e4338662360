"""Why a file proves nothing, in the reader's words: every reason that a check can give."""

from __future__ import annotations

from network.language import Speaker
from network.language import lazy_gettext as _l
from network.proofs.errors import ProofBrokenError

REASONS = (
    _l("a digest has 32 bytes"),
    _l("a nonce has 32 bytes"),
    _l("a path of more than 64 steps"),
    _l("a sibling stands left or right"),
    _l("none of these keys signed it"),
    _l("none of these keys signed the answer"),
    _l("none of these keys signed the seal"),
    _l("none of these keys signed which request it was"),
    _l("points are whole numbers"),
    _l("points in a tree are from 0 to 2^63 - 1"),
    _l("statement and night are of two days"),
    _l("the answer is about another entry"),
    _l("the balances and movements do not add up"),
    _l("the digest is not that of these lines and totals"),
    _l("the digest is not that of these movements"),
    _l("the file is not complete, or not of this form"),
    _l("the merchant's key is another one"),
    _l("the network did not sign that this was asked for"),
    _l("the network signed another statement than this"),
    _l("the path does not lead to the root that was signed"),
    _l("the request was signed over another body"),
    _l("the seal's signature does not hold"),
    _l("the signature does not hold"),
    _l("the signature of the answer does not hold"),
    _l("the signature of the network under the request does not hold"),
    _l("the signature of the request does not hold"),
    _l("this is neither a proof of points nor a statement"),
    _l("this is no signed statement"),
    _l("this is signed as something else"),
)
"""The messages of ``ProofBrokenError``; a test holds that none is missing."""

_SPEAKER = Speaker(package="network")


def said_of(error: ProofBrokenError) -> str:
    """Return in the reader's language why something does not hold."""
    return _SPEAKER.gettext(error.message)
