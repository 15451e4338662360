"""``peyvand-merchant enrol``: customers join at the till, from a terminal."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.option("--phone", required=True, help="The customer's mobile number.")
@click.option(
    "--consent",
    "consents",
    type=click.Choice(["membership", "offers", "research"]),
    multiple=True,
    help="What the customer said yes to; repeat. Membership alone where absent.",
)
@click.option("--name", help="As the customer says it.")
@click.option("--locale", type=click.Choice(["fa", "en"]), help="The customer's language.")
@click.option("--store", help="Code of the store.")
@click.option("--key", "idempotency_key", help="Idempotency key.")
@click.pass_context
def enrol(context: click.Context, /, *, consents: tuple[str, ...], **given: Any) -> None:
    """Ask a customer to join: a code goes to the phone, for the cashier."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.enrol(consents=consents or ("membership",), **given))


@click.command("confirm-enrolment")
@click.argument("enrolment_id")
@click.argument("code")
@click.option("--key", "idempotency_key", help="Idempotency key.")
@click.pass_context
def confirm_enrolment(
    context: click.Context, *, enrolment_id: str, code: str, idempotency_key: str | None
) -> None:
    """Let a customer join by the code that they tell."""
    screen = context.obj()
    with screen.errors():
        answer = screen.client.confirm_enrolment(
            enrolment_id, code=code, idempotency_key=idempotency_key
        )
        screen.answer(answer)


@click.command()
@click.argument("enrolment_id")
@click.pass_context
def enrolment(context: click.Context, *, enrolment_id: str) -> None:
    """Ask whether a customer has joined."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.enrolment(enrolment_id))


COMMANDS = (enrol, confirm_enrolment, enrolment)
