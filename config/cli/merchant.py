"""``peyvand merchant``: what the console does for merchants, for an operator without a browser."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from config.cli.merchant_agreement import agreement
from config.cli.merchant_door import applications, approve, decline
from config.cli.merchant_people import invite
from config.cli.merchant_places import store, terminal
from config.cli.merchant_work import done, find, working
from config.cli.two_people import put_forward
from network import ids
from network.clock import local_date
from network.language import gettext as _
from network.ledger import queries as ledger
from network.merchants import keys as merchant_keys
from network.merchants import live_keys, queries, service
from network.merchants.public_keys import fingerprint, read_public_key
from network.merchants.queries import KeyView, MerchantView
from network.merchants.scopes import SCOPES
from network.money.today import open_business_day
from network.operators.proposals import PREFIX
from network.portal import alone
from network.settings import PROGRAMME_ZONE

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_CODE = click.argument("code")


@click.group()
def merchant() -> None:
    """Merchants: applications, keys, stores, suspension, exit."""


for command in (agreement, applications, approve, decline, invite, store, terminal):
    merchant.add_command(command)


@merchant.command("list")
@_JSON
def list_merchants(as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """List the merchants with their states."""
    with working("list") as work:
        found = queries.all_merchants(work.session)
    if as_json:
        click.echo(json.dumps([_facts(each) for each in found], ensure_ascii=False))
        return
    for each in found:
        click.echo(f"{each.code:<24} {each.status:<10} {each.name_en}  {each.name_fa}")


@merchant.command()
@_CODE
@_JSON
def show(code: str, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Show a merchant with its keys and stores."""
    with working("show") as work:
        found = find(work, code)
        facts = _facts(found) | {
            "keys": [
                _key_facts(each, work.now)
                for each in queries.keys(work.session, merchant_id=found.merchant_id)
            ],
            "stores": [
                {"code": each.code, "name": each.name_en, "closed": each.closed_at is not None}
                for each in queries.stores(work.session, merchant_id=found.merchant_id)
            ],
        }
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    click.echo(f"{found.code}  {found.name_en}  {found.name_fa}  ({found.status})")
    for key in facts["keys"]:
        used = key["last_used_on"] or _("never used")
        click.echo(f"  {key['key_id']}  {key['state']:<8} {used}  {', '.join(key['scopes'])}")
    for place in facts["stores"]:
        click.echo(f"  {place['code']:<24} {place['name']}{' ×' if place['closed'] else ''}")


@merchant.command()
@_CODE
@click.option("--name-fa", required=True, help="Name in Persian.")
@click.option("--name-en", required=True, help="Name in Latin letters.")
@click.option("--kind", default="retail", show_default=True, help="What it sells, as one word.")
def add(code: str, name_fa: str, name_en: str, kind: str) -> None:
    """Take a merchant in without an application.

    It stands as approved: next come its agreement and earning terms, then either a test key, a
    signed test call (peyvand-merchant ping) and a live key, or the portal alone (portal-only).
    """
    with working("add") as work:
        service.register_merchant(
            work.session,
            code=code,
            name_fa=name_fa,
            name_en=name_en,
            kind=kind,
            status="approved",
            now=work.programme_now,
        )
        work.record("merchant.added", code, {"name_en": name_en, "kind": kind})
    done(_("%(code)s is registered. Give it a test key next.", code=code))


@merchant.command("add-sponsor")
@_CODE
@click.option("--name-fa", required=True, help="Name in Persian.")
@click.option("--name-en", required=True, help="Name in Latin letters.")
def add_sponsor(code: str, name_fa: str, name_en: str) -> None:
    """Take a sponsor in: it pays for points of campaigns, and has no stores, tills or keys.

    Next comes its agreement; its fee is 0, because it takes no points.
    """
    with working("add-sponsor") as work:
        service.register_merchant(
            work.session,
            code=code,
            name_fa=name_fa,
            name_en=name_en,
            kind=queries.SPONSOR,
            now=work.programme_now,
        )
        work.record("sponsor.added", code, {"name_en": name_en})
    done(_("%(code)s is registered. Propose its agreement next.", code=code))


@merchant.command("portal-only")
@_CODE
def portal_only(code: str) -> None:
    """Let an approved merchant take part through the portal alone, without a key.

    Its agreement, its earning terms and a face value have to be in force. Invite its first
    administrator next.
    """
    with working("portal-only") as work:
        alone.admit(
            work.session,
            merchant_id=find(work, code).merchant_id,
            day=local_date(work.programme_now, zone=PROGRAMME_ZONE),
            now=work.now,
        )
        work.record("merchant.portal_alone", code, {})
    done(_("%(code)s takes part through the portal. Invite its first administrator.", code=code))


@merchant.group()
def key() -> None:
    """Keys of a merchant: add, list, revoke."""


