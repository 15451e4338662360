"""Tables that sort, search and export; jobs that failed; disputes and evidence from the entry."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from playwright.sync_api import Page, expect
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import update

from config.cli.verify import verify
from config.web import listing
from network.clock import wall_now
from network.ids import encode
from network.messaging.models import Message
from network.messaging.service import MAX_ATTEMPTS, queue_sms
from network.operators import queries as operators
from network.signing.queries import published_keys
from tests.browser.console.conftest import House, Opener, follow


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    """Yield a queue with a job that failed after its last attempt."""
    with redis.Redis.from_url(redis_url) as connection:
        queue = Queue("night", connection=connection, serializer=JSONSerializer)
        payload = {"business_date": "2026-03-22"}
        queue.enqueue_call("config.jobs.run", args=["no.such.topic", payload], failure_ttl=600)
        worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
        worker.work(burst=True, logging_level="CRITICAL")
        yield queue
        queue.empty()  # type: ignore[no-untyped-call]
        for job_id in queue.failed_job_registry.get_job_ids():
            queue.failed_job_registry.remove(job_id, delete_job=True)


def rows(page: Page, path: str) -> list[dict[str, str]]:
    """Return the rows of a table's file."""
    text = page.context.request.get(path).text()
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_a_failed_job_is_seen_and_tried_again(
    house: House, signed_in: Opener, queue: Queue
) -> None:
    page = signed_in("operator")
    expect(page.get_by_role("alert")).to_contain_text("1 job failed after its last attempt")
    follow(page, page.get_by_role("link", name="Jobs that failed"))
    expect(page.locator("tbody")).to_contain_text("KeyError")
    link = page.get_by_role("link", name="no.such.topic")
    assert link.get_attribute("href") == "/settlement/nights/2026-03-22"
    (row,) = rows(page, "/jobs?format=csv&sort=-failed")
    assert (row["queue"], row["about"]) == ("night", "business_date 2026-03-22")
    page.get_by_role("button", name="Try those chosen again").click()
    expect(page.get_by_role("alert").first).to_contain_text("Choose some jobs first")
    page.locator("input[name=job]").check()
    page.get_by_role("button", name="Try those chosen again").click()
    expect(page.locator("main")).to_contain_text("Queued again")
    expect(page.locator("main")).to_contain_text("Nothing has failed")
    assert queue.count == 1
    with house.services.database.reading() as session:
        (act,) = operators.acts(session, action="job.retried", limit=5)
    assert act.facts["business_date"] == "2026-03-22"


def test_a_message_that_did_not_leave_is_seen_and_sent_again(
    house: House, signed_in: Opener
) -> None:
    services = house.services
    with services.database.unit_of_work() as session:
        message_id = queue_sms(
            session,
            services.vault,
            recipient="+989120000000",
            body="spent",
            kind="redeemed",
            locale="fa",
            wall=wall_now(),
        )
        session.execute(
            update(Message)
            .where(Message.message_id == message_id)
            .values(state="failed", attempts=MAX_ATTEMPTS)
        )
    page = signed_in("operator")
    follow(page, page.get_by_role("link", name="Jobs that failed"))
    button = page.get_by_role("button", name="Send those chosen again")
    button.click()
    expect(page.get_by_role("alert").first).to_contain_text("Choose some messages first")
    expect(page.locator("main")).not_to_contain_text("989120000000")
    page.locator("input[name=message]").check()
    button.click()
    expect(page.locator("main")).to_contain_text("They leave now")
    expect(button).to_have_count(0)
    with services.database.reading() as session:
        row = session.get_one(Message, message_id)
        assert (row.state, row.attempts) == ("waiting", 0)
        (act,) = operators.acts(session, action="message.sent_again", limit=5)
    assert act.subject == f"message:{message_id}"


