"""``peyvand-merchant``: every call of the gateway from a terminal.

Exit codes: 0 done, 1 refused by the gateway, 2 wrong use, 3 no answer that can be believed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any

import click

from merchant_gateway.client import (
    cli_apply,
    cli_keys,
    cli_members,
    cli_sandbox,
    cli_webhooks,
    show,
)
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.client.cli_again import resend
from merchant_gateway.client.cli_direct import direct
from merchant_gateway.client.cli_reconcile import dispute, disputes, reconcile, reconciliations
from merchant_gateway.client.cli_statements import replay, settlement, statement
from merchant_gateway.client.cli_trade import trade
from merchant_gateway.client.cli_verify import verify
from merchant_gateway.client.client import GatewayClient
from merchant_gateway.client.errors import (
    ArgumentError,
    KeyFileError,
)
from merchant_gateway.client.keys import load_key
from merchant_gateway.client.parameters import BasketLine, Moment, RefundLine
from merchant_gateway.client.profile import ProfileError, default_file, find_profile
from merchant_gateway.client.screen import REFUSED, Screen

WAITS = 202
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", envvar="PEYVAND_GATEWAY_URL", help="Address of the gateway.")
@click.option("--key-id", envvar="PEYVAND_KEY_ID", help="Id of the key, mk_live_… or mk_test_….")
@click.option("--key-file", envvar="PEYVAND_KEY_FILE", help="File with the private key (PEM).")
@click.option(
    "--profile", "profile", envvar="PEYVAND_MERCHANT_PROFILE", help="Profile in the profile file."
)
@click.option(
    "--profiles",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The profile file, instead of merchant.toml in the configuration directory.",
)
@click.option("--language", type=click.Choice(["fa", "en"]), default="en", show_default=True)
@click.option("--timeout", type=click.FloatRange(min=0.1), default=10.0, help="Seconds.")
@click.option("--attempts", type=click.IntRange(1, 20), default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print answers as JSON.")
@click.option(
    "--journal",
    envvar="PEYVAND_MERCHANT_JOURNAL",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep every signed answer that moved points in this file; replay reads it.",
)
@click.option(
    "--salt/--no-salt",
    default=None,
    envvar="PEYVAND_MERCHANT_SALT",
    help="Whether members get a salt, which a gateway from before salts refuses.",
)
@click.pass_context
def main(
    context: click.Context,
    *,
    url: str | None,
    key_id: str | None,
    key_file: str | None,
    profile: str | None,
    profiles: Path | None,
    language: str,
    timeout: float,
    attempts: int,
    as_json: bool,
    journal: Path | None,
    salt: bool | None,
) -> None:
    """Call the Peyvand merchant gateway: earn, redeem, refund, read."""

    def screen() -> Screen:
        try:
            found = find_profile(
                given={"url": url, "key_id": key_id, "key_file": key_file},
                name=profile,
                file=profiles or default_file(os.environ),
                file_named=profiles is not None,
            )
            client = GatewayClient(
                url=found.url,
                key_id=found.key_id,
                key=load_key(found.key_file),
                language=language,
                timeout_seconds=timeout,
                attempts=attempts,
                journal=journal,
                salt=found.salt if salt is None else salt,
            )
        except (ProfileError, KeyFileError, ArgumentError) as error:
            raise click.UsageError(str(error)) from error
        context.call_on_close(client.close)
        return Screen(client=client, json=as_json, language=language, journal=journal)

    context.obj = screen  # opened by the command that is called: help needs no gateway


for _each in (
    *(cli_apply.apply, cli_apply.profile, cli_sandbox.sandbox, cli_keys.keys),
    *(cli_webhooks.webhook, cli_webhooks.events, statement, settlement, replay, verify),
    *(reconcile, reconciliations, dispute, disputes),
    *(direct, trade, resend),
    *cli_members.COMMANDS,
):
    main.add_command(_each)
Command = Callable[..., None]


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


def _command(run: Command) -> Callable[..., Any]:
    """Hand the screen to a command, and print its errors."""

    @click.pass_context
    @wraps(run)
    def wrapped(context: click.Context, /, **given: Any) -> None:
        screen: Screen = context.obj()
        with screen.errors():
            run(screen, **given)

    return wrapped


_KEY = click.option(
    "--key",
    "idempotency_key",
    help="Idempotency key: the same command with the same key is done once.",
)
_MEMBER = _options(
    click.option("--phone", help="The member's mobile number (spends with --ask)."),
    click.option("--card", help="The member's card number (spends with --ask)."),
    click.option("--code", help="The code in the member's wallet (earns and spends)."),
    click.option("--token", help="A member token (spends with --ask)."),
)
_REF = click.option("--ref", "merchant_ref", required=True, help="Your own number for this.")
_WHEN = click.option(
    "--occurred-at",
    type=Moment(),
    help="When it happened, with its offset; when it arrives where absent.",
)
_PLACE = _options(
    click.option("--store", help="Code of the store."),
    click.option("--terminal", help="The till."),
    click.option("--receipt", help="Number on the receipt."),
    click.option("--channel", type=click.Choice(["in_store", "online", "app"])),
)
_LINES = click.option("--line", "lines", type=BasketLine(), multiple=True, help="Repeat per line.")
_AMOUNT = click.option("--amount", type=int, help="Rials.")
_POINTS = click.option("--points", type=int, help="Whole points.")
_PREVIEW = click.option(
    "--preview", is_flag=True, help="Say which points would move; leave nothing behind."
)
_LIMIT = click.option("--limit", type=click.IntRange(1), default=50, show_default=True)


def _member(given: dict[str, Any], *, required: bool = True) -> dict[str, str] | None:
    """Take the member's options out of ``given``."""
    named = {name: given.pop(name) for name in ("phone", "card", "code", "token")}
    found = {name: value for name, value in named.items() if value is not None}
    if len(found) > 1 or (required and not found):
        raise click.UsageError("Name the member by one of --phone, --card, --code, --token.")
    return found or None


