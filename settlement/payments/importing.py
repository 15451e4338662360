"""Taking the bank's statements: booked payouts at once, all else on two people's word.

A booked payout only says that what two people let out has arrived. Money that came in ends a debt;
a return, or a booking of what was cancelled, changes what a merchant is paid next. A file with any
of these waits for a second person: it is kept as its lines with the effect that it would have, and
taken whole when that person approves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clearing.parties import clearing_id
from network.money.booking import take_bank_lines, understand
from network.money.facts import BankLine, Outcome, Understood
from network.money.models import BankFile
from network.money.today import open_business_day
from network.operators import proposals
from network.operators.proposals import Proposal
from network.services import Services
from settlement.payments.answers import BankFileError, read_statement
from settlement.payments.release import house

TAKE_RETURNS = "bank.returns"
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file of the bank held: lines by outcome, and those that were taken before.

    ``effects`` are the lines that need two people: outcome, end-to-end id, amount. ``proposal``
    waits for a second person where there are any; nothing of the file is taken until then.
    """

    lines: int
    outcomes: dict[Outcome, int]
    known: int
    digest: bytes
    effects: tuple[tuple[Outcome, str, int], ...] = ()
    proposal: Proposal | None = None


def take_answers(
    services: Services,
    *,
    content: bytes,
    by: UUID,
    now: datetime,
    record: Callable[[Session, Imported], None] | None = None,
) -> Imported:
    """Take the bank's statement: settle booked payouts, keep what fits nothing, propose the rest.

    All of it or nothing, and every line once, however often it is sent; ``record`` writes the act
    down in the same transaction. Raises BankFileError, BankLineError, DayClosingError, and
    ProposalError where the same file waits already.
    """
    lines = read_statement(content)
    own = house(services.settings).iban
    if any("".join(each.account.split()).upper() != own for each in lines):
        raise BankFileError("the statement is of another account", reason="other_account")
    digest = sha256(content).digest()
    with services.database.unit_of_work() as session:
        taken = _imported(understand(session, lines=lines), digest=digest)
        if not taken.effects:
            # Only who writes holds the day, and looks again at what was understood before.
            today = open_business_day(session)
            understood = understand(session, lines=lines, lock=True)
            taken = _imported(understood, digest=digest)
            if not taken.effects:
                take_bank_lines(
                    session,
                    understood=filter(None, understood),
                    document_digest=digest,
                    by=by,
                    now=now,
                    business_date=today,
                )
        if taken.effects:
            taken = _propose(session, taken, lines=lines, by=by, now=now)
        if record is not None:
            record(session, taken)
    return taken


def take_proposed(session: Session, *, proposal: Proposal, now: datetime) -> None:
    """Take a file that two people want taken.

    Raises BankFileError where it would now have another effect than the one they saw.
    """
    row = session.get_one(BankFile, proposal.subject_id)
    lines = [
        BankLine(**{**each, "booked_on": date.fromisoformat(each["booked_on"])})
        for each in row.lines
    ]
    today = open_business_day(session)
    understood = understand(session, lines=lines, lock=True)
    said = _said(_imported(understood, digest=row.digest))
    if said != {name: proposal.terms[name] for name in said}:
        raise BankFileError(
            "the file would have another effect now", reason="effect_changed", field="file"
        )
    take_bank_lines(
        session,
        understood=filter(None, understood),
        document_digest=row.digest,
        by=proposal.proposed_by,
        now=now,
        business_date=today,
        proposal_id=proposal.proposal_id,
    )


def _imported(understood: Sequence[Understood | None], *, digest: bytes) -> Imported:
    new = [each for each in understood if each is not None]
    return Imported(
        lines=len(understood),
        outcomes=dict(Counter(each.outcome for each in new)),
        known=len(understood) - len(new),
        digest=digest,
        effects=tuple(
            (each.outcome, each.line.end_to_end_id or "", each.line.amount)
            for each in new
            if each.needs_two
        ),
    )


def _propose(
    session: Session, effect: Imported, *, lines: Sequence[BankLine], by: UUID, now: datetime
) -> Imported:
    file_id = clearing_id("bank-file", effect.digest.hex())
    session.execute(
        insert(BankFile)
        .values(
            bank_file_id=file_id,
            digest=effect.digest,
            lines=[{**asdict(each), "booked_on": each.booked_on.isoformat()} for each in lines],
            uploaded_by=by,
            uploaded_at=now,
        )
        .on_conflict_do_nothing(index_elements=["bank_file_id"])
    )
    proposal = proposals.propose(
        session,
        kind=TAKE_RETURNS,
        subject_id=file_id,
        reason=f"sha-256:{effect.digest.hex()}",
        by=by,
        now=now,
        terms=_said(effect),
    )
    return Imported(
        lines=effect.lines,
        outcomes={},
        known=effect.known,
        digest=effect.digest,
        effects=effect.effects,
        proposal=proposal,
    )


def _said(taken: Imported) -> dict[str, Any]:
    """Return what both people see of a file's effect."""
    return {
        "lines": taken.lines,
        "settled": taken.outcomes.get("settled", 0),
        "changing": len(taken.effects),
        "amount": sum(amount for _outcome, _reference, amount in taken.effects),
        "effects": [list(each) for each in taken.effects[:_MOST_SHOWN]],
    }
