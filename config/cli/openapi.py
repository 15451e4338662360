"""``peyvand openapi``: the gateway's OpenAPI 3.1 document."""

from __future__ import annotations

import json
import os

import click

from merchant_gateway.openapi import document

DEFAULT_SERVER = "http://127.0.0.1:8800"


@click.command()
def openapi() -> None:
    """Print the merchant gateway's OpenAPI 3.1 document."""
    server = os.environ.get("PEYVAND_GATEWAY_URL", DEFAULT_SERVER).rstrip("/")
    click.echo(json.dumps(document(server=server), ensure_ascii=False, indent=2))
