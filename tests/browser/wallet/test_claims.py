"""It wasn't me: said on a movement's page, without script, seen by an operator, and answered."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from network import ids
from network.adjustments import service as adjusting
from network.claims import queries, service
from network.claims.errors import ClaimError
from network.claims.models import MemberClaim
from network.claims.queries import PREFIX
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.ledger import queries as ledger
from network.members import merging
from network.members.freezing import set_switch
from network.members.phones import normalise_phone
from network.members.sign_in import start_session
from network.messaging.queries import latest
from network.operators import proposals
from network.operators import queries as operators
from tests.browser.conftest import Pages, fits_both_ways
from tests.browser.wallet.conftest import Wallet
from tests.browser.wallet.test_doors import COOKIE
from tests.browser.wallet.test_give import FRIEND, giver_of, send
from tests.integration.ledger_audit.history import add_operator
from tests.integration.settlement.office import open_office


def test_it_wasnt_me(wallet: Wallet, pages: Pages) -> None:
    services = wallet.services
    member_id = wallet.enrol()
    wallet.coalition.buy(member_id, "mahtab", amount=30_000_000, ago=timedelta(days=3))
    wallet.coalition.pay(member_id, "mahtab", points=40, ago=timedelta(hours=3))
    page = wallet.signed_in(pages, script=False)
    page.goto(f"{wallet.url}/movements?kind=spent")
    page.locator(".movement a").first.click()
    entry = page.url.partition("/movements/")[2]
    page.get_by_role("link", name="کار من نبود").click()
    page.fill("#words", "گوشی‌ام دیروز گم شد.")
    expect(page.locator("#lock")).to_be_checked()
    page.get_by_role("button", name="فرستادن").click()
    expect(page.locator("#claim")).to_contain_text("در حال بررسی")
    with services.database.reading() as session:
        stored = ledger.stored_wallet(session, member_id=member_id)
        (waiting,) = queries.waiting(session, limit=9)
    assert stored is not None
    assert (stored.status, waiting.kind, waiting.locked) == ("spend_locked", "not_me", True)

    state = page.context.storage_state()
    look = pages.open(state=state)
    look.goto(f"{wallet.url}/movements?kind=earned")
    look.locator(".movement a").first.click()
    look.get_by_role("link", name="چیزی در آن درست نیست").click()
    fits_both_ways(look, in_both_languages=True)
    look.goto(f"{look.url}?lang=en")
    fits_both_ways(look, in_both_languages=True)
    look.goto(look.url.replace("lang=en", "lang=fa"))
    look.get_by_role("button", name="فرستادن").click()
    expect(look.locator("#words-error")).to_be_visible()
    fits_both_ways(look, in_both_languages=True)

    with open_office(services) as office:
        assert "1 member waits for an answer about an entry" in office.clerk.get("/").text
        address = f"/claims/{ids.encode(PREFIX, waiting.claim_id)}"
        assert address in office.clerk.get("/claims").answer.text
        found = office.clerk.get(address)
        assert "گوشی‌ام دیروز گم شد." in found.text
        refused = found.send(f"{address}/answer", outcome="made_good", words="  ")
        assert "Say it in a few sentences" in refused.text
        refused = refused.send(f"{address}/answer", outcome="made_good", words="برگشت.")
        assert (refused.status, "Choose the correction" in refused.text) == (422, True)
        given = ids.encode("adj", give_back(wallet, member_id, points=40))
        told = office.clerk.get(address).send(
            f"{address}/answer",
            outcome="made_good",
            words="۴۰ امتیاز برگشت؛ فروشگاه پولش را دارد.",
            correction=given,
        )
        assert "The member is told." in told.text
        assert "waits for an answer" not in office.clerk.get("/").text
        log = office.head.get("/audit").text
        assert "A member objected to an entry" in log
        assert "Answered a member's claim" in log
    look.goto(f"{wallet.url}/movements/{entry}")
    expect(look.locator("#claim")).to_contain_text("۴۰ امتیاز برگشت")
    fits_both_ways(look, in_both_languages=True)
    with services.database.reading() as session:
        assert next(each.kind for each in latest(session, services.vault)) == "claim_answered"


def give_back(wallet: Wallet, member_id: UUID, *, points: int) -> UUID:
    """Have two people give a member points of the network's own; return the correction's id."""
    now = wallet.coalition.now
    with wallet.services.database.unit_of_work() as session:
        first, second = (each.operator_id for each in operators.all_operators(session)[:2])
        proposed = adjusting.propose(
            session,
            now=now,
            member_id=member_id,
            kind="up",
            issuer_id=NETWORK_PARTY,
            points=points,
            reason="Theft",
            proposed_by=first,
            expires_on=(now + timedelta(days=90)).date(),
        )
        adjusting.approve(
            session, now=now, adjustment_id=proposed.adjustment_id, approved_by=second
        )
    return proposed.adjustment_id


def made_good(wallet: Wallet, claim_id: UUID, by: UUID, **how: Any) -> str:
    """Answer a claim as made good; return why that is refused, nothing where it is done."""
    return answered(wallet, claim_id, by, outcome="made_good", **how)


def answered(wallet: Wallet, claim_id: UUID, by: UUID, **how: Any) -> str:
    """Answer a claim; return why that is refused, nothing where it is done."""
    try:
        with wallet.services.database.unit_of_work() as session:
            service.answer_claim(
                session,
                wallet.services.vault,
                claim_id=claim_id,
                words="Points came back.",
                by=by,
                now=wall_now(),
                wallet_url=wallet.url,
                **how,
            )
    except ClaimError as error:
        return error.reason
    return ""


def test_one_operators_answer_is_not_the_last_word(wallet: Wallet) -> None:
    services = wallet.services
    member_id, client = giver_of(wallet)
    spent = [
        wallet.coalition.pay(member_id, "mahtab", points=40, ago=timedelta(hours=ago))
        for ago in (3, 2)
    ]
    paths = [
        "/movements/"
        + services.entry_ids.encode(prefix="ent", member_id=member_id, sequence=each.sequence)
        for each in spent
    ]
    for path in paths:
        assert send(client, "/give", action=f"{path}/claim", kind="not_me")[0] == 200
    with services.database.reading() as session:
        first, other = queries.waiting(session, limit=9)
    with open_office(services) as office:
        address = f"/claims/{ids.encode(PREFIX, first.claim_id)}"
        told = office.clerk.fill(address, f"{address}/answer", outcome="refused", words="No.")
        assert "The member is told." in told.text
        assert "I do not agree" in client.get(paths[0]).text
        objection = f"{paths[0]}/claim/objection"
        assert "Somebody else looks into it" in _sent(client, objection, "It was stolen.")
        assert "You have told us about this already." in _sent(client, objection, "Again.")
        assert "I do not agree" not in client.get(paths[0]).text
        with services.database.reading() as session:
            found = queries.objection_to(session, services.vault, claim_id=first.claim_id)
            clerk, head = (each.operator_id for each in operators.all_operators(session)[:2])
            answered = queries.claim(session, services.vault, claim_id=first.claim_id)
        assert found is not None
        assert answered is not None
        if answered.decided_by == head:
            clerk, head = head, clerk
        page = office.clerk.get(f"/claims/{ids.encode(PREFIX, found.claim_id)}").text
        assert "a colleague decides about it" in page
        assert "It was stolen." in page
    given = give_back(wallet, member_id, points=30)

    answer = partial(made_good, wallet)
    less = {"correction_id": given, "why_less": "Ten were returned by the shop."}
    assert answer(found.claim_id, clerk, **less) == "same"
    assert answer(found.claim_id, head) == "correction"
    assert answer(found.claim_id, head, correction_id=given) == "less"
    assert answer(found.claim_id, head, **less) == ""
    assert answer(found.claim_id, head, **less) == "answered"
    assert answer(other.claim_id, head, **less) == "correction"  # it has answered another claim
    assert "Points came back." in client.get(paths[0]).text
    with (
        pytest.raises(ClaimError, match="nothing to object to"),
        services.database.unit_of_work() as session,
    ):
        service.object_to_answer(
            session,
            services.vault,
            claim_id=found.claim_id,
            member_id=member_id,
            words="Still not.",
            now=wall_now(),
        )
    with pytest.raises(DBAPIError, match="not for them"), services.database.unit_of_work() as unit:
        # Nor does the table take one's own decision about one's own answer.
        unit.execute(
            insert(MemberClaim).values(
                **{
                    each.name: getattr(_row(unit, found.claim_id), each.name)
                    for each in MemberClaim.__table__.columns
                }
                | {"claim_id": uuid4(), "decided_by": clerk, "correction_id": None}
            )
        )


def two_operators(wallet: Wallet) -> tuple[UUID, UUID]:
    """Store two operators who never sign in."""
    pair = uuid4(), uuid4()
    with wallet.services.database.unit_of_work() as session:
        for each in pair:
            add_operator(session, each, at=wall_now())
    return pair


def told_of(wallet: Wallet, member_id: UUID, *, wallet_id: UUID, sequence: int) -> UUID:
    """Have a member say that it wasn't them; return the claim."""
    with wallet.services.database.unit_of_work() as session:
        return service.open_claim(
            session,
            wallet.services.vault,
            member_id=member_id,
            wallet_id=wallet_id,
            sequence=sequence,
            kind="not_me",
            words="",
            lock=False,
            now=wall_now(),
        ).claim_id


