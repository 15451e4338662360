"""The console's forms that move money or stop a merchant, over HTTP, by two people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from network.clearing import queries as clearing
from network.clearing.checking import check_code
from network.database.connection import Database
from network.ids import encode
from network.money import queries as money
from network.services import Services
from network.signing.queries import published_keys
from network.vault import Vault
from tests.fixtures.programme import Programme
from tests.integration.portal.desk import Page
from tests.integration.settlement.coalition import DAY, THIRD_DAY, Coalition
from tests.integration.settlement.defaulting import collection, unpaid
from tests.integration.settlement.office import Office, open_office
from tests.integration.settlement.pictures import settle
from tests.integration.settlement.test_aborting import stuck

COVER, FUND = "/merchants/grocer/cover", "/exposure/fund"


@pytest.fixture
def unpaid_coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition whose grocer will not pay the 8,185 that it owes."""
    return unpaid(owner_database, programme, vault)


@pytest.fixture
def office(services: Services) -> Iterator[Office]:
    """Yield two operators in front of the console."""
    with open_office(services) as made:
        yield made


def rows(page: Page) -> list[dict[str, str]]:
    assert page.answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(page.answer.content.decode("utf-8-sig"))))


def test_a_default_from_the_first_deposit_to_the_money_that_came_after_all(
    unpaid_coalition: Coalition, services: Services, office: Office
) -> None:
    settle(services, DAY)
    payment = encode("pay", collection(services, DAY).payment_id)
    office.agree(
        f"/settlement/payments/{payment}",
        f"/settlement/payments/{payment}/cancel",
        reason="The bank knows nothing",
    )
    wrong = office.clerk.fill(
        COVER, COVER, movement="received.deposit", amount="0", bank_ref="C 1", reason="x"
    )
    assert "Give an amount above zero." in wrong.text
    office.agree(
        COVER, COVER, movement="received.deposit", amount="1,000", bank_ref="C 1", reason="in"
    )
    again = office.clerk.fill(
        COVER, COVER, movement="received.reserve", amount="5", bank_ref="c 1", reason="again"
    )
    assert "one booking counts once" in again.text
    page = office.head.get(COVER)
    assert "Deposit 1,000 rials, pays first" in page.text
    assert "Owed, unpaid 8,185" in page.text

    office.agree(COVER, f"{COVER}/issuing", reason="It pays nobody")
    office.agree(COVER, f"{COVER}/points", reason="Nor will it")
    page = office.head.get(COVER)
    assert "Its points are suspended since" in page.text
    assert f'action="{COVER}/issuing"' not in page.answer.text
    office.agree(COVER, f"{COVER}/points", reason="It will")
    page = office.clerk.get(COVER)
    assert "Its points are suspended since" not in page.text
    # What pays next is offered where the waterfall stands, with as much as there is.
    assert "Propose to draw its deposit" in page.text
    assert 'name="movement" value="drawn.deposit"' in page.answer.text
    assert 'autocomplete="off" value="1000"' in page.answer.text
    office.agree(COVER, COVER, movement="drawn.deposit", amount="1000", bank_ref="", reason="owed")
    office.agree(FUND, FUND, act="allotted", amount="2000", reason="for defaults")
    office.agree(FUND, FUND, act="returned", amount="500", reason="too much")
    fund = office.head.get(FUND)
    assert "In the fund 1,500" in fund.text
    assert "Allotted to the fund, or returned" in fund.text
    office.agree(COVER, f"{COVER}/default", amount="1500", reason="the fund pays")
    proposed = office.clerk.fill(COVER, f"{COVER}/default", amount="5685", reason="they bear")
    # 141 is the network's margin; 5544 of 9900 and 5000.
    assert "The network 141" in proposed.text
    office.approve(COVER)
    page = office.head.get(COVER)
    for words in ("Borne by who took its points 5,544", "Network's margin 141", "fund 1,500"):
        assert words in page.text
    office.agree(
        COVER, f"{COVER}/recovered", source="bank", amount="5700", bank_ref="L 1", reason="it paid"
    )
    page = office.head.get(COVER)
    assert "Borne by who took its points" not in page.text
    assert "It is stopped, and owes nothing any more of settled windows." in page.text
    assert "fund 1,485" in page.text
    with services.database.reading() as session:
        held = money.balances(session, account="fund")
    assert list(held.values()) == [15]
    acts = office.head.get("/audit").text
    for act in ("Gave back what a merchant paid late", "Suspended a merchant's points"):
        assert act in acts


def test_a_window_that_can_not_go_on_is_aborted(
    coalition: Coalition, services: Services, owner_database: Database, office: Office
) -> None:
    coalition.play_two_days()
    coalition.programme.move(coalition.at(THIRD_DAY))
    window = encode("win", stuck(services, owner_database))
    path = f"/settlement/windows/{window}"
    silent = office.clerk.fill(path, f"{path}/abort", reason=" ")
    assert "Say why, in a sentence or two." in silent.text
    page = office.agree(path, f"{path}/abort", reason="Planted")
    assert "Approved, and done." in page.text
    assert "Abort this window" not in page.text
    gone = office.clerk.post(f"{path}/abort", silent.form(f"{path}/abort") | {"reason": "again"})
    assert "This window is aborted already." in gone.text
    found = rows(office.head.get("/settlement?format=csv"))
    assert [each["state"] for each in found if each["window"] == window] == ["aborted"]


def test_files_and_what_ids_lead_to(
    coalition: Coalition, services: Services, office: Office
) -> None:
    coalition.play_two_days()
    coalition.programme.move(coalition.at(THIRD_DAY))
    settle(services, DAY)
    with services.database.reading() as session:
        window = clearing.window_of(session, business_date=DAY)
        assert window is not None
        run = clearing.run(session, business_date=DAY)
        pool = clearing.pool(session, window=window)
        (key,) = [each for each in published_keys(session) if each["purpose"] == "seals"]
        statement = clearing.statements(session, window=window)[0]
        line, *_others = clearing.statement_lines(session, statement=statement)
        entry = services.entry_ids.encode(
            prefix="ent", member_id=line.member_id, sequence=line.sequence
        )
    assert run is not None
    assert run.control_totals is not None
    night = f"/settlement/nights/{DAY}"
    totals = rows(office.head.get(f"{night}?format=csv"))
    assert [(each["check"], int(each["rows"])) for each in totals] == [
        (each["name"], each["rows"]) for each in run.control_totals["checks"]
    ]
    path = f"/settlement/windows/{encode('win', window.window_id)}"
    assert len(rows(office.head.get(f"{path}/pool"))) == len(pool)

    assert f'href="/network-keys#key-{key["kid"]}"' in office.head.get(night).answer.text
    found = office.head.get(f"/search?q={key['kid']}")
    assert found.path.partition("#")[0] == "/network-keys"
    assert "Signs now" in found.text
    asked = office.head.get(f"/search?q={entry[:14]}")
    assert "Type the check code of the paper" in asked.text
    code = check_code(statement.digest)
    there = office.head.get(f"/search?q={entry[:14]}&paper={code}", follow=False)
    assert there.answer.headers["Location"].endswith(f"/entries/{entry}")
    nowhere = office.head.get(f"/search?q={entry[:14]}&paper=0000-0000-0000-0000")
    assert "No such entry stands on that paper" in nowhere.text
