"""The verbs of members and operators: other wallets step in, and points move between them.

A scenario begins on the wallet of "Member". "Sara | steps in" goes on with Sara's: the figures of
the steps that follow are hers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from network.ids import uuid7
from network.ledger import operations_members, queries, shared_wallets
from network.ledger.values import Approval, Posted
from tests.scenarios.ledger.player import Player, merchant, number, span, word
from tests.scenarios.ledger.reader import Step

LIFE = timedelta(days=365)


def operator(name: str) -> UUID:
    """Return the id of an operator whom scenarios call by name."""
    return uuid5(NAMESPACE_URL, f"operator:{name}")


def _call(
    player: Player, step: Step, operation: Callable[..., Posted], *, wall: bool, **facts: Any
) -> Posted:
    player.calls += 1
    clock = {"wall": player.now} if wall else {}
    with player.database.ledger() as connection:
        posted = operation(
            connection,
            now=player.now,
            claim=player.claim(step),
            member_id=player.member_id,
            **clock,
            **facts,
        )
    if name := word(step.what, "as"):
        player.named[name] = posted.sequence
    return posted


def _steps_in(player: Player, step: Step) -> None:
    player.member_id = player.meet(step.who)


def _transfers(player: Player, step: Step) -> Posted:
    name = word(step.what, "to") or ""
    taker = uuid7() if name == "Nobody" else player.meet(name)
    points = number(step.what)
    return _call(player, step, operations_members.transfer, wall=True, taker=taker, points=points)


def _joins(player: Player, step: Step) -> Posted:
    pool = player.meet(step.what.split(maxsplit=1)[0])
    return _call(player, step, operations_members.join_pool, wall=True, pool=pool)


def _leaves(player: Player, step: Step) -> Posted:
    pool = player.meet(step.what.split(maxsplit=1)[0])
    points = int(word(step.what, "with") or 0)
    return _call(player, step, operations_members.leave_pool, wall=True, pool=pool, points=points)


def _limits(player: Player, step: Step) -> None:
    """Read "Member to 40": what one of the people may spend of the wallet that steps in."""
    name, _, limit = step.what.partition(" to ")
    with player.database.ledger() as connection:
        shared_wallets.limit_person(
            connection,
            member_id=player.meet(name),
            pool_id=player.member_id,
            limit=None if limit == "all" else int(limit),
        )


def _switches(player: Player, step: Step) -> None:
    """Read "spending off" and "spending on"."""
    with player.database.ledger() as connection:
        shared_wallets.set_spend_lock(
            connection, member_id=player.member_id, locked=step.what == "spending off"
        )


def _merges(player: Player, step: Step) -> Posted:
    into = player.meet(word(step.what, "into") or "")
    return _call(
        player, step, operations_members.merge, wall=True, into=into, actor="operator:scenario"
    )


def _forwards(player: Player, step: Step) -> Posted | None:
    with player.database.ledger() as connection:
        return operations_members.forward(
            connection, now=player.now, wall=player.now, member_id=player.member_id
        )


def _extends(player: Player, step: Step) -> Posted:
    """Read "60 of the next lot until 40 days", "all of …": days from today."""
    with player.database.reading() as session:
        lots = queries.lots(session, member_id=player.member_id)
    until = span(step.what, "until ")
    assert until, step.where
    return _call(
        player,
        step,
        operations_members.extend,
        wall=False,
        lot=lots[0].lot_id if "next lot" in step.what else 7,
        points=None if step.what.startswith("all") else number(step.what),
        expires_on=player.today + until,
        actor="member",
    )


def _approval(step: Step) -> Approval:
    """Read "by Reza and Mina": who proposed, who approved."""
    return Approval(
        proposer=operator(word(step.what, "by") or ""),
        approver=operator(word(step.what, "and") or ""),
        reason="a scenario asks for it",
    )


def _adds(player: Player, step: Step) -> Posted:
    issuer, life = merchant(step.who), span(step.what, "expiring in ")
    return _call(
        player,
        step,
        operations_members.adjust_up,
        wall=False,
        issuer_id=issuer,
        terms_id=issuer,
        price=Decimal("950.5"),
        points=number(step.what),
        active_from=player.today,
        expires_on=player.today + (LIFE if life is None else life),
        approval=_approval(step),
    )


def _removes(player: Player, step: Step) -> Posted:
    return _call(
        player,
        step,
        operations_members.adjust_down,
        wall=False,
        issuer_id=merchant(step.who),
        points=number(step.what),
        approval=_approval(step),
    )


def _forgives(player: Player, step: Step) -> Posted:
    return _call(
        player,
        step,
        operations_members.write_off,
        wall=False,
        issuer_id=merchant(step.who),
        points=number(step.what),
        approval=_approval(step),
    )


def _closes(player: Player, step: Step) -> Posted:
    return _call(player, step, operations_members.close_account, wall=True)


VERBS: dict[str, Any] = {
    "steps in": _steps_in,
    "transfers": _transfers,
    "joins": _joins,
    "leaves": _leaves,
    "limits": _limits,
    "switches": _switches,
    "merges": _merges,
    "forwards": _forwards,
    "extends": _extends,
    "adds": _adds,
    "removes": _removes,
    "forgives": _forgives,
    "closes": _closes,
}
