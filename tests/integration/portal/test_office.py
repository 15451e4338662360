"""The books and the office: figures down to their entries, places, keys with a proof, webhooks."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import text

from config.web import listing
from merchant_gateway.portal import words
from merchant_gateway.portal.views import people as office
from merchant_gateway.portal.views import standing
from merchant_gateway.signing import Ed25519SigningKey, prove_possession
from network.clock import wall_now
from network.ids import encode, uuid7
from network.ledger import merchant_pages
from network.merchants import places
from network.merchants import queries as merchants
from network.operators.audit import record_act, verify
from network.portal import queries as people
from tests.integration.portal.desk import Clerk, Desk


@pytest.fixture(scope="module")
def boss(desk: Desk) -> Clerk:
    """Return an administrator."""
    return desk.person("administrator", name="Mina")


def test_a_purchase_leads_from_the_list_to_its_reasons(desk: Desk, boss: Clerk) -> None:
    boss.buy(desk.house.member().phone, amount=123_000)
    listed = boss.get("/transactions?kind=issuance")
    entry = re.search(r"/transactions/ent_\w+", listed.answer.text)
    assert entry is not None
    page = boss.get(entry[0])
    assert "1,230,000 rials" in page.text
    assert "Base rate" in page.text
    assert "Mina" in page.text
    assert "/till/acts/" in page.answer.text
    shown = re.search(r'id="until"[^>]* value="([^"]+)"', listed.answer.text)
    assert shown is not None
    assert entry[0] in boss.get(f"/transactions?since={shown[1]}&until={shown[1]}").answer.text
    nothing = boss.get("/transactions?since=1400/01/01&until=1400/01/02")
    assert "Nothing was booked" in nothing.text


def test_transactions_come_as_a_file_without_formulas(
    desk: Desk, boss: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss.buy(desk.house.member().phone, amount=1_000)
    answer = boss.get("/transactions?format=csv").answer
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0]["kind"] == "issuance"
    assert rows[0]["amount"] == "10000"
    assert rows[0]["reference"].startswith("P-")
    # A file has every row, or there is none.
    monkeypatch.setattr(listing, "MOST_EXPORTED", len(rows) - 1)
    refused = boss.get("/transactions?format=csv&kind=issuance")
    assert "More than" in refused.text
    assert refused.answer.url.endswith("/transactions?kind=issuance")


def test_transactions_are_sorted_and_searched(
    desk: Desk, boss: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = desk.house.member()
    for amount in (9_000, 70_000, 30_000):
        receipt = boss.buy(person.phone, amount=amount)
    receipt.send(f"/till/acts/{receipt.key}/undo")

    def rows(query: str) -> list[dict[str, str]]:
        answer = boss.get(f"/transactions?format=csv&{query}").answer
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    every = rows("")
    assert {"issuance", "refund_issuance"} <= {each["kind"] for each in every}
    for column in ("points", "amount", "reference", "happened"):
        for sign in ("", "-"):
            found = [each[column] for each in rows(f"sort={sign}{column}")]
            known: list[Any] = [
                int(each) if column in {"points", "amount"} else each for each in found if each
            ]
            assert known == sorted(known, reverse=bool(sign)), (sign, column)
            assert found[len(known) :] == [""] * (len(every) - len(known)), "missing ones last"
    kinds = [each["kind"] for each in rows("sort=kind")]
    assert kinds == sorted(kinds, key=lambda kind: str(words.ENTRY_KINDS[kind]))
    assert len(rows("sort=store")) == len(every)
    wanted = every[-1]["reference"]
    assert {each["reference"] for each in rows(f"q={wanted.lower()}")} == {wanted}
    assert rows("q=%25") == rows("q=%00nothing") == []
    # Too many to sort are said to be, and stand by their day.
    monkeypatch.setattr(merchant_pages, "MOST_SORTED", len(every) - 1)
    assert rows("sort=points") == every
    assert "too many to sort" in boss.get("/transactions?sort=points").text


def test_tables_are_sorted_searched_and_taken_away_as_files(desk: Desk, boss: Clerk) -> None:
    desk.person("cashier", name="ژاله")
    desk.person("cashier", name="آرش")
    listed = boss.get("/people?sort=-name&q=cashier").text
    assert "Mina" not in listed.partition("Invite somebody")[0].partition("Your people")[2]
    assert listed.index("ژاله") < listed.index("آرش"), "ژ comes after آ, falling"
    assert boss.get("/people?q=nobody").text.count("Nobody is called that") == 1
    for path, columns in (
        ("/people", "name,signs_in_as,role,state,pin,since"),
        ("/people/log", "when,who,what,facts"),
        ("/places", "store,name_fa,name_en,city_fa,city_en,tills,closed"),
        ("/keys", "key,state,scopes,fingerprint,registered,last_used"),
        (
            "/statements",
            "first_day,end_day,opening,receivable,payable,fees,net,paid,closing,lines,id",
        ),
        ("/trade", "partner,taken_points,taken_amount,spent_points,spent_amount,balance"),
        ("/reconciliation/disputes", "id,reason,business_date,words,opened,due,decided,state"),
    ):
        answer = boss.get(f"{path}?format=csv").answer
        assert answer.headers["Content-Type"].startswith("text/csv"), path
        assert answer.content.decode("utf-8-sig").splitlines()[0] == columns
        shown = boss.get(f"{path}?sort=nothing&from=99999&q=%27")
        assert shown.status == 200, path
    found = csv.DictReader(
        io.StringIO(
            boss.get("/people?format=csv&sort=name&q=cashier").answer.content.decode("utf-8-sig")
        )
    )
    names = [each["name"] for each in found if each["name"] in {"ژاله", "آرش"}]
    assert names == ["آرش", "ژاله"]


def test_stores_and_tills_are_kept_and_chosen(desk: Desk, boss: Clerk) -> None:
    page = boss.get("/places")
    added = page.send(
        "/places/stores", do="add", store="north", name_fa="شمالی", name_en="North", city_fa=""
    )
    assert "Added" in added.text
    taken = page.send("/places/stores", do="add", store="north", name_fa="ب", name_en="B")
    assert "taken" in taken.text
    wrong = page.send("/places/stores", do="add", store="", name_fa="", name_en="")
    assert "Some field" in wrong.text
    long = page.send("/places/stores", do="rename", store="north", name_fa="ب" * 121, name_en="B")
    assert "Some field" in long.text
    page.send("/places/terminals", do="add", store="north", terminal="t1", name="Till 1")
    long = page.send("/places/terminals", do="rename", store="north", terminal="t1", name="T" * 121)
    assert "Some field" in long.text
    clerk = desk.person("cashier")
    choice = clerk.get("/till")
    assert choice.path.startswith("/till/place")
    place = re.search(r'value="(sto_\w+\.t1)"', choice.answer.text)
    assert place is not None
    assert (
        clerk.post("/till/place", choice.form("/till/place") | {"place": "sto_x.t1"}).path
        != "/till"
    )
    assert (
        clerk.post("/till/place", choice.form("/till/place") | {"place": place[1]}).path == "/till"
    )
    receipt = clerk.buy(desk.house.member().phone, amount=5_000)
    assert "North · t1" in receipt.text
    page.send("/places/stores/close", store="north")
    assert clerk.get("/till").path.startswith(("/till/place", "/till"))


def test_one_store_among_many_is_found_by_its_name(desk: Desk) -> None:
    codes = [f"many-{number}" for number in range(standing.MOST_SHOWN + 1)]
    merchant_id, now = desk.house.green.merchant_id, wall_now()
    with desk.house.services.database.unit_of_work() as session:
        for number, code in enumerate(codes):
            places.add_store(
                session,
                merchant_id=merchant_id,
                code=code,
                name_fa=f"شعبهٔ {number}",
                name_en=f"Branch {number}",
                city_fa="رشت",
                city_en="Rasht",
            )
    clerk = desk.person("cashier")
    choice = clerk.get("/till")
    assert "more stores: type a part of the name" in choice.text
    assert choice.answer.text.count('name="place"') == standing.MOST_SHOWN
    (found,) = re.findall(
        r'name="place" value="(sto_\w+)"', clerk.get("/till/place?q=شعبه ۷&change=yes").answer.text
    )
    assert "No store is called that" in clerk.get("/till/place?q=nowhere&change=yes").text
    assert clerk.post("/till/place", choice.form("/till/place") | {"place": found}).path == "/till"
    with desk.house.services.database.unit_of_work() as session:
        for code in codes:
            places.close_store(session, merchant_id=merchant_id, code=code, now=now)


def test_a_key_is_registered_by_its_proof_and_revoked(desk: Desk, boss: Clerk) -> None:
    key = Ed25519SigningKey.generate()
    page = boss.get("/keys")
    wrong = page.send("/keys/proof", public_key="AAAA")
    assert wrong.status == 422
    assert (
        'id="public_key-error"'
        in boss.post("/keys/proof", page.form("/keys/proof") | {"public_key": "no key"}).answer.text
    )
    fields = page.form("/keys/proof") | {
        "public_key": key.verifying_key().to_base64url(),
        "scopes": "earnings",
    }
    asked = boss.post("/keys/proof", fields)
    host = asked.text.partition("--host ")[2].split()[0]
    session_id = asked.text.partition("--signed-by ")[2].split()[0]
    assert asked.send("/keys", proof="A" * 86).status == 422
    proof = prove_possession(authority=host, key_id=session_id, new_key=key)
    done = asked.send("/keys", proof=urlsafe_b64encode(proof).decode().rstrip("="))
    assert "Registered: mk_live_" in done.text
    with desk.house.services.database.reading() as session:
        made = merchants.keys(session, merchant_id=desk.house.green.merchant_id)[0]
    assert made.scopes == ("earnings",)
    assert made.public_key == key.verifying_key().to_raw()
    assert "Revoked" in done.send(f"/keys/{made.key_id}/revoke").text
    other = Clerk(desk=desk, login=boss.login, secret=boss.secret)
    assert other.get("/keys").path.startswith("/sign-in")


def test_webhooks_are_made_tried_out_and_removed(desk: Desk, boss: Clerk) -> None:
    page = boss.get("/webhooks")
    refused = page.send("/webhooks", url="http://127.0.0.1/hook")
    assert refused.status == 422
    assert 'id="url-error"' in refused.answer.text
    made = page.send("/webhooks", url="https://shop.example/hooks")
    assert "whsec_" in made.text
    again = boss.get("/webhooks")
    assert "shop.example" in again.text
    assert "whsec_" not in again.text
    endpoint = re.search(r"/webhooks/(whe_\w+)/test", again.answer.text)
    assert endpoint is not None
    tried = again.send(f"/webhooks/{endpoint[1]}/test")
    assert "on its way" in tried.text
    assert "webhook.test" in tried.text
    assert "Disabled" in tried.send(f"/webhooks/{endpoint[1]}/state").text
    assert "Removed" in tried.send(f"/webhooks/{endpoint[1]}/remove").text
    stranger = desk.person("administrator", shop="blue")
    token = stranger.get("/webhooks").form("/webhooks")
    assert stranger.post(f"/webhooks/{endpoint[1]}/remove", token).status == 404


def test_what_was_done_stands_in_the_log_and_the_chain_holds(
    desk: Desk, boss: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss.get("/people").send("/people", name="Nima", login="nima", role="cashier")
    assert "Invited somebody" in boss.get("/people/log").text
    # What operators did since does not crowd out what is shown here.
    monkeypatch.setattr(office, "LOGGED", 1)
    with desk.house.services.database.unit_of_work() as session:
        record_act(
            session,
            now=wall_now(),
            actor="opr_somebody",
            action="merchant.resumed",
            subject="merchant:green",
        )
    assert "Invited somebody" in boss.get("/people/log").text
    with desk.house.services.database.reading() as session:
        assert verify(session).intact


def test_a_wrong_invitation_names_its_field(boss: Clerk) -> None:
    page = boss.get("/people")
    for fields, named in (
        ({"name": "A", "login": "no spaces here", "role": "cashier"}, "login"),
        ({"name": "", "login": "someone", "role": "cashier"}, "name"),
        ({"name": "A", "login": boss.login, "role": "cashier"}, "login"),
    ):
        wrong = page.send("/people", **fields)
        assert wrong.status == 422
        assert f'id="{named}-error"' in wrong.answer.text


def test_pages_speak_the_readers_language(desk: Desk) -> None:
    clerk = desk.person("cashier")
    clerk.browser.headers["Accept-Language"] = "fa"
    page = clerk.get("/till")
    assert '<html lang="fa" dir="rtl">' in page.answer.text
    assert "صندوق" in page.text
    assert page.answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_only_the_till_may_open_a_camera(desk: Desk) -> None:
    clerk = desk.person("cashier")
    allowed = {
        path: clerk.get(path).answer.headers["Permissions-Policy"].partition(",")[0]
        for path in ("/till", "/account")
    }
    assert allowed == {"/till": "camera=(self)", "/account": "camera=()"}


def test_a_session_is_bound_to_its_end(desk: Desk) -> None:
    clerk = desk.person("cashier")
    token = clerk.browser.cookies["peyvand_portal"]
    with desk.house.services.database.reading() as session:
        assert people.by_session(session, token=token, wall=wall_now()) is not None
        late = wall_now() + timedelta(hours=13)
        assert people.by_session(session, token=token, wall=late) is None
    page = clerk.get("/account")
    assert page.send("/sign-out").path == "/sign-in"
    stale = requests.get(
        f"{desk.url}/till",
        cookies={"peyvand_portal": token},
        allow_redirects=False,
        timeout=20,
    )
    assert stale.status_code == 302
    assert json.dumps(stale.headers["Location"]).startswith('"/sign-in')


def test_the_payee_says_what_arrived(desk: Desk) -> None:
    """The form is the call of the gateway: who pays can't send it, and it is said once."""
    window_id, payment_id = uuid7(), uuid7()
    with desk.house.services.database.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO network.settlement_window (window_id, first_day, end_day, state,
                                                       settled_at)
                VALUES (:window, '2020-01-01', '2020-01-02', 'settled', now())
            """),
            {"window": window_id},
        )
        session.execute(
            text("""
                INSERT INTO network.direct_payment
                    (direct_payment_id, window_id, payer_id, payee_id, currency, amount, iban,
                     holder, reference, state)
                VALUES (:payment, :window, :payer, :payee, 'IRR', 19800,
                        'IR190540000000100324200001', 'Blue', 'PVPORTAL1', 'released')
            """),
            {
                "window": window_id,
                "payment": payment_id,
                "payer": desk.house.green.merchant_id,
                "payee": desk.house.blue.merchant_id,
            },
        )

    def say(shop: str, outcome: str) -> tuple[int, str]:
        clerk = desk.person("finance", shop=shop)
        token = re.search(r'name="csrf_token" value="([^"]+)"', clerk.get("/account").answer.text)
        assert token is not None
        path = f"/statements/{encode('win', window_id)}/payments/{encode('dpy', payment_id)}"
        sent = {"csrf_token": token[1], "key": uuid7().hex, "outcome": outcome}
        answer = clerk.post(path, sent, follow=False)
        with desk.house.services.database.reading() as session:
            state = session.execute(
                text("SELECT state FROM network.direct_payment WHERE direct_payment_id = :id"),
                {"id": payment_id},
            ).scalar_one()
        return answer.status, str(state)

    assert say("green", "arrived") == (303, "released")
    assert say("blue", "perhaps") == (303, "released")
    assert say("blue", "missing") == (303, "released")
    assert say("blue", "arrived") == (303, "confirmed")
    with desk.house.services.database.reading() as session:
        words = session.execute(
            text("SELECT arrived FROM network.direct_receipt ORDER BY said_at")
        ).scalars()
        assert list(words) == [False, True]
