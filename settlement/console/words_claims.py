"""Words for members' claims."""

from __future__ import annotations

from network.language import lazy_gettext as _l

TABLES = {
    "claim": {
        "not_me": _l("It wasn't me"),
        "wrong": _l("Something is wrong with it"),
    },
    "claim_outcome": {
        "made_good": _l("The network gives the points back"),
        "shop": _l("The shop puts it right"),
        "explained": _l("It is explained"),
        "refused": _l("It stays as it is"),
    },
}
