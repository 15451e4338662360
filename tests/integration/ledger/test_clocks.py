"""Every function of the ledger that writes refuses a clock that is none, or is nowhere near.

The functions are found in the catalogue, so that a new one can't be forgotten: one that the
application may call and that may write has its moments looked at before anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from network.clock import wall_now
from network.database.connection import Database
from network.ledger import operations, queries
from network.ledger.errors import ClockBehindError
from tests.integration.ledger.conftest import Hands

CLOCKS = {"p_now": timedelta(hours=12), "p_wall": timedelta(minutes=5)}
"""The arguments that say what the time is, and how far behind the server's they may be."""
OTHER_MOMENTS = {"p_hold_until"}
"""When something ends. Anything else that is a moment says what the time is."""

_WRITING = text("""
    SELECT p.oid::regproc::text AS name, a.name AS argument, a.type::regtype::text AS type
    FROM pg_proc AS p,
         unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY AS a (name, type, place)
    WHERE p.pronamespace = 'ledger'::regnamespace AND p.provolatile = 'v'
      AND has_function_privilege(current_user, p.oid, 'EXECUTE') AND a.type IS NOT NULL
    ORDER BY p.oid, a.place
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that takes moments, and the types of its arguments by name."""

    name: str
    types: dict[str, str]

    @property
    def moments(self) -> set[str]:
        """Return the names of the arguments that are moments."""
        return {name for name, kind in self.types.items() if kind == "timestamp with time zone"}

    def called(self, connection_of: Database, one: UUID, other: UUID, **clocks: object) -> str:
        """Call it for one wallet, with another where it takes two; return how it failed, if so."""
        given: dict[str, object] = {n: other for n, kind in self.types.items() if kind == "uuid"}
        given |= {"p_member": one} | clocks
        arguments = ", ".join(
            f"{name} => {f'CAST(:{name} AS {kind})' if name in given else f'NULL::{kind}'}"
            for name, kind in self.types.items()
        )
        said = {name: value for name, value in given.items() if name in self.types}
        with connection_of.engine.connect() as connection, connection.begin() as transaction:
            try:
                connection.execute(text(f"SELECT ledger.{self.name}({arguments})"), said)
            except DBAPIError as error:
                diagnostics = getattr(error.orig, "diag", None)
                return f"{getattr(diagnostics, 'message_primary', '')}"
            finally:
                transaction.rollback()
        return ""


def _functions(database: Database) -> list[Function]:
    with database.reading() as session:
        rows = session.execute(_WRITING).all()
    types: dict[str, dict[str, str]] = {}
    for row in rows:
        types.setdefault(row.name.removeprefix("ledger."), {})[row.argument] = row.type
    found = [Function(name=name, types=arguments) for name, arguments in types.items()]
    return [function for function in found if function.moments]


def test_no_function_that_writes_takes_a_clock_that_is_none_or_far_away(real: Hands) -> None:
    functions = _functions(real.database)
    assert {"earn", "redeem", "flip_day", "expire_due", "write_seal", "suspend_issuer"} <= {
        function.name for function in functions
    }
    one, other = real.wallet(), real.wallet()
    real.earn(one, 10, now=wall_now())
    wrong: list[str] = []
    for function in functions:
        if function.moments - set(CLOCKS) - OTHER_MOMENTS:
            wrong.append(f"{function.name}: {function.moments} are no clocks of ours")
        clocks = function.moments & set(CLOCKS)
        for clock in clocks:
            right = dict.fromkeys(clocks, wall_now())
            for moment, refusal in _moments(CLOCKS[clock]):
                said = right | {clock: moment}
                how = function.called(real.database, one, other, **said)
                # A call of so little fails for other reasons where its clocks are right.
                as_due = how == refusal if refusal else not how.startswith("clock_")
                if not as_due:
                    wrong.append(f"{function.name}, {clock} {moment}: {how}")
    assert wrong == []


def _moments(behind: timedelta) -> list[tuple[datetime | None, str]]:
    now = wall_now()
    return [
        (None, "clock_missing"),
        (now - timedelta(days=1), "clock_behind"),
        (now - behind - timedelta(minutes=2), "clock_behind"),
        (now - behind + timedelta(minutes=2), ""),
        (now + timedelta(minutes=3), ""),
        (now + timedelta(minutes=7), "clock_ahead"),
    ]


def test_a_till_whose_clock_is_a_day_behind_is_told_so_and_changes_nothing(real: Hands) -> None:
    member_id = real.wallet()
    real.earn(member_id, 100, now=wall_now())
    before = real.view(member_id)
    yesterday = wall_now() - timedelta(days=1)
    with pytest.raises(ClockBehindError) as caught:
        real.earn(member_id, 7, now=yesterday)
    assert set(caught.value.facts) == {"now", "server"}
    with pytest.raises(ClockBehindError), real.database.ledger() as connection:
        operations.redeem(
            connection,
            now=wall_now(),
            wall=yesterday,
            claim=real.claim(),
            member_id=member_id,
            event=real.event(real.cinema),
            points=7,
            consent=None,
            evidence=None,
        )
    assert real.view(member_id) == before


def test_a_wallet_is_shown_at_a_moment(hands: Hands) -> None:
    member_id = hands.wallet()
    for moments in ({"now": None}, {"wall": None}):
        clocks = {"now": hands.now, "wall": hands.now} | moments
        with hands.database.reading() as session, pytest.raises(DBAPIError, match="clock_missing"):
            queries.wallet(session, member_id=member_id, **clocks)  # type: ignore[arg-type]