def test_entries_of_a_wallet_are_sorted_filtered_and_exported(
    house: House, signed_in: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = signed_in("operator")
    member_id, _shop, _sequence = house.story.earned[0]
    path = f"/members/{encode('mem', member_id)}"
    found = rows(page, f"{path}?format=csv&sort=points")
    points = [int(each["points"]) for each in found]
    assert points == sorted(points)
    assert len({each["kind"] for each in found}) > 1
    only = rows(page, f"{path}?format=csv&kind=issuance")
    assert {each["kind"] for each in only} == {"issuance"}
    code = only[0]["merchant"]
    page.goto(f"{path}?kind=issuance&sort=-points")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Points")
    reference = only[0]["merchant_ref"]
    assert [each["merchant"] for each in rows(page, f"{path}?format=csv&q={reference}")] == [code]
    assert rows(page, "/settlement/bank?format=csv") == []
    assert rows(page, "/proposals?format=csv&sort=who") == []
    assert rows(page, f"/merchants/{code}/webhooks?format=csv&state=failed") == []
    # A file has every row, or there is none.
    monkeypatch.setattr(listing, "MOST_EXPORTED", len(found) - 1)
    page.goto(f"{path}?format=csv&sort=points")
    expect(page.get_by_role("alert")).to_contain_text("a file would lose some")
    assert page.url.endswith(f"{path}?sort=points")


def test_a_merchants_statements_and_stores_have_pages_of_their_own(
    house: House, signed_in: Opener
) -> None:
    page = signed_in("operator")
    code = house.story.earned[0][1].code
    page.goto(f"/merchants/{code}")
    latest = page.locator("a[href*='/statements/win_']:not([download])")
    days = [each.get_attribute("href") for each in latest.all()]
    assert days
    follow(page, page.get_by_role("link", name="All statements"))
    assert [each.get_attribute("href") for each in latest.all()] == days
    found = rows(page, f"/merchants/{code}/statements?format=csv")
    assert [f"/merchants/{code}/statements/{each['window']}" for each in found] == days
    earlier = rows(page, f"/merchants/{code}/statements?format=csv&before={found[0]['first_day']}")
    assert earlier == found[1:]
    page.goto(f"/merchants/{code}")
    follow(page, page.get_by_role("link", name=re.compile("All .* stores")))
    stores = rows(page, f"/merchants/{code}/stores?format=csv&sort=-code")
    assert [each["code"] for each in stores] == sorted(each["code"] for each in stores)[::-1]
    expect(page.locator("tbody tr")).to_have_count(len(stores))
    assert rows(page, f"/merchants/{code}/stores?format=csv&q=no such place") == []


def test_a_dispute_and_the_evidence_come_from_the_entry(
    house: House, signed_in: Opener, tmp_path: Path
) -> None:
    page = signed_in("operator")
    member_id, shop, sequence = house.story.earned[0]
    own = house.services.entry_ids.encode(prefix="ent", member_id=member_id, sequence=sequence)
    page.goto(f"/entries/{own}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Take the evidence as one file").click()
    file, keys = tmp_path / "evidence.json", tmp_path / "keys.json"
    content = json.loads(download.value.path().read_text(encoding="utf-8"))
    with house.services.database.reading() as session:
        keys.write_text(json.dumps({"keys": published_keys(session)}), encoding="utf-8")
        acts = [each.action for each in operators.acts(session, subject=f"entry:{own}", limit=9)]
    assert "evidence.exported" in acts

    def judged(document: dict[str, object]) -> tuple[int, dict[str, object]]:
        file.write_text(json.dumps(document), encoding="utf-8")
        ran = CliRunner().invoke(verify, [str(file), "--keys", str(keys), "--json"])
        return ran.exit_code, json.loads(ran.output)

    code, said = judged(content)
    assert (code, said["request"], said["key"]) == (0, "signed", shop.key_id)
    for spoilt in (
        content | {"request": content["request"] | {"body": ""}},
        content | {"request": content["request"] | {"signature": content["answer"]["signature"]}},
        content | {"answer": content["answer"] | {"key_id": "another"}},
    ):
        assert judged(spoilt)[0] == 1

    follow(page, page.get_by_role("link", name="Open a dispute"))
    page.fill("#words", "They called: the receipt said less.")
    page.fill("#points", "۵")
    follow(page, page.get_by_role("button", name="Open the dispute"))
    expect(page.locator("main")).to_contain_text("They called: the receipt said less.")
    page.fill("#say", "We look into it.")
    follow(page, page.get_by_role("button", name="Say it"))
    expect(page.locator("main")).to_contain_text("We look into it.")
    page.goto(f"/reconciliation/disputes/new?entry={own}")
    page.fill("#words", "Again.")
    follow(page, page.get_by_role("button", name="Open the dispute"))
    expect(page.get_by_role("alert")).to_contain_text("disputes this line already")


def test_what_one_proposed_oneself_one_takes_back(house: House, signed_in: Opener) -> None:
    page = signed_in("operator")
    page.goto("/merchants/rayan/agreements/new")
    page.fill("#effective_from", "2099-01-01")
    page.fill("#issue_price", "1001")
    page.get_by_role("button", name="Propose").click()
    expect(page.locator("main")).to_contain_text("A colleague has to approve it")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status").first).to_contain_text("nothing was changed")
    assert page.get_by_role("button", name="Take it back").count() == 0
    with house.services.database.reading() as session:
        (act,) = operators.acts(session, action="agreement.withdrawn", limit=5)
    assert act.facts["version"] == 2
