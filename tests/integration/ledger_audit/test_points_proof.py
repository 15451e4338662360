"""The proof of outstanding points on a played history: as of the day, for every member, once."""

from __future__ import annotations

import ast
import copy
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from config.cli.verify import verify as verify_command
from network.clearing import days
from network.clock import wall_now
from network.ids import EntryIds, encode
from network.language import use_locale
from network.ledger.seal import SealGapError
from network.proofs import judging, movements, queries, service, tokens
from network.proofs.errors import ProofBrokenError, ProofTotalsError
from network.proofs.judging import judge, judge_token
from network.proofs.queries import ProofView
from network.proofs.reasons import REASONS, said_of
from network.proofs.service import prove
from network.proofs.verify import verify
from network.signing.queries import active_key, published_keys
from network.signing.service import ensure_keys
from network.vault import Vault
from tests.integration.ledger_audit.conftest import Past
from tests.integration.ledger_audit.history import SPENDER

VAULT = Vault(bytes(range(32)))
_HELD = """
    SELECT member_id, sum(points)::bigint FROM ledger.posting
    WHERE business_date <= :day AND account IN ('available', 'pending', 'held')
    GROUP BY member_id HAVING sum(points) <> 0
"""


@pytest.fixture(scope="module")
def nights(past: Past) -> list[ProofView]:
    """Prove every closed day, the newest first: later postings must not matter."""
    with past.database.unit_of_work() as session:
        ensure_keys(session, VAULT, now=wall_now())
        sealed = list(session.scalars(text("SELECT business_date FROM ledger.seal ORDER BY 1")))
        days.keep_closed(session, until=sealed[-1])
    assert len(sealed) > 2
    made = [prove(past.database, VAULT, business_date=day) for day in reversed(sealed)]
    return list(reversed(made))


@pytest.fixture
def keys(past: Past, nights: list[ProofView]) -> list[dict[str, str]]:
    with past.database.reading() as session:
        return published_keys(session)


def held(past: Past, day: date) -> dict[UUID, int]:
    with past.database.reading() as session:
        return {row[0]: row[1] for row in session.execute(text(_HELD), {"day": day})}


def file_of(past: Past, member_id: UUID, day: date) -> dict[str, Any] | None:
    with past.database.reading() as session:
        found = queries.member_proof(session, VAULT, member_id=member_id, business_date=day)
        return None if found is None else queries.document(session, VAULT, proof=found)


def test_every_member_is_inside_and_the_sum_is_what_all_hold(
    past: Past, nights: list[ProofView], keys: list[dict[str, str]]
) -> None:
    totals = set()
    for night in nights:
        balances = held(past, night.business_date)
        assert (night.points, night.leaves) == (sum(balances.values()), len(balances))
        totals.add(night.points)
        for member_id, points in balances.items():
            document = file_of(past, member_id, night.business_date)
            assert document is not None
            found = verify(document, keys=keys)
            assert (found.points, found.total, found.leaves) == (
                points,
                night.points,
                night.leaves,
            )
            assert found.member == encode("mem", member_id)
            assert (found.root, found.seal) == (night.root, night.seal)
    assert len(totals) > 1  # the days did differ


def test_who_held_nothing_has_no_leaf(past: Past, nights: list[ProofView]) -> None:
    assert file_of(past, UUID(int=99), nights[-1].business_date) is None
    assert file_of(past, SPENDER, date(1999, 1, 1)) is None


def test_what_is_signed_is_what_is_published(
    nights: list[ProofView], keys: list[dict[str, str]]
) -> None:
    for night in nights:
        said, key_id = tokens.open_token(night.signed, typ=tokens.NIGHT, keys=keys)
        assert key_id == night.key_id
        assert said == {
            "business_date": night.business_date.isoformat(),
            "leaves": night.leaves,
            "points": night.points,
            "root": night.root.hex(),
            "seal": night.seal.hex(),
        }


def test_a_night_is_proved_once_and_stays(past: Past, nights: list[ProofView]) -> None:
    again = prove(past.database, VAULT, business_date=nights[0].business_date)
    assert again == nights[0]
    with (
        pytest.raises(Exception, match=r"permission denied|never changed"),
        past.database.unit_of_work() as session,
    ):
        session.execute(text("UPDATE network.points_proof SET points = 0"))


def test_a_day_without_a_seal_is_not_proved(past: Past, nights: list[ProofView]) -> None:
    with past.database.reading() as session:
        day = session.scalar(text("SELECT max(business_date) FROM ledger.business_day"))
    assert day is not None
    with pytest.raises(SealGapError):
        prove(past.database, VAULT, business_date=day)


def test_balances_that_do_not_add_up_are_not_signed(past: Past, nights: list[ProofView]) -> None:
    day, points = nights[-1].business_date, nights[-1].points
    with past.database.snapshot() as session:
        service._check_total(session, business_date=day, points=points)
        with pytest.raises(ProofTotalsError):
            service._check_total(session, business_date=day, points=points - 1)


def statement_of(document: dict[str, Any], keys: list[dict[str, str]]) -> dict[str, Any]:
    return tokens.open_token(document["statement"], typ=tokens.STATEMENT, keys=keys)[0]


