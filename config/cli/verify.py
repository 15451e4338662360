"""``peyvand verify``: checks what the network signed, without asking the network."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from network.clearing.checking import check_code
from network.clearing.signed_statements import check_statement
from network.language import format_number
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.ledger.seal import signed_message
from network.proofs import tokens
from network.proofs.errors import ProofBrokenError
from network.proofs.verify import is_proof
from network.proofs.verify import verify as verify_proof
from network.reconciliation.evidence_file import check_file, is_evidence
from network.signing.queries import LIVE, environment_of

_LARGEST = 64 * 1024 * 1024


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--keys",
    "keys_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The network's published keys, saved from /.well-known/peyvand-keys.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(file: Path, keys_file: Path, *, as_json: bool) -> None:
    """Check a proof of points, a statement as JSON, or an entry's evidence; exit 1 if it fails.

    Asks nobody: the file and the network's published keys are all that is needed.
    """
    try:
        keys = _read(keys_file).get("keys", [])
        document = _read(file)
        found = _found(document, keys)
    except ProofBrokenError as error:
        if as_json:
            click.echo(json.dumps({"verified": False, "reason": error.message}))
        else:
            click.echo(_("Not verified: %(reason)s", reason=error.message), err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps({"verified": True, **found}, indent=1))
        return
    for line in _words(found):
        click.echo(line)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise ProofBrokenError(f"{path.name} is too large")
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ProofBrokenError(f"{path.name} cannot be read as JSON") from error
    if not isinstance(value, dict):
        raise ProofBrokenError(f"{path.name} is no object of JSON")
    return value


def _found(document: Mapping[str, Any], keys: list[dict[str, str]]) -> dict[str, Any]:
    if is_evidence(document):
        return _evidence(document, keys)
    return _proof(document, keys) if is_proof(document) else _statement(document, keys)


def _evidence(document: Mapping[str, Any], keys: list[dict[str, str]]) -> dict[str, Any]:
    said, finding = check_file(document, keys=keys)
    return {
        "kind": "evidence",
        "answer": json.loads(said),
        "request": "none" if finding is None else finding.value,
        "key": None if document["request"] is None else document["request"]["key_id"],
        "environment": environment_of(keys, key_id=document["answer"]["key_id"]),
    }


def _proof(document: Mapping[str, Any], keys: list[dict[str, str]]) -> dict[str, Any]:
    found = verify_proof(document, keys=keys)
    return {
        "kind": "points",
        "business_date": found.business_date.isoformat(),
        "member": found.member,
        "points": found.points,
        "total": found.total,
        "leaves": found.leaves,
        "root": found.root.hex(),
        "seal": found.seal.hex(),
        "key": found.key_id,
        "environment": environment_of(keys, key_id=found.key_id),
    }


def _statement(document: Mapping[str, Any], keys: list[dict[str, str]]) -> dict[str, Any]:
    """Return what a merchant's statement says once digest, signature and seal hold."""
    try:
        key_id, seal = check_statement(document, keys=keys), document["seal"]
        _check_seal(seal, keys)
        digest = bytes.fromhex(document["digest"].partition(":")[2])
        return {
            "kind": "statement",
            "merchant": document["merchant"],
            "window": document["window"]["id"],
            "net": document["totals"]["net"],
            "closing": document["totals"]["closing"],
            "digest": digest.hex(),
            "code": check_code(digest),
            "seal": seal["head"],
            "key": key_id,
            "environment": environment_of(keys, key_id=key_id),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ProofBrokenError("this is neither a proof of points nor a statement") from error


def _check_seal(seal: Mapping[str, Any], keys: list[dict[str, str]]) -> None:
    """Check the network's signature under the head of the window's last day."""
    x = next(
        (
            each["x"]
            for each in keys
            if each["kid"] == seal["key"] and each.get("purpose") == tokens.PURPOSE
        ),
        None,
    )
    if x is None:
        raise ProofBrokenError("none of these keys signed the seal")
    day = date.fromisoformat(seal["business_date"])
    message = signed_message(business_date=day, head=bytes.fromhex(seal["head"]))
    try:
        Ed25519PublicKey.from_public_bytes(_base64url(x)).verify(
            _base64url(seal["signature"]), message
        )
    except InvalidSignature as error:
        raise ProofBrokenError("the seal's signature does not hold") from error


_REQUESTS = {
    "signed": _l("The network says that this request, signed with the key %(key)s, asked for it."),
    "attested": _l("The network attests who asked for it in the portal."),
    "unknown_key": _l("The request was signed with a shared secret, which proves nothing here."),
    "erased": _l(
        "The network says that this request, signed with the key %(key)s, asked for it. The person "
        "whom it named was erased, so its body cannot be compared with the digest that was signed."
    ),
    "none": _l("No request is kept for this entry."),
}


def _words(found: Mapping[str, Any]) -> list[str]:
    if found["kind"] == "evidence":
        answer = found["answer"]
        return [
            _("Verified: the network signed this answer."),
            *([_("It is of a sandbox: nothing in it is real.")] if _is_test(found) else []),
            _("Entry: %(entry)s", entry=answer["entry"]),
            _("Points: %(points)s", points=format_number(answer["points"])),
            str(_REQUESTS[found["request"]]) % {"key": found["key"]},
        ]
    if found["kind"] == "statement":
        return [
            _("Verified: the network signed this statement for %(merchant)s.", **found),
            *([_("It is of a sandbox: nothing in it is real.")] if _is_test(found) else []),
            _("Net %(net)s, closing balance %(closing)s", **_figures(found)),
            _("Check code: %(code)s", code=found["code"]),
        ]
    return [
        _("Verified: these points are part of the total that the network signed."),
        *([_("It is of a sandbox: nothing in it is real.")] if _is_test(found) else []),
        _(
            "%(points)s of %(total)s points",
            points=format_number(found["points"]),
            total=format_number(found["total"]),
        ),
        _("Member: %(member)s", member=found["member"]),
        _("Business day: %(day)s", day=found["business_date"]),
        _("Root: %(root)s", root=found["root"]),
        _("Compare the root with the one that everybody sees at /.well-known/peyvand-points.json."),
    ]


def _figures(found: Mapping[str, Any]) -> dict[str, str]:
    return {name: format_number(found[name]) for name in ("net", "closing")}


def _is_test(found: Mapping[str, Any]) -> bool:
    return bool(found["environment"] != LIVE)


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
