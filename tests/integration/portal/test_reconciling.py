"""Finance reconciles a day in the portal: file, breaks, answers, a dispute with its proof."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta

import pytest

from config.jobs import reconcile
from network import ids
from network.clock import day_start, wall_now
from network.ledger import operations
from network.merchants.evidence import Finding
from network.operators import service as operators
from network.operators.queries import acts as audit
from network.proofs.errors import ProofBrokenError
from network.reconciliation import disputes, queries, resolving
from network.reconciliation.evidence_file import check_file
from network.settings import PROGRAMME_ZONE
from network.signing.queries import published_keys
from tests.integration.portal.desk import Clerk, Desk, Page

HEADER = "type,merchant_ref,occurred_at,amount,points"


@pytest.fixture(scope="module")
def day(desk: Desk) -> date:
    """Sell two things at the till, and let the business day end; return it."""
    day = desk.house.today()
    clerk, person = desk.person("cashier", name="Sara"), desk.house.member()
    for amount in (25_000, 40_000):
        clerk.buy(person.phone, amount=amount)
    tomorrow = day_start(day + timedelta(days=1), zone=PROGRAMME_ZONE) + timedelta(minutes=1)
    with desk.house.services.database.ledger() as connection:
        operations.flip_day(connection, now=tomorrow)
    return day


@pytest.fixture(scope="module")
def finance(desk: Desk) -> Clerk:
    """Return the person who keeps the books of the green shop."""
    return desk.person("finance", name="Mina")


def send(clerk: Clerk, text: str, *, day: str) -> Page:
    """Send a record with the form of the first page."""
    fields = clerk.get("/reconciliation").form("/reconciliation/records")
    answer = clerk.browser.post(
        f"{clerk.desk.url}/reconciliation/records",
        data={name: fields[name] for name in ("csrf_token", "key")} | {"day": day},
        files={"file": ("day.csv", text.encode(), "text/csv")},
        timeout=20,
    )
    return Page(clerk=clerk, answer=answer)


def matched(desk: Desk, page: Page) -> Page:
    """Do a worker's part and open the record again."""
    record = page.path.rpartition("/")[2]
    reconcile(desk.house.services, reconciliation_id=str(ids.decode("rcn", record)))
    return page.clerk.get(page.path)


@pytest.fixture(scope="module")
def record(desk: Desk, day: date, finance: Clerk) -> Page:
    """Send the day as the shop's books have it: one amount is wrong, and one sale is elsewhere."""
    answer = finance.get(f"/transactions?format=csv&since={day}&until={day}").answer
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    lines = [HEADER]
    for row in rows:
        amount = 300_000 if row["amount"] == "250000" else int(row["amount"])
        lines.append(f"earn,{row['reference']},{row['happened']},{amount},{row['points']}")
    lines.append(f"earn,LOST-1,{rows[0]['happened']},90000,9")
    waiting = send(finance, "\r\n".join(lines), day=day.isoformat())
    assert "Being matched" in waiting.text
    return matched(desk, waiting)


def test_breaks_are_sorted_and_searched(record: Page, finance: Clerk) -> None:
    assert "A different amount" in record.text

    def shown(query: str) -> list[str]:
        page = finance.get(f"/reconciliation/breaks?{query}").answer.text
        rows = page.partition("<tbody>")[2].partition("</tbody>")[0]
        return re.findall(r"LOST-1|P-[0-9A-Z]{4}-[0-9A-Z-]+", rows)

    by_reference = shown("sort=reference")
    assert len(by_reference) > 1
    assert by_reference == sorted(by_reference)
    assert shown("sort=-reference") == by_reference[::-1]
    assert shown("sort=difference")[-1] == "LOST-1", "90,000 is more than 50,000"
    assert shown("q=lost") == ["LOST-1"]
    assert shown("q=nothing+like+it") == []


def break_page(finance: Clerk, kind: str) -> Page:
    """Open the one break of a kind."""
    found = re.search(
        r"/reconciliation/breaks/brk_\w+",
        finance.get(f"/reconciliation/breaks?kind={kind}&state=").answer.text,
    )
    assert found is not None
    return finance.get(found[0])


def test_what_cannot_be_taken_is_said_at_its_field(desk: Desk, day: date, finance: Clerk) -> None:
    assert "Write the day" in send(finance, HEADER, day="soon").text
    late = send(finance, HEADER, day=(day + timedelta(days=1)).isoformat())
    assert "not over yet" in late.text
    assert 'id="day-error"' in late.answer.text
    bad = matched(desk, send(finance, f"{HEADER}\r\nearn,A,yesterday,1,1", day=day.isoformat()))
    assert "Nothing was matched" in bad.text
    assert "occurred_at" in bad.text


