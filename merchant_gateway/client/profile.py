"""Where the command line finds the gateway and the key: options, environment, a profile file.

A profile file is TOML with a table per profile::

    [default]
    url = "https://gateway.example"
    key_id = "mk_live_…"
    key_file = "till.pem"          # beside this file, or absolute
    salt = false                   # only for a gateway from before salts
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_NAME = "default"
_FIELDS = ("url", "key_id", "key_file")


class ProfileError(Exception):
    """The profile file cannot be used, or something needed is said nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Which gateway, which key, the file that holds it, and whether members get a salt."""

    url: str
    key_id: str
    key_file: Path
    salt: bool = True


def default_file(environment: Mapping[str, str]) -> Path:
    """Return where the profile file is looked for."""
    if named := environment.get("PEYVAND_MERCHANT_PROFILES"):
        return Path(named)
    base = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "peyvand" / "merchant.toml"


def find_profile(
    *, given: Mapping[str, str | None], name: str | None, file: Path, file_named: bool
) -> Profile:
    """Return the profile from what was ``given`` (options, environment), else from ``file``.

    Raises ProfileError with one sentence that says what to do.
    """
    known: dict[str, Any] = {}
    if file.exists():
        known = _read(file, name or DEFAULT_NAME, required=name is not None)
    elif name is not None or file_named:
        raise ProfileError(f"There is no profile file {file}.")
    known |= {field: value for field, value in given.items() if value}
    missing = [field for field in _FIELDS if not known.get(field)]
    if missing:
        options = ", ".join(f"--{field.replace('_', '-')}" for field in missing)
        raise ProfileError(
            f"Say which gateway and key to use: {options} (or the variables "
            f"{', '.join(_variable(field) for field in missing)}, or {file}). No key yet? "
            "peyvand-merchant apply gets a test key, which opens a sandbox at once."
        )
    return Profile(
        url=known["url"],
        key_id=known["key_id"],
        key_file=Path(known["key_file"]).expanduser(),
        salt=known.get("salt", True),
    )


def has_profile(file: Path, name: str) -> bool:
    """Return whether a profile file has a profile; raise ProfileError where it cannot be read."""
    return file.exists() and bool(_read(file, name, required=False))


def write_profile(file: Path, name: str, profile: Profile) -> None:
    """Add a profile to a file, which is made where it is missing; only its owner may read it.

    Raises ProfileError where it cannot be written.
    """
    values = (profile.url, profile.key_id, str(profile.key_file))
    lines = [f"{field} = {json.dumps(value)}" for field, value in zip(_FIELDS, values, strict=True)]
    try:
        known = file.read_text(encoding="utf-8").rstrip() if file.exists() else ""
        file.touch(mode=0o600)
        blocks = [known, "\n".join([f"[{name}]", *lines])]
        file.write_text("\n\n".join(filter(None, blocks)) + "\n", encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"The profile file {file} cannot be written: {error}") from error


def _variable(field: str) -> str:
    return "PEYVAND_GATEWAY_URL" if field == "url" else f"PEYVAND_{field.upper()}"


def _read(file: Path, name: str, *, required: bool) -> dict[str, Any]:
    try:
        tables: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"The profile file {file} cannot be read: {error}") from error
    table = tables.get(name)
    if not isinstance(table, dict):
        if required:
            raise ProfileError(f"The profile file {file} has no profile [{name}].")
        return {}
    found: dict[str, Any] = {field: str(table[field]) for field in _FIELDS if field in table}
    if "salt" in table:
        if not isinstance(table["salt"], bool):
            raise ProfileError(f"In [{name}] of {file}, salt is true or false.")
        found["salt"] = table["salt"]
    if "key_file" in found:
        found["key_file"] = str(file.parent / Path(found["key_file"]).expanduser())
    return found