def test_who_was_merged_keeps_the_claim_and_the_objection(wallet: Wallet) -> None:
    services, (clerk, head) = wallet.services, two_operators(wallet)
    goes, client = giver_of(wallet)
    remains = wallet.enrol(FRIEND, name="Navid Rad")
    spent, other = (
        wallet.coalition.pay(goes, "mahtab", points=40, ago=timedelta(hours=ago)) for ago in (3, 2)
    )
    path, unsaid = (
        "/movements/"
        + services.entry_ids.encode(prefix="ent", member_id=goes, sequence=each.sequence)
        for each in (spent, other)
    )
    claim_id = told_of(wallet, goes, wallet_id=goes, sequence=spent.sequence)
    assert answered(wallet, claim_id, clerk, outcome="refused") == ""
    wall = wall_now()
    with services.database.unit_of_work() as session:
        asked = merging.propose(
            session, member_id=goes, into=remains, reason="One", by=clerk, now=wall, wall=wall
        )
    with services.database.unit_of_work() as session:
        agreed = proposals.decide(
            session, proposal_id=asked.proposal_id, approved=True, by=head, now=wall
        )
        merging.carry_out(session, proposal=agreed, wall=wall)
        entered = start_session(session, services.vault, member_id=remains, wall=wall, device=None)
    client.set_cookie(COOKIE, entered.token)
    told = client.get("/movements").text.partition('id="told"')[2]
    assert f'href="{path}#claim"' in told
    assert ("Answered" in told, "We are looking into it" in told) == (True, False)
    assert "I do not agree" in client.get(path).text
    assert client.get(unsaid).status_code == 404  # of which they told us nothing
    with pytest.raises(ClaimError, match="has been said"):
        told_of(wallet, remains, wallet_id=goes, sequence=spent.sequence)
    assert "Somebody else looks into it" in _sent(client, f"{path}/claim/objection", "Stolen.")
    assert "You have told us" in _sent(client, f"{path}/claim/objection", "Again.")
    assert "We are looking into it" in client.get("/movements").text
    # The answer is told where they are now, not at the number of who is gone.
    with services.database.reading() as session:
        objection = queries.objection_to(session, services.vault, claim_id=claim_id)
        assert objection is not None
    assert answered(wallet, objection.claim_id, head, outcome="refused") == ""
    with services.database.reading() as session:
        assert latest(session, services.vault)[0].recipient == normalise_phone(FRIEND)
    assert "We are looking into it" not in client.get("/movements").text


