"""``peyvand merchant applications|approve|decline``: who may come in."""

from __future__ import annotations

import json
from typing import Any

import click

from config.cli.merchant_work import done, working
from network import ids
from network.language import gettext as _
from network.merchants import applications as door
from network.merchants.applications import ApplicationView

_ID = click.argument("application_id")


@click.command()
@click.argument("application_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Decided ones too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def applications(application_id: str | None, everything: bool, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """List the applications that wait, or show one with its contact (which is audit-logged)."""
    with working("applications") as work:
        if application_id is None:
            state = None if everything else "waiting"
            found = door.applications(work.session, state=state)
        else:
            one = door.application(
                work.session,
                work.services.vault,
                application_id=ids.decode("app", application_id),
            )
            work.record("application.read", one.code, {"application": application_id})
            found = [one]
    rows = [_facts(each) for each in found]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['id']}  {row['state']:<9} {row['kind']:<11} {row['name_en']}")
        for name, value in row.get("contact", {}).items():
            click.echo(f"  {name}: {value}")


@click.command()
@_ID
@click.option("--code", required=True, help="The code to be known by, such as bostan-market.")
def approve(application_id: str, code: str) -> None:
    """Let an applicant in."""
    with working("approve") as work:
        door.approve(
            work.session,
            application_id=ids.decode("app", application_id),
            code=code,
            now=work.now,
            reviewed_by=None,
        )
        work.record("application.approved", code, {"application": application_id})
    done(_("%(code)s is approved. It needs an agreement and a live key.", code=code))


@click.command()
@_ID
@click.option("--reason", required=True, help="Why, in a sentence.")
def decline(application_id: str, reason: str) -> None:
    """Turn an applicant away: its keys are revoked, its contact is forgotten."""
    with working("decline") as work:
        key = ids.decode("app", application_id)
        code = door.application(work.session, work.services.vault, application_id=key).code
        door.decline(
            work.session,
            work.services.vault,
            application_id=key,
            reason=reason,
            now=work.now,
            reviewed_by=None,
        )
        work.record("application.declined", code, {"application": application_id})
    done(_("Declined."))


def _facts(view: ApplicationView) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": ids.encode("app", view.application_id),
        "state": view.state,
        "code": view.code,
        "name_fa": view.name_fa,
        "name_en": view.name_en,
        "kind": view.kind,
        "website": view.website,
        "applied_at": view.applied_at.isoformat(),
        "reason": view.reason,
    }
    if view.contact is not None:
        facts["contact"] = {
            "name": view.contact.name,
            "email": view.contact.email,
            "phone": view.contact.phone,
            "message": view.contact.message,
        }
    return facts
