"""Makes a night's proof: one pass over the balances as of the closed day, memory flat.

The database sorts the wallets into the night's order and streams them; each 1,024 leaves become a
row with the node above them, and those nodes are all that is held. The rows of leaves serve the
members' paths and are dropped after ``KEPT_NIGHTS``; what was published and signed stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from network.database.connection import Database
from network.ledger.crossings import INTO_WALLETS
from network.ledger.seal import SealGapError
from network.ledger.tables import seal as seal_table
from network.proofs import queries, tokens
from network.proofs.errors import ProofTotalsError
from network.proofs.models import PointsProof, PointsProofChunk
from network.proofs.night_secrets import NightSecrets
from network.proofs.queries import ProofView
from network.proofs.tree import Node, leaf, root_of
from network.signing.queries import active_key
from network.vault import Vault

CHUNK = 1_024
KEPT_NIGHTS = 62
_LOCK = 0x7072_6F6F
_FETCHED = 5_000

# A wallet's balance at the end of the day is the one of now less what later days posted.
_BALANCES = text(f"""
    SELECT w.member_id,
           w.available + w.pending + w.held - coalesce(later.points, 0)::bigint AS points
    FROM ledger.wallet w
    LEFT JOIN (
        SELECT member_id, sum({INTO_WALLETS}) AS points FROM ledger.movement
        WHERE business_date > :day GROUP BY member_id
    ) AS later ON later.member_id = w.member_id
    WHERE w.available + w.pending + w.held <> coalesce(later.points, 0)
    ORDER BY sha256(:salt || uuid_send(w.member_id))
""")
_EXPECTED = text("""
    SELECT coalesce(sum(available + pending + held), 0)::bigint FROM network.day_figures
    WHERE business_date <= :day
""")


def prove(database: Database, vault: Vault, *, business_date: date) -> ProofView:
    """Publish the proof of a sealed day, or return the one there is.

    Raises SealGapError before the day is sealed, and ProofTotalsError where the balances do not
    add up to what the days' figures say is outstanding; nothing is written then.
    """
    with database.unit_of_work() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        if (made := queries.proof(session, business_date=business_date)) is not None:
            return made
        head = session.scalar(
            select(seal_table.c.head).where(seal_table.c.business_date == business_date)
        )
        if head is None:
            raise SealGapError(f"the business day {business_date} has to be sealed first")
        with database.snapshot() as reading:
            root, leaves = _build(reading, session, vault, business_date)
            _check_total(reading, business_date=business_date, points=root.points)
        _publish(session, vault, day=business_date, root=root, leaves=leaves, head=bytes(head))
        oldest = business_date - timedelta(days=KEPT_NIGHTS)
        session.execute(delete(PointsProofChunk).where(PointsProofChunk.business_date <= oldest))
        session.flush()
        made = queries.proof(session, business_date=business_date)
        if made is None:
            raise ProofTotalsError(f"the proof of {business_date} was written and is not there")
        return made


def _build(reading: Session, session: Session, vault: Vault, day: date) -> tuple[Node, int]:
    """Write the leaves by chunks; return the root and how many leaves there are."""
    night = NightSecrets(vault, business_date=day)
    rows = iter(
        reading.execute(
            _BALANCES,
            {"day": day, "salt": night.salt},
            execution_options={"stream_results": True, "yield_per": _FETCHED},
        )
    )
    tops: list[Node] = []
    leaves = 0
    for chunk in _chunks(rows, night=night, day=day):
        first, nodes = chunk
        top = root_of(nodes)
        session.execute(
            insert(PointsProofChunk).values(
                business_date=day,
                number=len(tops),
                first_tag=night.tag(first),
                points=top.points,
                digest=top.digest,
                leaves=queries.pack(nodes),
            )
        )
        tops.append(top)
        leaves += len(nodes)
    return root_of(tops), leaves


def _chunks(
    rows: Iterator[tuple[UUID, int]], *, night: NightSecrets, day: date
) -> Iterator[tuple[UUID, list[Node]]]:
    while part := list(islice(rows, CHUNK)):
        nodes = [
            leaf(
                business_date=day, member_id=member_id, nonce=night.nonce(member_id), points=points
            )
            for member_id, points in part
        ]
        yield part[0][0], nodes


def _check_total(reading: Session, *, business_date: date, points: int) -> None:
    expected = reading.scalar(_EXPECTED, {"day": business_date})
    if expected != points:
        raise ProofTotalsError(
            f"the balances of {business_date} add up to {points}, its days' figures to {expected}"
        )


def _publish(
    session: Session, vault: Vault, *, day: date, root: Node, leaves: int, head: bytes
) -> None:
    key = active_key(session, vault=vault, purpose=tokens.PURPOSE)
    payload = {
        "business_date": day.isoformat(),
        "leaves": leaves,
        "points": root.points,
        "root": root.digest.hex(),
        "seal": head.hex(),
    }
    session.execute(
        insert(PointsProof).values(
            business_date=day,
            root=root.digest,
            points=root.points,
            leaves=leaves,
            seal=head,
            key_id=key.key_id,
            signed=tokens.sign(payload, key=key, typ=tokens.NIGHT),
        )
    )
