"""Everything that is kept of a member, in one file: held against every table that names one."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import LargeBinary, Table, text

import network
from config.handlers import ANNOUNCE_SPENT, HANDLERS
from network.claims import service as claims
from network.clock import wall_now
from network.database.base import metadata
from network.events.queries import waiting
from network.exports.sections import LEFT_OUT, SECTIONS
from network.language import persian_digits
from network.ledger import operations
from network.ledger.values import Posted
from network.members.queries import masked_name
from tests.browser.wallet.conftest import MEMBER_PHONE, Wallet
from tests.browser.wallet.test_doors import token_of
from tests.browser.wallet.test_give import giver_of, newest_code, send
from tests.browser.wallet.test_notices import told
from tests.browser.wallet.test_pool import NEDA, REZA, Someone, shared, someone


def tables() -> dict[str, Table]:
    """Return every table of the schema, those that no part of the wallet knows as well."""
    for path in sorted(Path(network.__file__).parent.glob("*/models.py")):
        import_module(f"network.{path.parent.name}.models")
    for name in ("tables", "campaign_tables"):
        import_module(f"network.ledger.{name}")
    return dict(metadata.tables)


def names_a_member(table: Table) -> bool:
    """Return whether rows of a table belong to a member: by their id, or by their number."""
    points = {key.column.table.name for key in table.foreign_keys}
    return "member" in points or bool(
        {"member_id", "phone_index", "recipient_index"} & set(table.c.keys())
    )


def test_every_table_that_names_a_member_is_in_the_file_or_left_out_for_a_reason() -> None:
    every = tables()
    named = {name for name, table in every.items() if names_a_member(table)}
    told_of = {section.table for section in SECTIONS}
    assert named - told_of - set(LEFT_OUT) == set()
    assert told_of & set(LEFT_OUT) == set()
    assert (told_of | set(LEFT_OUT)) - set(every) == set()
    for section in SECTIONS:
        columns = set(every[section.table].c.keys())
        assert (section.hidden | set(section.opened)) - columns == set(), section.name
        secret = {
            column.name
            for column in every[section.table].columns
            if isinstance(column.type, LargeBinary) or column.name.endswith("_hash")
        }
        shown = {"sealed_body"} if section.name == "messages" else set()
        assert secret - section.hidden - set(section.opened) - shown == set(), section.name


def take(client: FlaskClient) -> dict[str, Any]:
    """Take the file out as a member does."""
    status, _ = send(client, "/profile/export")
    assert status == 200
    form = {"csrf_token": token_of(client, "/profile/export/confirm"), "code": newest_code(client)}
    answer = client.post("/profile/export/confirm", data=form)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="peyvand-')
    document: dict[str, Any] = json.loads(answer.data)
    answer.close()
    return document


def test_the_file_has_all_that_is_kept(wallet: Wallet) -> None:
    member_id, client = told(wallet)
    paid = wallet.coalition.pay(member_id, "yas", points=20, ago=timedelta(hours=1))
    with wallet.services.database.unit_of_work() as session:
        claims.open_claim(
            session,
            wallet.services.vault,
            member_id=member_id,
            wallet_id=member_id,
            sequence=paid.sequence,
            kind="wrong",
            words="not what I bought",
            lock=False,
            now=wall_now(),
        )
    found = take(client)
    assert set(found) == {"about", "partners"} | {section.name for section in SECTIONS}
    assert set(found["about"]["sections"]) == {section.name for section in SECTIONS}
    (profile,) = found["profile"]
    assert (profile["phone"], profile["name"]) == ("+989121234567", "سارا محمدی")
    for section in SECTIONS:
        if section.whose in {"member", "wallet"}:
            assert len(found[section.name]) == rows(wallet, section.table, member_id), section.name
    assert [each["words"] for each in found["claims"]] == ["not what I bought"]
    assert found["partners"][found["lots"][0]["issuer_id"]] == "فروشگاه مهتاب"
    earned = next(each for each in found["movements"] if each["kind"] == "issuance")
    assert any("امتیاز" in reason["words"] for reason in earned["reasons"])
    assert any("پس از مرجوعی" in each["text"] for each in found["messages"])


def spend(wallet: Wallet, person_id: UUID, *, points: int) -> Posted:
    """Pay as a person, from the wallet that is theirs by now; and tell whom it concerns."""
    coalition = wallet.coalition
    with wallet.services.database.ledger() as connection:
        posted = operations.redeem(
            connection,
            now=coalition.now,
            wall=wall_now(),
            claim=coalition.claim("yas"),
            member_id=person_id,
            event=coalition.event("yas", ago=timedelta()),
            points=points,
            consent=None,
            evidence=None,
            follow=True,
        )
    with wallet.services.database.reading() as session:
        spent = [each for each in waiting(session, limit=500) if each.topic == ANNOUNCE_SPENT]
    announce = HANDLERS[ANNOUNCE_SPENT]
    announce.load()(wallet.services, **announce.arguments(spent[-1]))
    return posted


def test_of_a_shared_wallet_the_file_has_own_acts_and_nothing_of_others(wallet: Wallet) -> None:
    owner, friend = shared(wallet)  # one invited the other, who joined
    neda = someone(wallet, NEDA, "Neda Karimi", purchase=10_000_000)
    theirs, own = (spend(wallet, each.member_id, points=20) for each in (friend, owner))
    had = neda.available()
    give(owner, NEDA, points=30)
    assert neda.available() == had + 30
    age_codes(wallet)
    found = take(owner.client)
    pool = str(owner.home())
    acts = acts_in(pool, found)
    assert acts.pop(own.sequence) == "redemption"
    assert theirs.sequence not in acts
    assert list(acts.values()) == ["transfer"]
    (balance,) = (each["available"] for each in found["wallets"] if each["wallet"] == pool)
    assert balance == owner.available()
    lots = [each["remaining"] for each in found["lots"] if each["wallet"] == pool]
    assert sum(lots) == balance
    assert len(found["invitations"]) == 1
    assert {"pool", "giving", "redeemed"} <= {each["kind"] for each in found["messages"]}
    nothing_of(found, friend, REZA, "Reza Rad")
    nothing_of(found, neda, NEDA, "Neda Karimi")
    # Who joined has no balance of a wallet that is not theirs, and nothing of its owner.
    age_codes(wallet)
    other = take(friend.client)
    assert pool not in {each["wallet"] for each in (*other["wallets"], *other["lots"])}
    assert set(acts_in(pool, other)) == {theirs.sequence}
    nothing_of(other, owner, MEMBER_PHONE, "Sara Rad")
    given = take(neda.client)
    assert "received" in {each["kind"] for each in given["messages"]}
    nothing_of(given, owner, MEMBER_PHONE, "Sara Rad")


def test_who_gives_to_a_shared_wallet_that_they_left_has_no_entry_of_it(wallet: Wallet) -> None:
    owner, friend = shared(wallet)
    left = str(owner.home())
    assert friend.send("/pool/leave", points="60")[0] == 200
    at = f"/pool/people/{friend.public_id}"
    assert owner.send(at, to=f"{at}/part", points="60")[0] == 200
    assert owner.confirm()[0] == 200
    assert friend.send("/pool", kind="family")[0] == 200
    had = owner.available()
    give(friend, MEMBER_PHONE, points=10)
    assert owner.available() == had + 10
    age_codes(wallet)
    found = take(friend.client)
    assert acts_in(left, found) == {}
    assert left not in {each["wallet"] for each in (*found["wallets"], *found["movement_lines"])}
    assert list(acts_in(str(friend.home()), found).values()) == ["transfer"]


def give(giver: Someone, phone: str, *, points: int) -> None:
    """Give points on the pages, with the code that confirms it."""
    assert send(giver.client, "/give", phone=phone, points=str(points))[0] == 200
    assert send(giver.client, "/give/confirm", code=newest_code(giver.client))[0] == 200


def acts_in(wallet_id: str, found: dict[str, Any]) -> dict[int, str]:
    """Return the kinds of a wallet's movements in a file, by their numbers."""
    moves = (each for each in found["movements"] if each["wallet"] == wallet_id)
    return {each["sequence"]: each["kind"] for each in moves}


