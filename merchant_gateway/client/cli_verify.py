"""``peyvand-merchant verify``: a kept call judged by somebody who has no key of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import requests

from merchant_gateway.client import show
from merchant_gateway.client.errors import JournalError
from merchant_gateway.client.journal import read_journal
from merchant_gateway.client.transport import KEYS_PATH
from merchant_gateway.client.verifying import judge
from merchant_gateway.signing import Ed25519VerifyingKey, SigningError

MERCHANT_KEYS_PATH = "/.well-known/peyvand-merchant-keys"
_DOES_NOT_HOLD, _WRONG_USE, _NO_KEYS = 1, 2, 3
_FOUND = 200
_TIMEOUT = 20
_Keys = dict[str, Ed25519VerifyingKey]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--network", envvar="PEYVAND_GATEWAY_URL", help="Where both sides' keys stand.")
@click.option(
    "--keys",
    "key_sets",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with published keys (JWKS), of the network or of merchants; several may be named.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def verify(file: Path, *, network: str | None, key_sets: tuple[Path, ...], as_json: bool) -> None:
    """Say of every call in FILE whether the merchant asked and the network answered just this.

    FILE is a journal, or lines of one. No key of your own is needed, only published ones: those of
    --keys, else as --network publishes them. Old keys stay published. Exits with 1 where anything
    does not hold.
    """
    try:
        records = list(read_journal(file))
        given = [each for path in key_sets for each in _read(path)]
        ours = _keys(each for each in given if _answers(each))
        theirs = _keys(each for each in given if "purpose" not in each)
        if network is not None:
            wanted = {record.key_id for record in records} - theirs.keys()
            published = _published(network.rstrip("/"), wanted)
            ours, theirs = ours | published[0], theirs | published[1]
    except (JournalError, OSError, ValueError, SigningError, KeyError, TypeError) as error:
        click.echo(str(error), err=True)
        sys.exit(_WRONG_USE)
    except requests.RequestException as error:
        click.echo(f"the keys cannot be read: {type(error).__name__}", err=True)
        sys.exit(_NO_KEYS)
    # Apart: a merchant's key would otherwise pass for the network's, and its answer for ours.
    verdicts = [judge(each, network_keys=ours, merchant_keys=theirs) for each in records]
    shown = [each.as_json() for each in verdicts]
    if as_json:
        show.as_json(shown)
    else:
        show.table(shown, columns=("at", "call", "holds", "request", "answer"))
    if not verdicts or not all(each.holds for each in verdicts):
        sys.exit(_DOES_NOT_HOLD)


def _read(path: Path) -> Iterable[Mapping[str, Any]]:
    found = json.loads(path.read_bytes())
    keys: list[Mapping[str, Any]] = found.get("keys", [found])
    return keys


def _answers(jwk: Mapping[str, Any]) -> bool:
    """Return whether a published key is one by which the network signs answers."""
    return jwk.get("purpose") == "answers"


def _published(network: str, merchant_key_ids: Iterable[str]) -> tuple[_Keys, _Keys]:
    """Return the network's keys for answers, and those of merchants that are asked for."""
    answer = requests.get(network + KEYS_PATH, timeout=_TIMEOUT)
    answer.raise_for_status()
    ours = _keys(filter(_answers, answer.json()["keys"]))
    found: _Keys = {}
    for key_id in sorted(merchant_key_ids):
        answer = requests.get(
            f"{network}{MERCHANT_KEYS_PATH}/{quote(key_id, safe='')}.json", timeout=_TIMEOUT
        )
        if answer.status_code == _FOUND:
            found |= _keys([answer.json()])
    return ours, found


def _keys(jwks: Iterable[Mapping[str, Any]]) -> _Keys:
    return {str(jwk["kid"]): Ed25519VerifyingKey.from_jwk(jwk) for jwk in jwks}
