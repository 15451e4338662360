"""What a person agrees to when joining: the words of wording 1, in the reader's language.

The network keeps the version of the wording with each answer (``network.members.enrolment``); a
change of meaning here needs a new version there.
"""

from __future__ import annotations

from collections.abc import Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l

CONSENT_WORDS: Mapping[str, LazyText] = {
    "membership": _l(
        "Peyvand keeps my number and the purchases I show my code at, to count my points."
    ),
    "offers": _l("Partners may send me offers that fit my purchases."),
    "research": _l("My purchases may be used, without my name, for statistics."),
}
