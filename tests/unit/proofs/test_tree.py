"""The Merkle sum tree: every leaf leads to the root, and nothing else does."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.proofs.errors import ProofBrokenError
from network.proofs.queries import pack, unpack
from network.proofs.service import CHUNK
from network.proofs.tree import (
    EMPTY,
    MOST_POINTS,
    Node,
    Step,
    climb,
    join,
    leaf,
    path_of,
    root_of,
)

DAY = date(2026, 3, 22)
NODES = st.lists(
    st.builds(Node, st.integers(0, 10**12), st.binary(min_size=32, max_size=32)),
    min_size=1,
    max_size=70,
)


@st.composite
def places(draw: st.DrawFn) -> tuple[list[Node], int]:
    nodes = draw(NODES)
    return nodes, draw(st.integers(0, len(nodes) - 1))


@given(places())
def test_every_leaf_leads_to_the_root_whose_points_are_the_sum(
    given_: tuple[list[Node], int],
) -> None:
    nodes, place = given_
    root = root_of(nodes)
    assert root.points == sum(node.points for node in nodes)
    assert climb(nodes[place], path_of(nodes, place)) == root


@given(places(), st.integers(1, 10**6))
def test_other_points_or_another_sibling_do_not(given_: tuple[list[Node], int], more: int) -> None:
    nodes, place = given_
    root, steps = root_of(nodes), path_of(nodes, place)
    assert climb(nodes[place]._replace(points=nodes[place].points + more), steps) != root
    for number, step in enumerate(steps):
        # Points moved from a sibling to another keep the total; the digests see it.
        raised = Step(step.side, step.sibling._replace(points=step.sibling.points + more))
        assert climb(nodes[place], [*steps[:number], raised, *steps[number + 1 :]]) != root
        turned = Step("left" if step.side == "right" else "right", step.sibling)
        if step.sibling != climb(nodes[place], steps[:number]):
            assert climb(nodes[place], [*steps[:number], turned, *steps[number + 1 :]]) != root
    if steps:
        assert climb(nodes[place], steps[:-1]) != root


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_no_node_is_below_zero_or_too_large(points: int, debt: int) -> None:
    honest = Node(points, bytes(32))
    with pytest.raises(ProofBrokenError):
        join(honest, Node(-debt, bytes(32)))
    with pytest.raises(ProofBrokenError):
        climb(honest, [Step("left", Node(-debt, bytes(32)))])
    with pytest.raises(ProofBrokenError):  # a sum that would wrap around in 64 bits
        climb(honest, [Step("left", Node(MOST_POINTS - points + 1, bytes(32)))])
    with pytest.raises(ProofBrokenError):
        leaf(business_date=DAY, member_id=UUID(int=1), nonce=bytes(32), points=-debt)


def test_a_path_has_an_end_and_digests_their_length() -> None:
    with pytest.raises(ProofBrokenError):
        climb(Node(1, bytes(32)), [Step("left", Node(0, bytes(32)))] * 65)
    with pytest.raises(ProofBrokenError):
        join(Node(1, bytes(32)), Node(1, bytes(31)))
    with pytest.raises(ProofBrokenError):
        leaf(business_date=DAY, member_id=UUID(int=1), nonce=b"short", points=1)


def test_a_leaf_is_one_members_of_one_day() -> None:
    first = leaf(business_date=DAY, member_id=UUID(int=1), nonce=bytes(32), points=7)
    assert first != leaf(business_date=DAY, member_id=UUID(int=2), nonce=bytes(32), points=7)
    assert first != leaf(
        business_date=date(2026, 3, 23), member_id=UUID(int=1), nonce=bytes(32), points=7
    )
    written = b"\x00peyvand.points.v1\n2026-03-22" + UUID(int=1).bytes + bytes(32)
    assert first.digest == sha256(written + (7).to_bytes(8)).digest()


def test_a_parent_commits_to_both_sums() -> None:
    left, right = Node(3, b"l" * 32), Node(4, b"r" * 32)
    written = b"\x01" + (3).to_bytes(8) + b"l" * 32 + (4).to_bytes(8) + b"r" * 32
    assert join(left, right) == Node(7, sha256(written).digest())
    moved = join(left._replace(points=4), right._replace(points=3))
    assert (moved.points, moved.digest == join(left, right).digest) == (7, False)


def test_nobody_holds_a_point() -> None:
    assert root_of([]) == EMPTY
    assert EMPTY.points == 0


def test_a_tree_of_chunks_is_the_tree_of_all_leaves() -> None:
    nodes = [Node(place, sha256(place.to_bytes(4)).digest()) for place in range(2 * CHUNK + 3)]
    chunks = [nodes[at : at + CHUNK] for at in range(0, len(nodes), CHUNK)]
    tops = [root_of(chunk) for chunk in chunks]
    assert root_of(tops) == root_of(nodes)
    for place in (0, CHUNK - 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 2):
        number, inside = divmod(place, CHUNK)
        steps = path_of(chunks[number], inside) + path_of(tops, number)
        assert climb(nodes[place], steps) == root_of(nodes)


@given(NODES)
def test_leaves_are_stored_and_read_back(nodes: list[Node]) -> None:
    assert unpack(pack(nodes)) == nodes
