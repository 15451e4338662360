"""Every page of the console says who may open it."""

from __future__ import annotations

import pytest

from config.web import access, furnish
from network.operators.roles import ROLES
from network.services import Services
from network.settings import Settings
from settlement.console.app import create_app

PUBLIC = {
    "signing.sign_in",
    "signing.enter",
    "signing.enter_by_passkey",
    "recovering.show",
    "recovering.begin",
    "recovering.complete",
    "favicon",
}
CHANGING = {
    "agreements.propose": "operator",
    "sponsors.add": "operator",
    "agreements.approve": "approver",
    "agreements.withdraw": "operator",
    "applications.approve": "operator",
    "applications.decline": "operator",
    "managing.add_key": "operator",
    "managing.revoke_key": "operator",
    "managing.add_store": "operator",
    "managing.rename_store": "operator",
    "managing.close_store": "operator",
    "managing.add_terminal": "operator",
    "managing.rename_terminal": "operator",
    "managing.close_terminal": "operator",
    "managing.suspend": "operator",
    "managing.resume": "approver",
    "managing.admit_to_portal": "approver",
    "managing.begin_exit": "approver",
    "managing.complete_exit": "approver",
    "programme.propose_face_value": "operator",
    "programme.propose_terms": "operator",
    "programme.propose_tier": "operator",
    "programme.propose_tap_limit": "operator",
    "claims.answer": "operator",
    "questions.take": "operator",
    "questions.answer": "operator",
    "questions.set_contact": "administrator",
    "freezing.begin": "operator",
    "freezing.end": "approver",
    "merging.look": "operator",
    "merging.propose": "operator",
    "adjusting.propose": "operator",
    "adjusting.approve": "approver",
    "adjusting.decline": "operator",
    "cancelling.propose": "operator",
    "campaigns.propose": "operator",
    "campaigns.approve": "approver",
    "campaigns.change": "approver",
    "breaks.comment": "operator",
    "breaks.resolve": "operator",
    "breaks.resolve_several": "operator",
    "disputes.create": "operator",
    "disputes.decide": "operator",
    "disputes.say": "operator",
    "reconciliation.again": "operator",
    "reconciliation.decide": "approver",
    "reconciliation.upload": "operator",
    "reconciliation.withdraw": "operator",
    "entries.export": "operator",
    "entries.reveal": "operator",
    "jobs.send_again": "operator",
    "jobs.retry": "operator",
    "cover.issuing": "operator",
    "cover.default": "operator",
    "cover.points": "operator",
    "findings.again": "operator",
    "cover.recovered": "operator",
    "exposure.move_fund": "operator",
    "direct.answer": "operator",
    "direct.change_mode": "operator",
    "cover.propose": "operator",
    "payments.cancel": "operator",
    "proposals.approve": "approver",
    "proposals.decline": "operator",
    "payments.approve": "approver",
    "payments.propose": "operator",
    "payments.withdraw": "operator",
    "payments.take": "operator",
    "members.find": "operator",
    "operators.add": "administrator",
    "operators.change_role": "administrator",
    "operators.change_state": "administrator",
    "operators.confirm": "administrator",
    "operators.end_session": "administrator",
    "operators.recover": "administrator",
    "profile.add_passkey": "viewer",
    "portal.invite": "operator",
    "portal.let_in": "operator",
    "profile.end_session": "viewer",
    "profile.language": "viewer",
    "profile.notices": "viewer",
    "profile.remove_passkey": "viewer",
    "recovering.begin": "public",
    "recovering.complete": "public",
    "webhooks.change_state": "operator",
    "webhooks.redeliver": "operator",
    "windows.abort_it": "operator",
    "sandboxes.reset": "operator",
    "signing.enter": "public",
    "signing.enter_by_passkey": "public",
    "signing.leave": "viewer",
    "tiers.change": "operator",
}


@pytest.fixture(scope="module")
def services() -> Services:
    """Return services that are never connected: routes are looked at, not called."""
    settings = Settings(
        database_url="postgresql+psycopg://nobody@localhost/nothing",
        redis_url="redis://localhost/0",
        master_key=bytes(32),
    )
    return Services.from_settings(settings, application_name="test")


def test_every_route_has_a_role_or_is_on_the_public_list(services: Services) -> None:
    app = furnish(create_app(services), services=services)
    marked = {
        rule.endpoint: access.needed(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
    }
    for outside in access.OUTSIDE_VIEWS:
        assert marked.pop(outside) is None
    assert {name for name, role in marked.items() if role == access.OPEN} == PUBLIC
    assert {name for name, role in marked.items() if role not in {*ROLES, access.OPEN}} == set()


def test_what_changes_something_is_posted_and_known(services: Services) -> None:
    app = furnish(create_app(services), services=services)
    posted = {
        rule.endpoint: access.needed(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    }
    assert posted == CHANGING


def test_a_view_without_a_role_opens_for_nobody(services: Services) -> None:
    app = create_app(services)

    @app.get("/forgotten")
    def forgotten() -> str:
        return "open"

    answer = app.test_client().get("/forgotten")
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in")
