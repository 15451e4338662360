"""Family or company pool: made, joined by invitation and code, limited, left, and ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import select, text

from network import ids
from network.clock import wall_now
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.members.service import start_session
from network.operators.models import AuditLog
from tests.browser.conftest import Pages, fits_both_ways
from tests.browser.wallet.conftest import MEMBER_PHONE, Wallet
from tests.browser.wallet.test_doors import COOKIE
from tests.browser.wallet.test_give import newest_code, send

REZA, NEDA = "09127654321", "09123334455"


@dataclass(frozen=True, kw_only=True)
class Someone:
    """A member with a browser that reads English."""

    wallet: Wallet
    member_id: UUID
    client: FlaskClient

    @property
    def public_id(self) -> str:
        return ids.encode("mem", self.member_id)

    def home(self) -> UUID:
        with self.wallet.services.database.reading() as session:
            return shared_wallets.home(session, member_id=self.member_id)

    def available(self) -> int:
        with self.wallet.services.database.reading() as session:
            home = shared_wallets.home(session, member_id=self.member_id)
            found = ledger.stored_wallet(session, member_id=home)
        return 0 if found is None else found.available

    def send(self, at: str, *, to: str | None = None, **fields: str) -> tuple[int, str]:
        """Send a form of the page ``at``, to that page unless another is named."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(at).text)
        assert token is not None, at
        answer = self.client.post(
            to or at, data={"csrf_token": token[1], **fields}, follow_redirects=True
        )
        return answer.status_code, answer.text

    def confirm(self) -> tuple[int, str]:
        """Type the code of the newest message; the next can be asked for at once."""
        done = send(self.client, "/pool/confirm", code=newest_code(self.client))
        with self.wallet.coalition.owner.unit_of_work() as session:
            session.execute(
                text(
                    "UPDATE network.one_time_code "
                    "SET requested_at = requested_at - interval '1 day'"
                )
            )
        return done


def someone(wallet: Wallet, phone: str, name: str, *, purchase: int = 0) -> Someone:
    member_id = wallet.enrol(phone, name=name)
    if purchase:
        wallet.coalition.buy(member_id, "mahtab", amount=purchase, ago=timedelta(days=3))
    with wallet.services.database.unit_of_work() as session:
        entered = start_session(
            session, wallet.services.vault, member_id=member_id, wall=wall_now(), device=None
        )
    client = wallet.app.test_client()
    client.set_cookie(COOKIE, entered.token)
    client.set_cookie(wallet.app.config["PEYVAND_LANGUAGE_COOKIE"], "en")
    return Someone(wallet=wallet, member_id=member_id, client=client)


def invited(owner: Someone, phone: str, person: Someone) -> str:
    """Let the owner invite a person; return the invitation's page."""
    assert owner.send("/pool", to="/pool/invitations", phone=phone)[0] == 200
    assert owner.confirm()[0] == 200
    found = re.search(r"/pool/invitations/[0-9a-f-]{36}", person.client.get("/pool").text)
    assert found is not None
    return found[0]


def shared(wallet: Wallet) -> tuple[Someone, Someone]:
    """Return the owner of a family's pool, and a person who joined it."""
    sara = someone(wallet, MEMBER_PHONE, "Sara Rad", purchase=30_000_000)
    reza = someone(wallet, REZA, "Reza Rad", purchase=10_000_000)
    assert sara.send("/pool", kind="family")[0] == 200
    page = invited(sara, REZA, reza)
    assert reza.send(page, agreed="yes")[0] == 200
    assert reza.confirm()[0] == 200
    return sara, reza


def test_points_go_in_by_code_and_out_by_the_owners_code(wallet: Wallet) -> None:
    sara = someone(wallet, MEMBER_PHONE, "Sara Rad", purchase=30_000_000)
    reza = someone(wallet, REZA, "Reza Rad", purchase=10_000_000)
    brought, his = sara.available(), reza.available()
    assert sara.send("/pool", kind="family")[0] == 200
    assert sara.home() != sara.member_id
    page = invited(sara, REZA, reza)
    assert "invites you to a family" in reza.client.get("/pool").text
    status, said = reza.send(page)
    assert (status, "Tick the box" in said) == (422, True)
    assert reza.send(page, agreed="yes")[0] == 200
    assert reza.home() == reza.member_id  # not before the code
    status, said = reza.confirm()
    assert (status, "You share a wallet now" in said, "Sara Rad" in said) == (200, True, True)
    assert reza.home() == sara.home()
    assert sara.available() == brought + his
    # Neither what was before he came, nor another member's wallet.
    before = re.findall(r"/movements/(ent_\w+)", sara.client.get("/movements").text)
    assert reza.client.get(f"/movements/{before[-1]}").status_code == 404
    assert reza.client.get("/movements?wallet=own").text.count('class="movement"') >= 1
    # He asks for points, she agrees to fewer.
    status, said = reza.send("/pool/leave", points="100")
    assert (status, "The owner is asked" in said) == (200, True)
    assert "asks to take" in sara.client.get("/pool").text
    at = f"/pool/people/{reza.public_id}"
    assert sara.send(at, to=f"{at}/part", points="60")[0] == 200
    assert sara.confirm()[0] == 200
    assert (reza.home(), reza.available()) == (reza.member_id, 60)
    assert sara.available() == brought + his - 60
    status, said = sara.send("/pool", to="/pool/end")
    assert (status, "has ended" in said) == (200, True)
    assert (sara.home(), sara.available()) == (sara.member_id, brought + his - 60)
    with wallet.services.database.reading() as session:
        acts = list(session.scalars(select(AuditLog.action).order_by(AuditLog.sequence)))
    assert [act for act in acts if act.startswith("pool.")] == [
        "pool.made",
        "pool.invited",
        "pool.joined",
        "pool.parting_asked",
        "pool.left",
        "pool.ended",
    ]