@main.command()
@_command
def ping(screen: Screen) -> None:
    """Check the key, the signature and the clocks."""
    screen.answer(screen.client.ping())


@main.command()
@_MEMBER
@_KEY
@_command
def lookup(screen: Screen, *, idempotency_key: str | None, **given: Any) -> None:
    """Find a member and get a token for them."""
    member = _member(given) or {}
    screen.answer(screen.client.lookup(member=member, idempotency_key=idempotency_key))


@main.command()
@click.option("--amount", type=int, required=True, help="Rials paid in money.")
@_MEMBER
@_LINES
@_WHEN
@click.option("--store", help="Code of the store.")
@_KEY
@_command
def quote(screen: Screen, **given: Any) -> None:
    """Ask what a basket would earn, and why."""
    member = _member(given, required=False)
    screen.answer(screen.client.quote(member=member, **given))


@main.command()
@_MEMBER
@_REF
@click.option("--amount", type=int, required=True, help="Rials paid in money.")
@_LINES
@_WHEN
@_PLACE
@_KEY
@_command
def earn(screen: Screen, **given: Any) -> None:
    """Report a purchase that earns points."""
    member = _member(given) or {}
    screen.answer(screen.client.earn(member=member, **given))


@main.command()
@_MEMBER
@click.option("--ask", is_flag=True, help="Ask the member, where it is not the code that names.")
@click.option("--wait", is_flag=True, help="Ask, wait for the answer in the wallet, and spend.")
@click.option("--consent-code", help="The code that the member was sent.")
@_REF
@_POINTS
@_AMOUNT
@click.option("--capture", type=click.Choice(["auto", "manual"]), default="auto")
@click.option("--hold-minutes", type=click.IntRange(1), help="How long to hold; 15 by itself.")
@_WHEN
@_PLACE
@_KEY
@_command
def redeem(screen: Screen, *, ask: bool, wait: bool, **given: Any) -> None:
    """Spend a member's points by the code in the wallet, or ask the member (--ask, --wait)."""
    given["member"] = _member(given) or {}
    given["consent"] = "ask" if ask or wait else None
    given["idempotency_key"] = given["idempotency_key"] or new_idempotency_key()
    answer = screen.client.redeem(**given)
    if wait and answer.status == WAITS:
        screen.client.await_consent(answer.data["id"])
        answer = screen.client.redeem(**given)
    screen.answer(answer)