def test_nothing_that_was_changed_is_believed(
    past: Past, nights: list[ProofView], keys: list[dict[str, str]]
) -> None:
    day, other = nights[-1].business_date, nights[0]
    document = file_of(past, SPENDER, day)
    assert document is not None
    with past.database.reading() as session:
        key = active_key(session, vault=VAULT, purpose="seals")
    said = statement_of(document, keys)

    def resigned(**changes: Any) -> dict[str, Any]:
        """Return the file as a lying network would sign it."""
        lie = copy.deepcopy(said) | changes
        return {**document, "statement": tokens.sign(lie, key=key, typ=tokens.STATEMENT)}

    lower = copy.deepcopy(said["path"])
    lower[0]["points"] = -1
    for broken in (
        resigned(points=said["points"] - 1),
        resigned(points=-said["points"]),
        resigned(points=2**63),
        resigned(points=True),
        resigned(member=encode("mem", UUID(int=99))),
        resigned(path=said["path"][1:]),
        resigned(path=lower),
        resigned(path=None),
        resigned(nonce="00" * 32),
        resigned(nonce="00"),
        resigned(business_date=other.business_date.isoformat()),
        {**document, "night": other.signed},
        {**document, "night": document["statement"]},
        {**document, "statement": document["night"]},
        {**document, "statement": document["statement"][:-4] + "AAAA"},
        {**document, "statement": 7},
        {"format": document["format"]},
    ):
        with pytest.raises(ProofBrokenError):
            verify(broken, keys=keys)
    with pytest.raises(ProofBrokenError):
        verify(document, keys=[each for each in keys if each["purpose"] != "seals"])


def test_anybody_verifies_a_file_without_the_network(
    past: Past, nights: list[ProofView], keys: list[dict[str, str]], tmp_path: Path
) -> None:
    document = file_of(past, SPENDER, nights[-1].business_date)
    file, published = tmp_path / "proof.json", tmp_path / "keys.json"
    file.write_text(json.dumps(document))
    published.write_text(json.dumps({"keys": keys}))
    run = CliRunner().invoke
    told = run(verify_command, [str(file), "--keys", str(published), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["total"] == nights[-1].points
    assert run(verify_command, [str(file), "--keys", str(published)]).exit_code == 0
    file.write_text(json.dumps({**(document or {}), "night": nights[0].signed}))
    refused = run(verify_command, [str(file), "--keys", str(published)])
    assert refused.exit_code == 1
    file.write_text("nothing")
    assert run(verify_command, [str(file), "--keys", str(published)]).exit_code == 1


def movements_of(past: Past, member_id: UUID, *, since: date, until: date) -> dict[str, Any]:
    with past.database.snapshot() as session:
        wanted = movements.Wanted(
            person_id=member_id, wallet_id=member_id, since=since, until=until
        )
        return movements.document(session, VAULT, EntryIds(VAULT), wanted=wanted)


def test_movements_of_closed_days_are_signed_and_add_up(
    past: Past, nights: list[ProofView], keys: list[dict[str, str]]
) -> None:
    first, last = (nights[place].business_date for place in (0, -1))
    end = last + timedelta(days=1)
    whole = movements_of(past, SPENDER, since=first, until=end)
    facts = judge(whole, keys=keys)
    said = facts["said"]
    assert (facts["kind"], said["member"]) == ("movements", encode("mem", SPENDER))
    with past.database.reading() as session:
        owned = session.execute(
            text("""
                SELECT sum(points) FROM ledger.posting WHERE member_id = :member
                AND business_date <= :day
                AND account IN ('available', 'pending', 'held', 'debt')
            """),
            {"member": SPENDER, "day": last},
        ).scalar_one()
    assert said["closing"] == owned
    assert said["movements"] == len(whole["movements"]) > 2
    assert said["seal"] == nights[-1].seal.hex()
    # Two halves are the whole, and each begins with what the other ended with.
    middle = first + timedelta(days=1)
    before = movements_of(past, SPENDER, since=first, until=middle)
    after = movements_of(past, SPENDER, since=middle, until=end)
    assert before["movements"] + after["movements"] == whole["movements"]
    assert judge(before, keys=keys)["said"]["closing"] == judge(after, keys=keys)["said"]["opening"]
    assert judge_token(whole["statement"], keys=keys)["kind"] == "movements_token"
    with pytest.raises(movements.NotClosedError):
        movements_of(past, SPENDER, since=first, until=end + timedelta(days=30))

    def refused(changed: dict[str, Any], *, by: list[dict[str, str]] = keys) -> str:
        with pytest.raises(ProofBrokenError) as error:
            judge(changed, keys=by)
        return said_of(error.value)

    moved = copy.deepcopy(whole)
    moved["movements"][0]["points"] += 1
    assert "not that of these movements" in refused(moved)
    assert "not that of these movements" in refused({**whole, "movements": whole["movements"][1:]})
    assert "signed as something else" in refused({**whole, "statement": nights[0].signed})
    assert "none of these keys" in refused(whole, by=[])
    assert "not complete" in refused({"format": movements.FORMAT, "statement": whole["statement"]})


def test_every_reason_is_said_in_persian() -> None:
    """A message that a check raises and nobody listed would be read in English."""
    network = Path(judging.__file__).parents[1]
    files = [*(network / "proofs").glob("*.py"), network / "reconciliation" / "evidence_file.py"]
    files.append(network / "clearing" / "signed_statements.py")
    raised = {
        argument.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"ProofBrokenError", "_check"}
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert raised == {str(each) for each in REASONS}
    with use_locale("fa"):
        assert not raised & {str(each) for each in REASONS}