def test_a_limit_a_lock_and_what_each_may_decide(wallet: Wallet) -> None:
    sara, reza = shared(wallet)
    at = f"/pool/people/{reza.public_id}"
    assert sara.send(at, to=f"{at}/limit", limit="50")[0] == 200
    assert sara.confirm()[0] == 200
    assert "at most 50" in reza.client.get("/pool").text
    # What only the owner may: he finds no such pages, and forged forms do nothing.
    assert reza.client.get(at).status_code == 404
    assert reza.client.get(f"/pool/people/{sara.public_id}").status_code == 404
    for path, fields in (
        (f"{at}/limit", {"limit": ""}),
        (f"{at}/part", {"points": "10"}),
        ("/pool/invitations", {"phone": NEDA}),
        ("/pool/end", {}),
    ):
        status, said = reza.send("/pool/leave", to=path, **fields)
        assert status in {404, 422} or "Only who made" in said, path
    someone(wallet, NEDA, "Neda")
    status, said = reza.send("/pool/leave", to="/give", phone=NEDA, points="5")
    assert (status, "only who made it can give" in said) == (422, True)
    reza.send("/code", to="/code/lock", locked="yes")
    assert "Spending is locked" in reza.client.get("/code").text
    assert "Spending is locked" not in sara.client.get("/code").text
    with wallet.services.database.reading() as session:
        stay = shared_wallets.stay(session, member_id=reza.member_id)
    assert stay is not None
    assert (stay.spend_limit, stay.locked) == (50, True)
    # She neither leaves nor ends it while he is in it.
    assert sara.client.get("/pool/leave").status_code == 404
    assert "Others are still in it" in sara.send("/pool", to="/pool/end")[1]
    assert reza.send("/pool/leave", points="0")[0] == 200
    assert reza.home() != reza.member_id  # not before the code
    status, said = reza.confirm()
    assert (status, "You left" in said) == (200, True)
    assert (reza.home(), reza.available()) == (reza.member_id, 0)


def test_an_invitation_is_for_its_phone_once_and_tells_nothing_of_strangers(
    wallet: Wallet,
) -> None:
    sara, reza = shared(wallet)
    neda = someone(wallet, NEDA, "Neda")
    said = sara.send("/pool", to="/pool/invitations", phone=MEMBER_PHONE)[1]
    assert "your own number" in said
    page = invited(sara, NEDA, neda)
    assert reza.client.get(page).status_code == 404
    shown = neda.client.get(page)
    assert shown.status_code == 200
    # A stranger's number looks the same to who invites.
    status, said = sara.send("/pool", to="/pool/invitations", phone="09350000000")
    assert status == 200
    status, said = sara.confirm()
    assert (status, "If somebody has this number" in said) == (200, True)
    withdraw = re.findall(r'action="(/pool/invitations/[0-9a-f-]+/withdraw)"', said)
    assert len(withdraw) == 2
    for path in withdraw:
        sara.send("/pool", to=path)
    assert neda.client.get(page).status_code == 404
    # The code of one act confirms no other.
    assert sara.send("/pool", to="/pool/invitations", phone=NEDA)[0] == 200
    with sara.client.session_transaction() as cookie:
        cookie["pool_act"] = {"kind": "part", "subject": str(reza.member_id), "points": 100}
    status, said = send(sara.client, "/pool/confirm", code=newest_code(sara.client))
    assert (status, "not the code we sent" in said) == (422, True)


def test_the_pages_fit_a_phone_without_script(wallet: Wallet, pages: Pages) -> None:
    sara, _ = shared(wallet)
    page = wallet.signed_in(pages, MEMBER_PHONE)
    for path in ("/pool", "/profile"):
        page.goto(f"{wallet.url}{path}")
        fits_both_ways(page)
    assert sara.available() > 0