def age_codes(wallet: Wallet) -> None:
    """Let a day and more pass for codes that were sent, so that their messages are in the file."""
    with wallet.coalition.owner.unit_of_work() as session:
        codes = "UPDATE network.one_time_code SET requested_at = requested_at - interval '1 day'"
        session.execute(text(codes))
        session.execute(text("UPDATE network.message SET expires_at = created_at"))


def nothing_of(found: dict[str, Any], person: Someone, phone: str, name: str) -> None:
    """Hold a file against a person: no name, number, id or shop's reference of theirs is in it."""
    names = (name, name.split(maxsplit=1)[0], masked_name(name))
    ids = (str(person.member_id), person.member_id.hex, person.public_id)
    endings = (phone[1:], f"…{phone[-4:]}")
    numbers = (*endings, *(persian_digits(each) for each in endings))
    quoted = {f'"{each}"' for each in references(person)}
    assert len(quoted) > 1
    there = [
        (section, each)
        for section, part in found.items()
        for each in (*names, *ids, *numbers, *quoted)
        if each in json.dumps(part, ensure_ascii=False)
    ]
    assert there == []


def references(person: Someone) -> set[str]:
    """Return a person's references and receipts, of their own wallet and of a shared one."""
    theirs = text("""
        SELECT merchant_ref, receipt FROM ledger.entry
        WHERE merchant_ref IS NOT NULL AND (member_id = :m OR actor LIKE '% member:' || :m)
    """)
    with person.wallet.services.database.reading() as session:
        found = session.execute(theirs, {"m": person.member_id})
        return {each for row in found for each in row}


def rows(wallet: Wallet, table: str, member_id: UUID) -> int:
    """Return how many rows of a table are a member's."""
    with wallet.services.database.reading() as session:
        count = text(f"SELECT count(*) FROM {table} WHERE member_id = :m")
        return int(session.execute(count, {"m": member_id}).scalar_one())


def test_the_file_takes_a_code_of_its_own(wallet: Wallet) -> None:
    _, client = giver_of(wallet)
    send(client, "/profile/export")
    code = newest_code(client)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    status, page = send(client, "/profile/export/confirm", code=wrong)
    assert (status, "code" in page) == (422, True)
    # A code for the file closes no account, and is good once.
    status, _ = send(client, "/profile/leave/confirm", code=code)
    assert status == 422
    form = {"csrf_token": token_of(client, "/profile/export/confirm"), "code": code}
    first = client.post("/profile/export/confirm", data=form)
    assert first.mimetype == "application/json"
    first.close()
    assert client.post("/profile/export/confirm", data=form).status_code == 422
    stranger = wallet.app.test_client()
    assert stranger.get("/profile/export").status_code == 302
