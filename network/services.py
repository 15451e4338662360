"""What every process holds for as long as it lives, built once at its start."""

from __future__ import annotations

from dataclasses import dataclass

from network.database.connection import Database
from network.ids import EntryIds
from network.settings import Settings
from network.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Settings, the way to the database, the vault, and the sealer of public entry ids."""

    settings: Settings
    database: Database
    vault: Vault
    entry_ids: EntryIds

    @classmethod
    def from_settings(
        cls, settings: Settings, *, application_name: str, answer_seconds: float | None = None
    ) -> Services:
        """Build the services of one process; connects only when first used.

        ``answer_seconds`` is how long the database may say nothing.
        """
        vault = Vault(settings.master_key)
        return cls(
            settings=settings,
            database=Database(
                settings.database_url,
                application_name=application_name,
                answer_seconds=answer_seconds,
            ),
            vault=vault,
            entry_ids=EntryIds(vault),
        )
