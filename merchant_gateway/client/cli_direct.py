"""``peyvand-merchant direct``: payments between merchants, and whether they arrived."""

from __future__ import annotations

from itertools import islice

import click

from merchant_gateway.client import show

_COLUMNS = ("id", "business_date", "side", "partner", "amount", "reference", "state")


@click.command()
@click.argument("payment_id", required=False)
@click.option("--arrived", "said", flag_value="arrived", help="Say that it is on your account.")
@click.option("--missing", "said", flag_value="missing", help="Say that it is not.")
@click.option("--key", "idempotency_key", help="Idempotency key, to ask again.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.pass_context
def direct(
    context: click.Context,
    *,
    payment_id: str | None,
    said: str | None,
    idempotency_key: str | None,
    limit: int,
) -> None:
    """List payments between you and other merchants, read one, or say whether it arrived."""
    if said is not None and payment_id is None:
        raise click.UsageError("Name the payment that arrived, or did not.")
    screen = context.obj()
    with screen.errors():
        payments = screen.client.direct_payments
        if payment_id is None:
            rows = list(islice(payments.list(), limit))
        elif said is None:
            screen.answer(payments.read(payment_id))
        else:
            arrived = said == "arrived"
            screen.answer(
                payments.say(payment_id, arrived=arrived, idempotency_key=idempotency_key)
            )
    if payment_id is not None:
        return
    if screen.json:
        show.as_json(rows)
    else:
        show.table(
            ({**each, "partner": each["partner"]["code"]} for each in rows), columns=_COLUMNS
        )