def test_what_two_answers_gave_counts_together(wallet: Wallet) -> None:
    services, (clerk, head) = wallet.services, two_operators(wallet)
    member_id, _client = giver_of(wallet)
    spent = wallet.coalition.pay(member_id, "mahtab", points=40, ago=timedelta(hours=3))
    first = told_of(wallet, member_id, wallet_id=member_id, sequence=spent.sequence)
    most = give_back(wallet, member_id, points=24)
    assert made_good(wallet, first, clerk, correction_id=most, why_less="Part.") == ""
    with services.database.unit_of_work() as session:
        objection = service.object_to_answer(
            session,
            services.vault,
            claim_id=first,
            member_id=member_id,
            words="16 are missing.",
            now=wall_now(),
        )
    short, rest = (give_back(wallet, member_id, points=points) for points in (15, 16))
    assert made_good(wallet, objection.claim_id, head, correction_id=short) == "less"
    assert made_good(wallet, objection.claim_id, head, correction_id=rest) == ""


def _sent(client: FlaskClient, action: str, words: str) -> str:
    return send(client, "/give", action=action, words=words)[1]


def _row(session: Session, claim_id: UUID) -> MemberClaim:
    return session.get_one(MemberClaim, claim_id)


def test_it_is_said_once_of_what_is_ones_own_and_of_few_at_once(wallet: Wallet) -> None:
    services, most = wallet.services, service.MOST_WAITING
    (member_id, client), other = giver_of(wallet), wallet.enrol(FRIEND, name="Navid Rad")
    buy = partial(wallet.coalition.buy, code="mahtab", amount=9_000_000, ago=timedelta(days=3))
    own = [buy(member_id) for _ in range(most + 1)]
    paths = [
        "/movements/"
        + services.entry_ids.encode(prefix="ent", member_id=each.member_id, sequence=each.sequence)
        for each in (buy(other), *own)
    ]

    def say(path: str, kind: str = "wrong") -> tuple[int, str]:
        return send(client, "/give", action=f"{path}/claim", kind=kind, words="Twice")

    assert say(paths[0])[0] == 404
    assert client.get(f"{paths[0]}/claim").status_code == 404
    status, text = say(paths[1], kind="not_me")  # nobody earns in somebody else's place
    assert (status, "Choose what happened." in text) == (422, True)
    assert "We are looking into it" in say(paths[1])[1]
    assert client.get(f"{paths[1]}/claim").location == paths[1]
    assert "You have told us about this already." in say(paths[1])[1]
    for number, each in enumerate(own[1:], start=1):
        with (
            nullcontext() if number < most else pytest.raises(ClaimError, match="wait already"),
            services.database.unit_of_work() as session,
        ):
            service.open_claim(
                session,
                services.vault,
                member_id=member_id,
                wallet_id=member_id,
                sequence=each.sequence,
                kind="wrong",
                words="Too much",
                lock=False,
                now=wall_now(),
            )
    with services.database.reading() as session:
        assert queries.count_waiting(session)[0] == most

    def locked_by(path: str) -> tuple[int, str, str]:
        with services.database.unit_of_work() as session:
            set_switch(session, member_id=member_id, locked=False)
        status, text = send(
            client, "/give", action=f"{path}/claim", kind="wrong", words="x", lock="yes"
        )
        with services.database.reading() as session:
            stored = ledger.stored_wallet(session, member_id=member_id)
        assert stored is not None
        return status, text, stored.status

    for path, status, said in (
        (paths[1], 200, "You have told us about this already."),
        (paths[-1], 422, "Ten of your reports wait"),
    ):
        found = locked_by(path)
        assert (found[0], found[2]) == (status, "spend_locked")
        assert said in found[1]
        assert "Spending is locked." in found[1]
    assert locked_by(paths[0])[::2] == (404, "active")  # the entry is somebody else's
    # Whoever shares the line with one who tries for ever still says what is theirs.
    while send(client, "/give", action=f"{paths[1]}/claim")[0] != 429:
        pass
    neighbour = wallet.app.test_client()
    with services.database.unit_of_work() as session:
        entered = start_session(
            session, services.vault, member_id=other, wall=wall_now(), device=None
        )
    neighbour.set_cookie(COOKIE, entered.token)
    neighbour.set_cookie(wallet.app.config["PEYVAND_LANGUAGE_COOKIE"], "en")
    told = send(neighbour, "/give", action=f"{paths[0]}/claim", kind="wrong", words="x")
    assert (told[0], "We are looking into it" in told[1]) == (200, True)
