"""``peyvand verify``: checks what the network signed, without asking the network."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from network.language import format_number
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.proofs.errors import ProofBrokenError
from network.proofs.judging import judge
from network.proofs.reasons import said_of
from network.signing.queries import LIVE

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
    """Check a proof of points, movements, a statement as JSON, or evidence; exit 1 if it fails.

    Asks nobody: the file and the network's published keys are all that is needed.
    """
    try:
        keys = _read(keys_file).get("keys", [])
        document = _read(file)
        found = judge(document, keys=keys)
    except ProofBrokenError as error:
        if as_json:
            click.echo(json.dumps({"verified": False, "reason": error.message}))
        else:
            click.echo(_("Not verified: %(reason)s", reason=said_of(error)), err=True)
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
    if found["kind"] == "movements":
        return _movements(found)
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


def _movements(found: Mapping[str, Any]) -> list[str]:
    said = found["said"]
    return [
        _("Verified: the network signed these movements."),
        *([_("It is of a sandbox: nothing in it is real.")] if _is_test(found) else []),
        _("Member: %(member)s", member=said["member"]),
        _("Business days from %(since)s, before %(until)s", **said),
        _(
            "%(opening)s points, %(movements)s movements, then %(closing)s points",
            **{name: format_number(said[name]) for name in ("opening", "movements", "closing")},
        ),
    ]


def _figures(found: Mapping[str, Any]) -> dict[str, str]:
    return {name: format_number(found[name]) for name in ("net", "closing")}


def _is_test(found: Mapping[str, Any]) -> bool:
    return bool(found["environment"] != LIVE)
