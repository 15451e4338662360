from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from network.database.connection import Database
from network.operators import audit, queries, service, sessions, totp
from network.operators.errors import InvalidOperatorError, OperatorExistsError
from network.operators.roles import OPERATOR
from network.operators.service import Added, SignIn
from network.vault import Vault

WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


def add(database: Database, vault: Vault, *, email: str = "sara@example.org") -> Added:
    with database.unit_of_work() as session:
        return service.add_operator(
            session,
            vault=vault,
            now=WALL,
            email=email,
            name="سارا کیانی",
            role=OPERATOR,
            password=PASSWORD,
        )


def attempt(
    database: Database,
    vault: Vault,
    *,
    code: str,
    wall: datetime = WALL,
    email: str = "sara@example.org",
    password: str = PASSWORD,
    address: str = "192.0.2.7",
) -> SignIn:
    with database.unit_of_work() as session:
        return service.sign_in(
            session,
            vault=vault,
            wall=wall,
            email=email,
            password=password,
            code=code,
            user_agent="a browser",
            address=address,
        )


def code_of(added: Added, wall: datetime = WALL) -> str:
    return totp.code_at(secret=added.totp_secret, step=totp.step_at(wall))


def test_an_operator_signs_in_and_out(database: Database, vault: Vault) -> None:
    added = add(database, vault)
    assert parse_qs(urlsplit(added.totp_uri).query)["secret"] == [added.totp_secret]
    done = attempt(database, vault, email=" Sara@Example.org ", code=code_of(added))
    assert done.token is not None
    with database.unit_of_work() as session:
        found = queries.by_session(session, token=done.token, wall=WALL)
        assert found is not None
        assert found.operator == added.operator
        service.sign_out(session, wall=WALL, operator=found.operator, view=found.session)
    with database.reading() as session:
        assert queries.by_session(session, token=done.token, wall=WALL) is None
        log = [(act.action, act.actor_name) for act in queries.acts(session, limit=10)]
        assert log == [
            ("signed_out", "سارا کیانی"),
            ("signed_in", "سارا کیانی"),
            ("operator.added", None),
        ]
        assert audit.verify(session).intact


def test_what_the_database_holds_opens_nothing(database: Database, vault: Vault) -> None:
    added = add(database, vault)
    done = attempt(database, vault, code=code_of(added))
    with database.reading() as session:
        everything = " ".join(
            str(row)
            for table in ("operator", "operator_session", "operator_throttle", "audit_log")
            for row in session.execute(text(f"SELECT * FROM network.{table}"))
        )
    for secret in (PASSWORD, added.totp_secret, str(done.token)):
        assert secret not in everything


@pytest.mark.parametrize("wrong", ["email", "password", "code", "suspended"])
def test_every_refusal_looks_the_same(database: Database, vault: Vault, wrong: str) -> None:
    added = add(database, vault)
    if wrong == "suspended":
        with database.unit_of_work() as session:
            session.execute(text("UPDATE network.operator SET status = 'suspended'"))
    refused = attempt(
        database,
        vault,
        email="nobody@example.org" if wrong == "email" else "sara@example.org",
        password="something else entirely" if wrong == "password" else PASSWORD,
        code="000000" if wrong == "code" else code_of(added),
    )
    assert refused == SignIn(token=None)


def test_a_code_works_once(database: Database, vault: Vault) -> None:
    added = add(database, vault)
    assert attempt(database, vault, code=code_of(added)).token
    assert attempt(database, vault, code=code_of(added)) == SignIn(token=None)
    later = WALL + timedelta(seconds=30)
    assert attempt(database, vault, code=code_of(added, later), wall=later).token


def test_a_code_sent_twice_at_once_works_once(database: Database, vault: Vault) -> None:
    added = add(database, vault)
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(attempt, database, vault, code=code_of(added)) for _ in range(2)]
        tokens = [future.result().token for future in futures]
    assert sum(token is not None for token in tokens) == 1


@pytest.mark.parametrize("email", ["sara@example.org", "nobody@example.org"])
def test_guessing_is_stopped_for_known_and_unknown_alike(
    database: Database, vault: Vault, email: str
) -> None:
    added = add(database, vault)
    for _ in range(sessions.ATTEMPTS_PER_EMAIL):
        assert attempt(database, vault, email=email, code="000000") == SignIn(token=None)
    stopped = attempt(database, vault, email=email, code=code_of(added), address="192.0.2.9")
    assert stopped == SignIn(token=None, throttled=True)
    later = WALL + sessions.THROTTLE_PERIOD
    done = attempt(database, vault, email=email, code=code_of(added, later), wall=later)
    assert (done.token is not None) == (email == "sara@example.org")
    assert not done.throttled


def test_a_right_sign_in_clears_the_count(database: Database, vault: Vault) -> None:
    added = add(database, vault)
    for round_number in range(3):
        wall = WALL + timedelta(seconds=30 * round_number)
        for _ in range(sessions.ATTEMPTS_PER_EMAIL - 1):
            assert not attempt(database, vault, code="000000", wall=wall).throttled
        assert attempt(database, vault, code=code_of(added, wall), wall=wall).token


