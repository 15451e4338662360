"""What the machine draws from: small ranges that meet often, and now and then the odd one out."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.scenarios.ledger.stand import MERCHANTS


def mostly(common: st.SearchStrategy[Any], rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw from ``rare`` about once in twelve times."""
    return st.integers(0, 11).flatmap(lambda n: rare if n == 11 else common)


members = st.sampled_from((0,) * 7 + (1,) * 4 + (2,) + (3,) * 3)
merchants = st.sampled_from(MERCHANTS)
aims = st.integers(0, 15)
names = mostly(st.none(), st.sampled_from(("a", "b")))
some_names = st.one_of(st.none(), st.sampled_from(("a", "b")))
counts = mostly(st.integers(1, 30), st.sampled_from((0, -3, 10**15 + 1, 200)))
codes = st.one_of(
    st.none(),
    st.tuples(st.sampled_from("xy"), st.sampled_from((15, 500)), st.sampled_from((1, 1, -1))),
)
shares = st.tuples(
    merchants,
    st.integers(0, 1),  # which of the issuer's terms
    mostly(st.integers(1, 60), st.sampled_from((0, 0, 0, -1, 10**15 + 1))),
    st.sampled_from((0, 0, 0, 1, 4)),  # days pending
    st.sampled_from((365, 8, 4, 2, 1)),  # days of life after that
    st.sampled_from((None, None, None, None, *MERCHANTS)),  # the only one that may take them
)
lines = st.tuples(st.integers(1, 200), st.lists(shares, min_size=1, max_size=3))
purchases = st.lists(lines, max_size=3)
beginnings = st.lists(
    st.tuples(
        st.integers(50, 200),
        st.lists(
            st.tuples(
                merchants,
                st.integers(0, 1),
                st.integers(20, 90),
                st.sampled_from((0, 0, 0, 2)),
                st.sampled_from((365, 8, 3, 1)),
            ),
            min_size=1,
            max_size=2,
        ),
    ),
    min_size=1,
    max_size=3,
)
