"""``peyvand-merchant sandbox``: members, time and nights of the sandbox from a terminal."""

from __future__ import annotations

from typing import Any, Literal

import click

from merchant_gateway.client import show as show_rows

_MEMBER = click.argument("member")


@click.group()
def sandbox() -> None:
    """Make up members, let days pass and settle them (test keys only).

    MEMBER is the member's id or their mobile number.
    """


@sandbox.command()
@click.pass_context
def show(context: click.Context) -> None:
    """Show the sandbox's time, its business day and the partner's code."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.sandbox.read())


@sandbox.command()
@click.option("--name", help="A name; a numbered one where absent.")
@click.option("--locale", type=click.Choice(["fa", "en"]), help="The member's language.")
@click.option("--points", type=click.IntRange(0), help="Points of the partner; 1,000 where absent.")
@click.option("--tier", help="Code of the member's tier, for campaigns that are for one.")
@click.pass_context
def member(context: click.Context, /, **given: Any) -> None:
    """Make up a member: a phone, a card, points of the partner, and a code that spends."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.sandbox.member(**given))


@sandbox.command()
@_MEMBER
@click.pass_context
def points(context: click.Context, *, member: str) -> None:
    """Show a made-up member's points."""
    screen = context.obj()
    with screen.errors():
        found = screen.client.sandbox.find(member)
        screen.answer(screen.client.sandbox.read_member(found))


@sandbox.command()
@_MEMBER
@click.option("--limit", type=click.IntRange(0), help="Points it may spend; 0: it only earns.")
@click.option("--plain", is_flag=True, help="Print the code alone, for another command.")
@click.pass_context
def code(context: click.Context, *, member: str, limit: int | None, plain: bool) -> None:
    """Get the code that the member's wallet shows now; it spends once."""
    screen = context.obj()
    with screen.errors():
        found = screen.client.sandbox.find(member)
        answer = screen.client.sandbox.code(found, limit=limit)
        if plain:
            click.echo(answer.data["code"])
        else:
            screen.answer(answer)


@sandbox.command()
@_MEMBER
@click.option("--points", type=click.IntRange(1), required=True, help="Whole points.")
@click.pass_context
def spend(context: click.Context, *, member: str, points: int) -> None:
    """Have a member spend points at the partner; for yours you owe the partner."""
    screen = context.obj()
    with screen.errors():
        found = screen.client.sandbox.find(member)
        screen.answer(screen.client.sandbox.spend_at_partner(found, points=points))


@sandbox.command()
@click.argument("request_id")
@click.argument("said", type=click.Choice(["yes", "no"]))
@click.pass_context
def answer(context: click.Context, *, request_id: str, said: Literal["yes", "no"]) -> None:
    """Answer in the stead of a made-up member who was asked for points."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.sandbox.answer(request_id, answer=said))


@sandbox.command()
@click.pass_context
def messages(context: click.Context) -> None:
    """Show the messages that made-up people got, the newest first."""
    screen = context.obj()
    with screen.errors():
        found = screen.client.sandbox.messages()
        if screen.json:
            show_rows.as_json(found)
            return
        for each in found:
            click.echo(f"{each['sent_at']}  {each['phone']}\n{each['text']}\n")


@sandbox.command()
@click.option("--days", type=click.IntRange(1, 366), required=True, help="Days to let pass.")
@click.pass_context
def clock(context: click.Context, *, days: int) -> None:
    """Let days pass: points become available, others expire."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.sandbox.move_clock(days=days))


@sandbox.command()
@click.pass_context
def settle(context: click.Context) -> None:
    """End the business day and settle it, and every day before it."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.sandbox.settle())


@sandbox.command()
@click.pass_context
def reset(context: click.Context) -> None:
    """Drop everything in the sandbox and begin with a fresh one."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.sandbox.reset())