def test_one_address_may_not_try_many_names(database: Database, vault: Vault) -> None:
    add(database, vault)
    for number in range(sessions.ATTEMPTS_PER_ADDRESS):
        with database.unit_of_work() as session:
            subject = vault.blind_index("address:192.0.2.7", purpose="operator-throttle")
            assert sessions._count(session, subject=subject, wall=WALL) == number + 1
    assert attempt(database, vault, email="other@example.org", code="000000").throttled
    elsewhere = attempt(
        database, vault, email="other@example.org", code="000000", address="192.0.2.8"
    )
    assert not elsewhere.throttled


def test_sessions_end_by_age_and_by_idleness(database: Database, vault: Vault) -> None:
    added = add(database, vault)
    token = attempt(database, vault, code=code_of(added)).token
    assert token is not None
    with database.unit_of_work() as session:
        assert queries.by_session(session, token=token, wall=WALL + queries.IDLE) is None
        wall = WALL
        while wall < WALL + sessions.SESSION_LIFE - timedelta(minutes=50):
            wall += timedelta(minutes=50)
            found = queries.by_session(session, token=token, wall=wall)
            assert found is not None
            service.touch(session, wall=wall, view=found.session)
        assert queries.by_session(session, token=token, wall=WALL + sessions.SESSION_LIFE) is None


def test_ending_a_session_is_for_its_owner(database: Database, vault: Vault) -> None:
    added, other = add(database, vault), add(database, vault, email="omid@example.org")
    token = attempt(database, vault, code=code_of(added)).token
    with database.unit_of_work() as session:
        (view,) = queries.sessions(session, operator_id=added.operator.operator_id, wall=WALL)
        end = {"wall": WALL, "session_id": view.session_id}
        assert not service.end_session(session, operator=other.operator, **end)  # type: ignore[arg-type]
        assert queries.by_session(session, token=str(token), wall=WALL)
        assert service.end_session(session, operator=added.operator, **end)  # type: ignore[arg-type]
        assert queries.by_session(session, token=str(token), wall=WALL) is None


@pytest.mark.parametrize(
    ("field", "value"), [("email", "sara"), ("email", "a b@c"), ("name", " "), ("role", "king")]
)
def test_bad_data_names_its_field(database: Database, vault: Vault, field: str, value: str) -> None:
    facts = {"email": "sara@example.org", "name": "Sara", "role": OPERATOR} | {field: value}
    with database.unit_of_work() as session, pytest.raises(InvalidOperatorError) as refused:
        service.add_operator(session, vault=vault, now=WALL, password=PASSWORD, **facts)
    assert refused.value.field == field


def test_an_email_belongs_to_one_operator(database: Database, vault: Vault) -> None:
    add(database, vault)
    with pytest.raises(OperatorExistsError):
        add(database, vault, email="SARA@example.org")


def test_the_application_cannot_change_the_log(database: Database, vault: Vault) -> None:
    add(database, vault)
    for statement in ("UPDATE network.audit_log SET action = 'x'", "DELETE FROM network.audit_log"):
        with (
            pytest.raises(DBAPIError, match="permission denied"),
            database.unit_of_work() as session,
        ):
            session.execute(text(statement))


def test_the_owner_is_stopped_by_the_trigger(
    database: Database, owner_database: Database, vault: Vault
) -> None:
    add(database, vault)
    for statement in (
        "UPDATE network.audit_log SET action = 'x'",
        "DELETE FROM network.audit_log",
        "TRUNCATE network.audit_log",
    ):
        with (
            pytest.raises(DBAPIError, match="only grows"),
            owner_database.unit_of_work() as session,
        ):
            session.execute(text(statement))


@pytest.mark.parametrize(
    ("fault", "broken_at"),
    [
        ('UPDATE network.audit_log SET facts = \'{"role": "viewer"}\' WHERE sequence = 2', 2),
        ("UPDATE network.audit_log SET recorded_at = now() WHERE sequence = 3", 3),
        ("UPDATE network.audit_log SET actor = 'system' WHERE sequence = 4", 4),
        ("DELETE FROM network.audit_log WHERE sequence = 2", 3),
        ("DELETE FROM network.audit_log WHERE sequence = 1", 2),
    ],
)
def test_a_change_behind_the_guards_breaks_the_chain(
    database: Database, owner_database: Database, fault: str, broken_at: int
) -> None:
    for number in range(4):
        with database.unit_of_work() as session:
            audit.record_act(
                session,
                now=WALL,
                actor=f"opr_{number}",
                action="tried",
                subject="چیزی",
                facts={"role": "operator", "number": number, "list": [1, None, True]},
            )
    with database.reading() as session:
        before = audit.verify(session)
        assert (before.rows, before.intact) == (4, True)
    with owner_database.unit_of_work() as session:
        session.execute(text("ALTER TABLE network.audit_log DISABLE TRIGGER append_only"))
        session.execute(text(fault))
    with database.reading() as session:
        assert audit.verify(session).broken_at == broken_at


def test_acts_at_the_same_time_make_one_chain(database: Database) -> None:
    def act(number: int) -> None:
        with database.unit_of_work() as session:
            audit.record_act(session, now=WALL, actor="system", action="tried", subject=str(number))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(30)))
    with database.reading() as session:
        found = audit.verify(session)
    assert (found.rows, found.intact) == (30, True)
