"""``peyvand-merchant keys``: the merchant's own keys from a terminal."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import click

from merchant_gateway.client import show
from merchant_gateway.client.errors import KeyFileError
from merchant_gateway.client.keys import load_key
from merchant_gateway.client.own_keys import write_new_key
from merchant_gateway.signing import Ed25519SigningKey, prove_possession

_COLUMNS = ("key_id", "state", "scopes", "created_at", "expires_at", "last_used_on")
_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_SCOPES = click.option("--scope", "scopes", multiple=True, help="What it opens; repeat.")


@click.group()
def keys() -> None:
    """Make, register, replace and revoke keys."""


@keys.command()
@_FILE
def new(file: Path) -> None:
    """Make a key in a new FILE; print its public half, to hand over. Asks no gateway."""
    try:
        made = write_new_key(file)
    except KeyFileError as error:
        raise click.UsageError(str(error)) from error
    click.echo(made.verifying_key().to_base64url())


@keys.command()
@_FILE
@click.option("--host", required=True, help="The portal's host, as its page shows it.")
@click.option("--signed-by", required=True, help="The id that stands on the page.")
def prove(file: Path, host: str, signed_by: str) -> None:
    """Print the proof of the key in FILE that the portal asks for. Asks no gateway."""
    proof = prove_possession(authority=host, key_id=signed_by, new_key=_key_of(file))
    click.echo(urlsafe_b64encode(proof).rstrip(b"=").decode("ascii"))


@keys.command("list")
@click.pass_context
def list_keys(context: click.Context) -> None:
    """List the keys of this environment with their last use."""
    screen = context.obj()
    with screen.errors():
        rows = list(screen.client.keys.list())
        if screen.json:
            show.as_json(rows)
            return
        show.table(rows, columns=_COLUMNS)


@keys.command()
@_FILE
@_SCOPES
@click.pass_context
def register(context: click.Context, *, file: Path, scopes: tuple[str, ...]) -> None:
    """Register the key in FILE beside those that are active; FILE is made where it is missing."""
    key = _key_of(file)
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.keys.register(key, scopes=scopes or None))


@keys.command()
@_FILE
@click.option("--overlap-days", type=click.IntRange(0, 30), help="7 where absent.")
@click.pass_context
def rotate(context: click.Context, *, file: Path, overlap_days: int | None) -> None:
    """Replace the key of this profile by the one in FILE, which is made where it is missing.

    The old key goes on for the overlap: put the new id and file into the profile meanwhile.
    """
    key = _key_of(file)
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.keys.rotate(key, overlap_days=overlap_days))


@keys.command()
@click.argument("key_id")
@click.pass_context
def revoke(context: click.Context, *, key_id: str) -> None:
    """Revoke a key at once; this cannot be taken back."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.keys.revoke(key_id))


def _key_of(file: Path) -> Ed25519SigningKey:
    try:
        key: Any = load_key(file) if file.exists() else write_new_key(file)
    except KeyFileError as error:
        raise click.UsageError(str(error)) from error
    if not isinstance(key, Ed25519SigningKey):
        raise click.UsageError("Only Ed25519 keys are registered this way.")
    return key