def test_both_sides_stand_beside_each_other(record: Page, finance: Clerk) -> None:
    assert "A different amount" in record.text
    assert "Not in the network's books" in record.text
    assert "Mina" in record.text
    page = break_page(finance, "amount_differs")
    assert "300,000 rials" in page.text
    assert "250,000 rials" in page.text
    rows = finance.get("/reconciliation/breaks?format=csv").answer.content.decode("utf-8-sig")
    (row,) = (each for each in csv.DictReader(io.StringIO(rows)) if each["network_amount"])
    assert (row["your_amount"], row["network_amount"]) == ("300000", "250000")


def test_what_is_said_of_a_break_and_taking_the_network_s_figure(
    desk: Desk, record: Page, finance: Clerk
) -> None:
    page = break_page(finance, "missing_here")
    action = f"{page.path}/say"
    assert "Say it in words" in page.send(action, do="say").text
    page = page.send(action, words="It was sold on paper.", do="say")
    assert "It was sold on paper." in page.text
    break_id = ids.decode("brk", page.path.rpartition("/")[2])
    with desk.house.services.database.unit_of_work() as session:
        judge = operators.add_operator(
            session,
            vault=desk.house.services.vault,
            email="judge@network.example",
            name="Judge",
            role="approver",
            password="a judge keeps a long secret",
            now=wall_now(),
        ).operator.operator_id
        for words, told in (("They are often late.", False), ("Send it now, please.", True)):
            resolving.comment(
                session, break_id=break_id, words=words, by=judge, wall=wall_now(), told=told
            )
    shown = finance.get(page.path)
    assert "Send it now, please." in shown.text
    assert "They are often late." not in shown.text

    stranger = desk.person("finance", shop="blue")
    assert stranger.get(page.path).status == 404
    token = stranger.get("/reconciliation").form("/reconciliation/records")["csrf_token"]
    assert stranger.post(action, {"csrf_token": token, "words": "x"}).status == 404

    closed = shown.send(action, words="", do="take")
    assert "Closed with the network's figure" in closed.text
    assert "already" in finance.post(action, page.form(action) | {"do": "take"}).text
    with desk.house.services.database.reading() as session:
        found = queries.one_break(session, break_id=break_id)
        assert (found.state, found.resolution) == ("resolved", "accept_ours")
        acts = audit(session, subject=ids.encode("brk", break_id), limit=5)
        assert acts[0].actor.startswith("pus_")


def test_a_dispute_has_both_signed_messages(desk: Desk, record: Page, finance: Clerk) -> None:
    page = break_page(finance, "amount_differs")
    new = re.search(r'href="(/reconciliation/disputes/new[^"]+)"', page.answer.text)
    assert new is not None
    form = finance.get(new[1].replace("&amp;", "&"))
    assert "250,000 rials" in form.text
    wrong = form.send("/reconciliation/disputes", reason="amount", words=" ", amount="much")
    assert "Say in words" in wrong.text
    assert "whole number" in wrong.text
    opened = wrong.send(
        "/reconciliation/disputes", reason="amount", words="It was 30,000.", amount="۳۰۰٬۰۰۰"
    )
    assert opened.path.startswith("/reconciliation/disputes/dsp_")
    assert "300,000 rials" in opened.text
    assert "peyvand dispute answer" in opened.text
    assert "Asked for in the portal; the network's signature holds" in opened.text
    assert "••••••" in opened.text
    assert finance.get(new[1].replace("&amp;", "&")).path == opened.path
    said = opened.send(f"{opened.path}/say", words="The paper roll says so too.")
    assert "The paper roll says so too." in said.text
    assert "Mina" in said.text
    proof = said.send(f"{opened.path}/evidence").answer.json()
    with desk.house.services.database.reading() as session:
        found = check_file(proof, keys=published_keys(session))
    assert found[1] == Finding.ATTESTED
    assert b'"amount":250000' in found[0]
    for forged in (
        proof | {"entry": "ent_of_somebody_else"},
        proof | {"request": proof["request"] | {"body": "e30="}},
        proof | {"bound": proof["answer"]},
    ):
        with (
            desk.house.services.database.reading() as session,
            pytest.raises(ProofBrokenError),
        ):
            check_file(forged, keys=published_keys(session))
    assert desk.person("finance", shop="blue").get(opened.path).status == 404
    assert desk.person("cashier").get(opened.path).status == 403

    with desk.house.services.database.unit_of_work() as session:
        judge = operators.add_operator(
            session,
            vault=desk.house.services.vault,
            email="second@network.example",
            name="Second",
            role="approver",
            password="a judge keeps a long secret",
            now=wall_now(),
        ).operator.operator_id
        disputes.reject(
            session,
            dispute_id=ids.decode("dsp", opened.path.rpartition("/")[2]),
            words="Your till sent 25,000.",
            by=judge,
            wall=wall_now(),
        )
    decided = finance.get(opened.path)
    assert "Your till sent 25,000." in decided.text
    assert "Rejected" in finance.get("/reconciliation/disputes").text
    late = finance.post(f"{opened.path}/say", said.form(f"{opened.path}/say") | {"words": "But"})
    assert late.status == 422