@key.command("add")
@_CODE
@click.option("--environment", type=click.Choice(["test", "live"]), required=True)
@click.option(
    "--public-key",
    type=click.File("r"),
    help="File with an Ed25519 public key (PEM or base64); a shared secret is made without one.",
)
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="Repeatable.")
@click.option("--by", help="Who proposes a live key of who takes part: an operator's e-mail.")
@click.option("--approved-by", help="Who approves it, at once; else it waits.")
@click.option("--reason", default="", help="Why.")
@_JSON
def add_key(
    code: str,
    environment: str,
    public_key: Any,
    scopes: tuple[str, ...],
    by: str | None,
    approved_by: str | None,
    reason: str,
    as_json: bool,  # noqa: FBT001 - click hands flags in by name
) -> None:
    """Register a key. A live one needs approval and a signed test call.

    A live key of a merchant that takes part is the merchant's own public key, and takes two people.
    """
    raw = None if public_key is None else read_public_key(public_key.read())
    live = environment == merchant_keys.LIVE
    if live and by is not None:
        _propose_key(code, raw, scopes or SCOPES, by=by, approved_by=approved_by, reason=reason)
        return
    with working("key") as work:
        merchant = find(work, code)
        if live and merchant.status in {"active", "leaving"}:
            raise click.UsageError(_("It takes part: give --by, --approved-by and --reason."))
        made = service.issue_key(
            work.session,
            work.services.vault,
            merchant_id=merchant.merchant_id,
            environment=environment,
            public_key=raw,
            scopes=scopes or SCOPES,
            now=work.now,
        )
        work.record("key.registered", code, {"key": made.key_id, "scopes": list(made.scopes)})
    facts: dict[str, Any] = {"key_id": made.key_id, "algorithm": made.algorithm}
    if made.secret is not None:
        facts["secret"] = f"hmac:{made.secret.hex()}"
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(made.key_id)
    if made.secret is not None:
        click.echo(facts["secret"])
        click.echo(_("The secret is shown this once: it is the content of the key file."))


def _propose_key(
    code: str,
    public_key: bytes | None,
    scopes: tuple[str, ...],
    *,
    by: str,
    approved_by: str | None,
    reason: str,
) -> None:
    with working("key") as work:
        merchant_id = find(work, code).merchant_id
        proposal = put_forward(
            work,
            lambda proposer: live_keys.propose_key(
                work.session,
                merchant_id=merchant_id,
                public_key=public_key,
                scopes=scopes,
                reason=reason,
                by=proposer,
                now=work.now,
            ),
            by=by,
            approved_by=approved_by,
        )
    click.echo(ids.encode(PREFIX, proposal.proposal_id))
    if approved_by is None:
        done(_("Proposed. It takes effect once another person has approved it."))


@key.command("list")
@_CODE
@_JSON
def list_keys(code: str, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """List a merchant's keys with their last use."""
    with working("key") as work:
        found = queries.keys(work.session, merchant_id=find(work, code).merchant_id)
        rows = [_key_facts(each, work.now) for each in found]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        used = row["last_used_on"] or _("never used")
        click.echo(f"{row['key_id']}  {row['state']:<8} {used}  {', '.join(row['scopes'])}")


@key.command("revoke")
@_CODE
@click.argument("key_id")
def revoke(code: str, key_id: str) -> None:
    """Revoke a key: the very next call with it is refused."""
    with working("key") as work:
        merchant_keys.revoke_key(
            work.session, merchant_id=find(work, code).merchant_id, key_id=key_id, now=work.now
        )
        work.record("key.revoked", code, {"key": key_id})
    done(_("%(key)s is revoked.", key=key_id))


@merchant.command()
@_CODE
@click.option("--reason", required=True, help="Why, for the audit log.")
def suspend(code: str, reason: str) -> None:
    """Refuse every call of a merchant from now on; its points stay good at the others."""
    with working("suspend") as work:
        service.suspend(work.session, merchant_id=find(work, code).merchant_id)
        work.record("merchant.suspended", code, {"reason": reason})
    done(_("%(code)s is suspended.", code=code))


@merchant.command()
@_CODE
def resume(code: str) -> None:
    """Let a suspended merchant go on from where it was."""
    with working("resume") as work:
        service.resume(work.session, merchant_id=find(work, code).merchant_id)
        work.record("merchant.resumed", code, {})
    done(_("%(code)s goes on.", code=code))


@merchant.command("exit")
@_CODE
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="From this day on.")
@click.option("--complete", is_flag=True, help="End the exit: no point of it is out any more.")
def leave(code: str, day: datetime | None, complete: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Have a merchant leave. From the day on it neither gives nor takes points.

    Its points stay good at the others, refunds and settlements go on. With --complete the exit
    ends and every key is revoked.
    """
    if (day is None) == (not complete):
        raise click.UsageError(_("Give either --on DAY or --complete."))
    with working("exit") as work:
        merchant_id = find(work, code).merchant_id
        if day is not None:
            leaves_on = day.date()
            service.begin_exit(
                work.session,
                merchant_id=merchant_id,
                leaves_on=leaves_on,
                today=max(
                    open_business_day(work.session),
                    ledger.begun_day(work.session, now=work.programme_now),
                ),
            )
            work.record("merchant.leaving", code, {"leaves_on": leaves_on.isoformat()})
        else:
            today = ledger.open_day(work.session)
            service.complete_exit(work.session, merchant_id=merchant_id, today=today, now=work.now)
            work.record("merchant.left", code, {})
    done(_("Written down for %(code)s.", code=code))


def _facts(view: MerchantView) -> dict[str, Any]:
    return {
        "code": view.code,
        "name_fa": view.name_fa,
        "name_en": view.name_en,
        "kind": view.kind,
        "status": view.status,
        "leaves_on": None if view.leaves_on is None else view.leaves_on.isoformat(),
    }


def _key_facts(view: KeyView, wall: datetime) -> dict[str, Any]:
    return {
        "key_id": view.key_id,
        "environment": view.environment,
        "algorithm": view.algorithm,
        "fingerprint": None if view.public_key is None else fingerprint(view.public_key),
        "scopes": list(view.scopes),
        "state": view.state(wall),
        "last_used_on": None if view.last_used_on is None else view.last_used_on.isoformat(),
    }
