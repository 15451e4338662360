"""``peyvand-merchant webhook``: endpoints from a terminal, and a receiver to try them with."""

from __future__ import annotations

import json
from typing import Any

import click

from merchant_gateway.client import show
from merchant_gateway.client.listening import Heard, listener
from merchant_gateway.client.webhooks import WebhookKeyError, check_key

_COLUMNS = ("id", "state", "url", "types")


@click.group()
def webhook() -> None:
    """Have events posted to an address of yours, and see how that goes."""


@webhook.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8900, show_default=True)
@click.option(
    "--secret",
    envvar="PEYVAND_WEBHOOK_SECRET",
    required=True,
    help="The endpoint's secret (whsec_…) or its public key (whpk_…).",
)
@click.option("--count", type=click.IntRange(1), help="Stop after so many requests.")
@click.pass_context
def listen(context: click.Context, *, host: str, port: int, secret: str, count: int | None) -> None:
    """Receive webhooks on this machine, verify each and print it as a line of JSON."""
    left = count

    def heard(request: Heard) -> None:
        nonlocal left
        if request.refused is not None:
            click.echo(f"refused: {request.refused}", err=True)
        else:
            click.echo(json.dumps(request.event, ensure_ascii=False, sort_keys=True))
        if left is not None:
            left -= 1

    try:
        check_key(secret)
        server = listener(host=host, port=port, key=secret, heard=heard)
    except (WebhookKeyError, OSError) as error:
        raise click.UsageError(str(error)) from error
    context.call_on_close(server.server_close)
    server.timeout = 0.5
    click.echo(f"Listening on http://{host}:{server.server_address[1]}/", err=True)
    try:
        while left is None or left > 0:
            server.handle_request()
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


@webhook.command("list")
@click.pass_context
def list_endpoints(context: click.Context) -> None:
    """Show where events are posted."""
    screen: Any = context.obj()
    with screen.errors():
        rows = screen.client.endpoints.list()
        if screen.json:
            show.as_json(rows)
        else:
            show.table(rows, columns=_COLUMNS)


@webhook.command()
@click.argument("url")
@click.option("--type", "types", multiple=True, help="Repeat per type; all where absent.")
@click.option("--description")
@click.option("--key", "idempotency_key", help="Idempotency key: repeat a call with its key.")
@click.pass_context
def add(context: click.Context, /, *, url: str, types: tuple[str, ...], **given: Any) -> None:
    """Have events posted to URL; prints the secret, which is shown once."""
    screen: Any = context.obj()
    with screen.errors():
        screen.answer(screen.client.endpoints.create(url, types=types or None, **given))


@webhook.command("show")
@click.argument("endpoint_id")
@click.pass_context
def show_endpoint(context: click.Context, *, endpoint_id: str) -> None:
    """Show one endpoint, its state and its public key."""
    screen: Any = context.obj()
    with screen.errors():
        screen.answer(screen.client.endpoints.read(endpoint_id))


@webhook.command()
@click.argument("endpoint_id")
@click.option("--url", help="Where events are posted from now on.")
@click.option("--type", "types", multiple=True, help="Repeat per type; these alone.")
@click.option("--description")
@click.option("--enable", "state", flag_value="enabled", help="Post to it again.")
@click.option("--disable", "state", flag_value="disabled", help="Post nothing to it.")
@click.pass_context
def change(context: click.Context, /, *, endpoint_id: str, types: Any, **given: Any) -> None:
    """Change an endpoint: its address, its types, whether anything is posted to it."""
    screen: Any = context.obj()
    with screen.errors():
        work = screen.client.endpoints
        screen.answer(work.change(endpoint_id, types=types or None, **given))


@webhook.command()
@click.argument("endpoint_id")
@click.pass_context
def remove(context: click.Context, *, endpoint_id: str) -> None:
    """Remove an endpoint with its keys at once; what waits for it is dropped."""
    screen: Any = context.obj()
    with screen.errors():
        screen.answer(screen.client.endpoints.delete(endpoint_id))


@webhook.command()
@click.argument("endpoint_id")
@click.option(
    "--overlap-hours", type=click.IntRange(0), help="So long the old keys sign too; 24 by itself."
)
@click.option("--key", "idempotency_key", help="Idempotency key: repeat a call with its key.")
@click.pass_context
def rotate(context: click.Context, /, *, endpoint_id: str, **given: Any) -> None:
    """Give an endpoint new keys; prints the new secret, which is shown once."""
    screen: Any = context.obj()
    with screen.errors():
        screen.answer(screen.client.endpoints.rotate_secret(endpoint_id, **given))


@webhook.command()
@click.argument("endpoint_id")
@click.pass_context
def test(context: click.Context, *, endpoint_id: str) -> None:
    """Send a test event to an endpoint."""
    screen: Any = context.obj()
    with screen.errors():
        screen.answer(screen.client.endpoints.test(endpoint_id))


@webhook.command()
@click.argument("endpoint_id")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@click.pass_context
def deliveries(context: click.Context, *, endpoint_id: str, limit: int) -> None:
    """Show what was posted to an endpoint, the newest first."""
    screen: Any = context.obj()
    with screen.errors():
        found = screen.client.endpoints.deliveries(endpoint_id)
        rows = [each for each, _ in zip(found, range(limit), strict=False)]
        if screen.json:
            show.as_json(rows)
        else:
            columns = ("sequence", "type", "state", "next_attempt_at", "attempts", "event")
            show.table(rows, columns=columns)


@webhook.command()
@click.argument("event_id")
@click.option("--endpoint", "endpoint_id", help="To this endpoint alone.")
@click.pass_context
def redeliver(context: click.Context, *, event_id: str, endpoint_id: str | None) -> None:
    """Deliver an event once more."""
    screen: Any = context.obj()
    with screen.errors():
        screen.answer(screen.client.endpoints.redeliver(event_id, endpoint_id=endpoint_id))


@click.command()
@click.option("--cursor", help="Those after this one: `next_cursor` of the page before.")
@click.pass_context
def events(context: click.Context, *, cursor: str | None) -> None:
    """Print a page of what happened, each event as a line of JSON, and where the next page begins.

    The cursor to go on with stands on standard error; no line means that nothing has happened yet.
    """
    screen: Any = context.obj()
    with screen.errors():
        page = screen.client.endpoints.events(cursor=cursor).data
    if screen.json:
        show.as_json(page)
        return
    for event in page["items"]:
        click.echo(json.dumps(event, ensure_ascii=False, sort_keys=True))
    click.echo(f"--cursor {page['next_cursor']}", err=True)
