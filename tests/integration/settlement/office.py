"""The console over real HTTP, and operators who fill its forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from config.web import furnish
from network.clock import wall_now
from network.operators import service
from network.services import Services
from settlement.console.app import create_app
from tests.fixtures.serving import served
from tests.integration.portal.desk import PASSWORD, Clerk, Desk, Page, code_of


@dataclass(kw_only=True)
class Operator(Clerk):
    """An operator of the network, signed in with a browser of his own."""

    def sign_in(self, *, password: str = PASSWORD, code: str | None = None) -> Page:
        """Fill the form of the sign-in page and send it."""
        return self.get("/sign-in").send(
            "/sign-in", email=self.login, password=password, code=code or code_of(self.secret)
        )

    def fill(self, path: str, action: str, **fields: str) -> Page:
        """Send a form of a page with some fields filled; return the page that follows."""
        return self.get(path).send(action, **fields)


@dataclass(frozen=True, kw_only=True)
class Office:
    """Two people: who proposes, and who approves what waits on a page."""

    clerk: Operator
    head: Operator

    def agree(self, path: str, action: str, **fields: str) -> Page:
        """Have one propose by a form of a page and the other approve it there."""
        proposed = self.clerk.fill(path, action, **fields)
        assert "Proposed. It is done once another person has approved it." in proposed.text
        return self.approve(path)

    def approve(self, path: str) -> Page:
        """Approve the one thing that waits on a page."""
        page = self.head.get(path)
        action = page.answer.text.partition('action="/proposals/')[2].partition('"')[0]
        assert action.endswith("/approve"), page.text[:500]
        return page.send(f"/proposals/{action}")


@contextmanager
def open_office(services: Services) -> Iterator[Office]:
    """Yield two operators in front of the console."""
    app = furnish(create_app(services), services=services, money_unit="rial")
    with served(app) as url:
        # A place with an address is all that a browser needs of it.
        place = cast("Desk", _Place(url=url))
        clerk, head = (_seat(services, place, role) for role in ("operator", "approver"))
        yield Office(clerk=clerk, head=head)


@dataclass(frozen=True, kw_only=True)
class _Place:
    url: str


def _seat(services: Services, place: Desk, role: str) -> Operator:
    now = wall_now()
    with services.database.unit_of_work() as session:
        added = service.add_operator(
            session,
            vault=services.vault,
            now=now,
            email=f"{role}@example.org",
            name=f"The {role}",
            role=role,
            password=PASSWORD,
        )
        service.set_locale(session, now=now, operator=added.operator, locale="en")
    person = Operator(desk=place, login=added.operator.email, secret=added.totp_secret)
    assert person.sign_in().path == "/"
    return person
