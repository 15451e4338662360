"""``peyvand-merchant verify``: a kept call or a statement, judged without a key of one's own."""

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
from merchant_gateway.client.statement_proof import (
    StatementProofError,
    check_statement,
    is_statement,
)
from merchant_gateway.client.transport import KEYS_PATH
from merchant_gateway.client.verifying import LIVE, TEST, judge
from merchant_gateway.signing import Ed25519VerifyingKey, SigningError

MERCHANT_KEYS_PATH = "/.well-known/peyvand-merchant-keys"
_SEALS = "seals"
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
@click.option(
    "--test", is_flag=True, help="FILE is of a sandbox; without this nothing signed there holds."
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
@click.pass_context
def verify(
    context: click.Context,
    file: Path,
    *,
    network: str | None,
    key_sets: tuple[Path, ...],
    test: bool,
    as_json: bool,
) -> None:
    """Say of every call in FILE whether the merchant asked and the network answered just this.

    FILE is a journal, lines of one, or a statement as JSON, which the network signs too. No key of
    your own is needed, only published ones: those of --keys, else as --network publishes them. Old
    keys stay published. A sandbox's keys stand in no public place: for a statement with --test
    those of --keys are taken, else your own test key asks for them. Exits with 1 where anything
    does not hold.
    """
    statement = _statement(file)
    if statement is not None:
        own = _sandbox_jwks(context) if test and not key_sets else []
        _judge_statement(
            statement, network=network, key_sets=key_sets, own=own, test=test, as_json=as_json
        )
        return
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
    environment = TEST if test else LIVE
    verdicts = [
        judge(each, network_keys=ours, merchant_keys=theirs, environment=environment)
        for each in records
    ]
    shown = [each.as_json() for each in verdicts]
    if as_json:
        show.as_json(shown)
    else:
        show.table(shown, columns=("at", "call", "environment", "holds", "request", "answer"))
    if not verdicts or not all(each.holds for each in verdicts):
        sys.exit(_DOES_NOT_HOLD)


def _statement(file: Path) -> Mapping[str, Any] | None:
    """Return the statement that a file is, ``None`` where it is something else."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return found if is_statement(found) else None


def _judge_statement(
    statement: Mapping[str, Any],
    *,
    network: str | None,
    key_sets: tuple[Path, ...],
    own: list[Mapping[str, Any]],
    test: bool,
    as_json: bool,
) -> None:
    """Say whether the network signed a statement as it stands; exit with 1 where it did not."""
    found: dict[str, object] = {}
    try:
        jwks = own + [each for path in key_sets for each in _read(path)]
        if network is not None and not test:  # a sandbox's keys are in no public place
            jwks += _network_jwks(network.rstrip("/"))
        wanted = TEST if test else LIVE
        seals = [
            each
            for each in jwks
            if each.get("purpose") == _SEALS and each.get("environment", LIVE) == wanted
        ]
        key_id = check_statement(statement, keys=_keys(seals))
        found = {
            "holds": True,
            "environment": wanted,
            "merchant": statement["merchant"],
            **statement["window"],
            "net": statement["totals"]["net"],
            "closing": statement["totals"]["closing"],
            "key": key_id,
        }
    except StatementProofError as error:
        found = {"holds": False, "reason": str(error)}
    except (OSError, ValueError, SigningError, KeyError, TypeError) as error:
        click.echo(str(error), err=True)
        sys.exit(_NO_KEYS if isinstance(error, requests.RequestException) else _WRONG_USE)
    if as_json:
        show.as_json(found)
    else:
        if test and found["holds"]:
            click.echo("TEST: from a sandbox, nothing in it is real.")
        show.table([found], columns=tuple(found))
    if not found["holds"]:
        sys.exit(_DOES_NOT_HOLD)


def _sandbox_jwks(context: click.Context) -> list[Mapping[str, Any]]:
    """Return the keys of one's own sandbox, as it tells them to a test key."""
    screen = context.obj()
    with screen.errors():
        return list(screen.client.sandbox.read().data["keys"])


def _network_jwks(network: str) -> list[Mapping[str, Any]]:
    """Return the network's published keys."""
    answer = requests.get(network + KEYS_PATH, timeout=_TIMEOUT)
    answer.raise_for_status()
    return list(answer.json()["keys"])


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
