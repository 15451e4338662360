"""Public ids open only to what they were sealed from; sealed values only for their purpose."""

from __future__ import annotations

import base64
import os
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.ids import EntryIds, EntryKey, UnknownIdError, decode, encode, uuid7
from network.vault import SealBrokenError, Vault

VAULT = Vault(bytes(range(32)))
IDS = EntryIds(VAULT)


@given(st.uuids(), st.integers(1, 2**40 - 1))
def test_an_entry_id_opens_to_its_entry(member_id: UUID, sequence: int) -> None:
    text = IDS.encode(prefix="ent", member_id=member_id, sequence=sequence)
    assert IDS.decode(text, prefix="ent") == EntryKey(member_id, sequence)
    assert len(text) == 64
    assert member_id.hex not in text


@given(st.uuids(), st.integers(1, 2**40 - 1))
def test_ids_are_written_in_base32(member_id: UUID, sequence: int) -> None:
    standard = base64.b32encode(member_id.bytes).decode().rstrip("=").lower()
    assert encode("mem", member_id) == f"mem_{standard}"
    text = IDS.encode(prefix="ent", member_id=member_id, sequence=sequence)
    raw = base64.b32decode(text[4:].upper() + "====")
    assert base64.b32encode(raw).decode().rstrip("=").lower() == text[4:]


@given(st.uuids(), st.integers(1, 2**40 - 1), st.integers(4, 63), st.sampled_from("abcdefgh234567"))
def test_a_changed_entry_id_does_not_open(
    member_id: UUID, sequence: int, position: int, character: str
) -> None:
    text = IDS.encode(prefix="ent", member_id=member_id, sequence=sequence)
    changed = text[:position] + character + text[position + 1 :]
    if changed == text:
        return
    with pytest.raises(UnknownIdError):
        IDS.decode(changed, prefix="ent", field="id")


@pytest.mark.parametrize(
    "text", ["", "ent", "ent_", "ern_abc", "ent_" + "a" * 500, "ent_پیوند", "ent_a=", "ent_ABC"]
)
def test_a_malformed_entry_id_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnknownIdError) as caught:
        IDS.decode(text, prefix="ent", field="id")
    assert caught.value.field == "id"


def test_another_network_s_id_does_not_open() -> None:
    other = EntryIds(Vault(b"x" * 32)).encode(prefix="ent", member_id=uuid7(), sequence=1)
    with pytest.raises(UnknownIdError):
        IDS.decode(other, prefix="ent")


@given(st.uuids())
def test_a_uuid_has_one_written_form(identifier: UUID) -> None:
    text = encode("mer", identifier)
    assert decode("mer", text) == identifier
    with pytest.raises(UnknownIdError):
        decode("mer", text.upper())
    with pytest.raises(UnknownIdError):
        decode("mem", text)


def test_version_seven_ids_rise_with_time() -> None:
    first = uuid7()
    assert first.version == 7
    # RFC 9562 section 5.7: the first 48 bits are Unix milliseconds.
    assert (uuid7().int >> 80) >= (first.int >> 80)


def test_a_sealed_value_opens_for_its_purpose_only() -> None:
    plain = os.urandom(40)
    sealed = VAULT.seal(plain, purpose="phone")
    assert VAULT.open(sealed, purpose="phone") == plain
    assert VAULT.seal(plain, purpose="phone") != sealed
    for broken in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", sealed[:12]):
        with pytest.raises(SealBrokenError):
            VAULT.open(broken, purpose="phone")
    with pytest.raises(SealBrokenError):
        VAULT.open(sealed, purpose="name")
    with pytest.raises(SealBrokenError):
        Vault(b"y" * 32).open(sealed, purpose="phone")


def test_a_blind_index_depends_on_purpose_and_key() -> None:
    index = VAULT.blind_index("+989120000000", purpose="phone")
    assert index == VAULT.blind_index("+989120000000", purpose="phone")
    assert index != VAULT.blind_index("+989120000000", purpose="card")
    assert index != Vault(b"y" * 32).blind_index("+989120000000", purpose="phone")
