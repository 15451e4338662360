"""A backup as one file: a tar of ``database.dump`` and ``manifest.json``.

The dump is pg_dump's custom format, compressed. The manifest says what it is a dump of, with its
SHA-256, and carries a MAC (HMAC-SHA256 by a key derived from the master key), so that nobody
without that key makes or changes a backup unnoticed. The master key itself is not in the file.
"""

from __future__ import annotations

import hmac
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from config.backup.errors import BackupError, BrokenBackupError
from network.vault import Vault

FORMAT = "peyvand-backup"
VERSION = 1
DUMP = "database.dump"
MANIFEST = "manifest.json"
_MAC_PURPOSE = "backup-manifest"
_KEY_PURPOSE = "backup-master-key"
_BLOCK = 512
_CHUNK = 1 << 20
_LARGEST_MANIFEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself; ``facts`` is the whole of it, as JSON has it."""

    facts: dict[str, Any]

    @property
    def state(self) -> dict[str, Any]:
        """Return what the database held (``config.backup.state``)."""
        return dict(self.facts["state"])

    @property
    def tables(self) -> int:
        """Return how many tables the dump has rows of."""
        return int(self.facts["tables"])

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the dump, in hexadecimal."""
        return str(self.facts["files"][DUMP]["sha256"])


def write(path: Path, *, source: IO[bytes], facts: dict[str, Any], vault: Vault) -> Manifest:
    """Write the dump that ``source`` yields and its manifest to ``path``, as it grows.

    The dump's length is not known before its end, so its header is written last, in its place:
    nothing is stored twice.
    """
    with path.open("xb") as file:
        path.chmod(0o600)
        file.write(bytes(_BLOCK))
        digest, size = sha256(), 0
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        if size == 0:
            raise BackupError("pg_dump wrote nothing")
        file.write(bytes(-size % _BLOCK))
        kept = {
            "format": FORMAT,
            "format_version": VERSION,
            **facts,
            "files": {DUMP: {"bytes": size, "sha256": digest.hexdigest()}},
            "master_key_check": _key_check(vault),
        }
        manifest = {**kept, "mac": _mac(kept, vault)}
        _append(file, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
        file.seek(0)
        file.write(_header(DUMP, size, mtime=0))
        file.flush()
        os.fsync(file.fileno())
    return Manifest(facts=manifest)


def read_manifest(path: Path) -> Manifest:
    """Return what a backup says of itself; raise BrokenBackupError where it is none or not whole.

    Nothing is verified yet: see ``verify``.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            member = archive.getmember(MANIFEST)
            found = archive.extractfile(member)
            if member.size > _LARGEST_MANIFEST or found is None:
                raise BrokenBackupError("the backup's manifest cannot be read")
            facts = json.load(found)
    except FileNotFoundError as error:
        raise BrokenBackupError(f"there is no file {path}") from error
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise BrokenBackupError(f"{path} is not a whole backup") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise BrokenBackupError(f"{path} is not a backup of Peyvand")
    if facts.get("format_version") != VERSION:
        raise BrokenBackupError(f"{path} was written by a newer version of Peyvand")
    return Manifest(facts=facts)


def verify(path: Path, *, manifest: Manifest, vault: Vault) -> None:
    """Raise BrokenBackupError where key, manifest or dump are not those of the backup's making."""
    facts = dict(manifest.facts)
    mac = str(facts.pop("mac", ""))
    if not hmac.compare_digest(str(facts.get("master_key_check")), _key_check(vault)):
        raise BrokenBackupError(
            "the backup was made under another master key: without that key, what it seals "
            "cannot be read again"
        )
    if not hmac.compare_digest(mac, _mac(facts, vault)):
        raise BrokenBackupError("the backup's manifest was changed after it was made")
    digest = sha256()
    for chunk in dump(path):
        digest.update(chunk)
    if digest.hexdigest() != manifest.digest:
        raise BrokenBackupError("the backup's dump is not the one that its manifest names")


def dump(path: Path) -> Iterator[bytes]:
    """Yield the dump piece by piece; raise BrokenBackupError where the file ends too soon."""
    try:
        with tarfile.open(path, "r:") as archive:
            found = archive.extractfile(DUMP)
            while found is not None and (chunk := found.read(_CHUNK)):
                yield chunk
    except (OSError, tarfile.TarError, KeyError) as error:
        raise BrokenBackupError(f"{path} is not a whole backup") from error


def _mac(facts: dict[str, Any], vault: Vault) -> str:
    form = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return vault.blind_index(form, purpose=_MAC_PURPOSE).hex()


def _key_check(vault: Vault) -> str:
    return vault.blind_index(FORMAT, purpose=_KEY_PURPOSE).hex()


def _append(file: IO[bytes], content: bytes) -> None:
    """Write a last member and the two empty blocks that end a tar."""
    file.write(_header(MANIFEST, len(content), mtime=0))
    file.write(io.BytesIO(content).getvalue() + bytes(-len(content) % _BLOCK))
    file.write(bytes(2 * _BLOCK))


def _header(name: str, size: int, *, mtime: int) -> bytes:
    """Return a member's header; above 8 GiB its size stands in base 256, still in one block."""
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, mtime
    return member.tobuf(format=tarfile.GNU_FORMAT)
