"""Evidence: one entry's at a time, through the function and no other way."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from network.ledger.evidence import StoredEvidence, read_evidence
from tests.integration.ledger_audit.conftest import Past
from tests.integration.ledger_audit.history import DEBTOR


def test_evidence_is_what_was_posted(past: Past) -> None:
    entry = next(
        posted
        for posted in past.book.posted
        if posted.member_id == DEBTOR and posted.result.get("state") == "captured"
    )
    with past.database.reading() as session:
        found = read_evidence(session, member_id=DEBTOR, sequence=entry.sequence)
        assert found is not None
        assert found == StoredEvidence(
            key_id="mk_live_x", signature_base=b"base", signature=b"sig", body=found.body
        )
        assert found.body.startswith(b"redeem ")
        assert found.body.decode() not in repr(found)
        assert read_evidence(session, member_id=DEBTOR, sequence=9_999) is None


def test_the_table_itself_is_closed_to_the_application(past: Past) -> None:
    with (
        pytest.raises(Exception, match="permission denied") as caught,
        past.database.reading() as session,
    ):
        session.execute(text("SELECT body FROM ledger.evidence"))
    assert isinstance(caught.value.__cause__, psycopg.errors.InsufficientPrivilege)
