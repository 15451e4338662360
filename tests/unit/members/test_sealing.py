"""A member's data opens with that member's key for that field, and with nothing else."""

from __future__ import annotations

from uuid import UUID

import pytest

from network.members.queries import masked_name
from network.members.sealing import new_person_key, open_person_key
from network.vault import SealBrokenError, Vault

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_round_trip(vault: Vault) -> None:
    key, sealed_key = new_person_key(vault, member_id=ONE)
    sealed = key.seal("سارا".encode(), name="name")
    again = open_person_key(vault, member_id=ONE, sealed_key=sealed_key)
    assert again.open(sealed, name="name").decode() == "سارا"
    assert "سارا".encode() not in sealed


def test_a_value_moved_to_another_field_or_member_does_not_open(vault: Vault) -> None:
    key, sealed_key = new_person_key(vault, member_id=ONE)
    sealed = key.seal(b"Sara", name="name")
    with pytest.raises(SealBrokenError):
        key.open(sealed, name="phone")
    with pytest.raises(SealBrokenError):
        open_person_key(vault, member_id=OTHER, sealed_key=sealed_key)
    with pytest.raises(SealBrokenError):
        new_person_key(vault, member_id=ONE)[0].open(sealed, name="name")


def test_keys_do_not_show(vault: Vault) -> None:
    key, _ = new_person_key(vault, member_id=ONE)
    assert repr(key.key) not in repr(key)


@pytest.mark.parametrize(
    ("name", "masked"),
    [("Sara Ahmadi", "S••• A•••"), ("سارا احمدی", "س••• ا•••"), ("A", "A•••")],
)
def test_masked_names(name: str, masked: str) -> None:
    assert masked_name(name) == masked
