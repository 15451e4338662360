"""``peyvand-merchant apply`` and ``profile``: from nothing to a key that signs."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from merchant_gateway.client import show
from merchant_gateway.client.applying import apply as send_application
from merchant_gateway.client.errors import (
    ArgumentError,
    KeyFileError,
    NotAGatewayError,
    ProblemError,
    UnreachableError,
)
from merchant_gateway.client.own_keys import write_new_key
from merchant_gateway.client.profile import (
    DEFAULT_NAME,
    Profile,
    ProfileError,
    default_file,
    find_profile,
    has_profile,
    write_profile,
)

KINDS = ("retail", "grocer", "restaurant", "pharmacy", "fashion", "travel", "online", "services")
_LOCAL = "http://127.0.0.1:8800"
_REFUSED, _NO_ANSWER = 1, 3


@click.command()
@click.option("--name-fa", required=True, help="The shop's name in Persian.")
@click.option("--name-en", required=True, help="The shop's name in Latin letters.")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What it sells.")
@click.option("--contact-name", required=True, help="Whom the network can talk to.")
@click.option("--contact-email", required=True)
@click.option("--contact-phone", required=True, help="In Latin digits.")
@click.option("--website", help="The whole address.")
@click.option("--message", help="What the network should know.")
@click.pass_context
def apply(context: click.Context, /, **facts: str | None) -> None:
    """Apply to a network and get a test key, which opens a sandbox at once.

    The key is made here, in a new file beside the profile file; a profile that uses it is written
    there too, so that the next command needs no options.
    """
    options = _options(context)
    url = options["url"] or _LOCAL
    name, file = options["profile"] or DEFAULT_NAME, _file(options)
    try:
        if has_profile(file, name):
            raise click.UsageError(
                f"There is a profile [{name}] in {file} already: name another with --profile."
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        key_file = file.parent / f"{name}.pem"
        key = write_new_key(key_file)
    except (ProfileError, KeyFileError, OSError) as error:
        raise click.UsageError(str(error)) from error
    try:
        answer = send_application(url, key=key, facts=facts, language=options["language"])
    except ProblemError as error:
        key_file.unlink()
        show.problem(error)
        sys.exit(_REFUSED)
    except ArgumentError as error:
        key_file.unlink()
        raise click.UsageError(str(error)) from error
    except NotAGatewayError as error:
        key_file.unlink()
        click.echo(str(error), err=True)
        sys.exit(_NO_ANSWER)
    except UnreachableError as error:
        click.echo(str(error), err=True)
        sys.exit(_NO_ANSWER)
    key_id = answer["key"]["key_id"]
    write_profile(file, name, Profile(url=url, key_id=key_id, key_file=key_file))
    if options["as_json"]:
        show.as_json(answer)
        return
    show.facts(
        {"application": answer["id"], "state": answer["state"], "key_id": key_id, "profile": name},
        language=options["language"],
    )


@click.command()
@click.pass_context
def profile(context: click.Context) -> None:
    """Print the profile in use as lines for a shell: eval "$(peyvand-merchant profile)"."""
    options = _options(context)
    try:
        found = find_profile(
            given={name: options[name] for name in ("url", "key_id", "key_file")},
            name=options["profile"],
            file=_file(options),
            file_named=options["profiles"] is not None,
        )
    except ProfileError as error:
        raise click.UsageError(str(error)) from error
    for name, value in (
        ("PEYVAND_GATEWAY_URL", found.url),
        ("PEYVAND_KEY_ID", found.key_id),
        ("PEYVAND_KEY_FILE", str(found.key_file)),
    ):
        click.echo(f"export {name}={shlex.quote(value)}")
    if not found.salt:
        click.echo("export PEYVAND_MERCHANT_SALT=false")


def _options(context: click.Context) -> dict[str, Any]:
    """Return the options that stand before the command."""
    return {} if context.parent is None else context.parent.params


def _file(options: dict[str, Any]) -> Path:
    named: Path | None = options["profiles"]
    return named or default_file(os.environ)