@main.command()
@click.argument("redemption_id")
@_POINTS
@click.option("--ref", "merchant_ref", help="Your own number for this.")
@_KEY
@_command
def capture(screen: Screen, *, redemption_id: str, **given: Any) -> None:
    """Take held points, all or some."""
    screen.answer(screen.client.capture(redemption_id, **given))


@main.command()
@click.argument("redemption_id")
@click.option("--ref", "merchant_ref", help="Your own number for this.")
@_KEY
@_command
def void(screen: Screen, *, redemption_id: str, **given: Any) -> None:
    """Give held points back."""
    screen.answer(screen.client.void(redemption_id, **given))


@main.command()
@_MEMBER
@_REF
@_KEY
@_command
def reverse(screen: Screen, **given: Any) -> None:
    """Undo, or bar, a redemption whose answer never came."""
    member = _member(given) or {}
    screen.answer(screen.client.reverse(member=member, **given))


@main.group()
def refund() -> None:
    """Take back what a purchase earned, or give spent points back."""


@refund.command("earn")
@click.argument("earning_id")
@_REF
@_AMOUNT
@click.option("--line", "lines", type=RefundLine(), multiple=True, help="Repeat per line.")
@_WHEN
@_PREVIEW
@_KEY
@_command
def refund_earn(screen: Screen, *, earning_id: str, **given: Any) -> None:
    """Report that money of an earning purchase went back."""
    screen.answer(screen.client.refund_earning(earning_id, **given))


@refund.command("redeem")
@click.argument("redemption_id")
@_REF
@_POINTS
@_AMOUNT
@_WHEN
@_PREVIEW
@_KEY
@_command
def refund_redeem(screen: Screen, *, redemption_id: str, **given: Any) -> None:
    """Give spent points back to the member."""
    screen.answer(screen.client.refund_redemption(redemption_id, **given))


@main.command()
@click.argument("redemption_id")
@_command
def redemption(screen: Screen, *, redemption_id: str) -> None:
    """Ask what became of a redemption."""
    screen.answer(screen.client.redemption(redemption_id))


@main.command()
@click.argument("entry_id", required=False)
@click.option("--since", type=_DAY, help="Business days from this one on.")
@click.option("--until", type=_DAY, help="Business days before this one.")
@_LIMIT
@_command
def transactions(
    screen: Screen,
    *,
    entry_id: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> None:
    """List the merchant's entries, or show one with its explanation."""
    if entry_id is not None:
        screen.answer(screen.client.transaction(entry_id))
        return
    found = screen.client.transactions(
        since=None if since is None else since.date(),
        until=None if until is None else until.date(),
    )
    rows = list(islice(found, limit))
    if screen.json:
        show.as_json(rows)
        return
    show.table(rows, columns=("business_date", "kind", "points", "amount", "merchant_ref", "id"))


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
@_command
def batch(screen: Screen, *, file: Path, quiet: bool) -> None:
    """Send a file of JSON lines; print the result of each line, in order.

    The same file sent again does nothing twice. Exits with 1 where a line was refused.
    """
    refused = False
    told = (lambda _: None) if quiet else show.Ticker()
    for result in screen.client.batches.run_file(file, progress=told):
        refused |= result["status"] == "refused"
        click.echo(json.dumps(result, ensure_ascii=False, sort_keys=True))
    if refused:
        sys.exit(REFUSED)
