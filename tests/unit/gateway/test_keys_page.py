"""The proof of possession: what the guide builds is what the gateway checks."""

from __future__ import annotations

import io
from base64 import urlsafe_b64decode
from contextlib import redirect_stdout
from typing import Any

from merchant_gateway.documents.pages import FOLDER
from merchant_gateway.signing import Ed25519SigningKey, proves_possession
from network.merchants.scopes import SCOPES
from tests.fixtures.fences import fences


def test_the_proof_of_the_guide_is_a_proof() -> None:
    blocks = fences("keys")
    place = next(n for n, block in enumerate(blocks) if block.words == ("python", "run"))
    said, names = io.StringIO(), dict[str, Any]()
    with redirect_stdout(said):
        exec(blocks[place].text, names)  # noqa: S102 - the page is ours, and running it is the test
    assert blocks[place + 1].text == said.getvalue()
    public_key = Ed25519SigningKey.from_raw(bytes(range(32))).verifying_key()
    assert names["public_key"] == public_key.to_base64url()
    how: dict[str, Any] = {"key_id": "mk_live_aaaaaaaaaaaaaaaa", "public_key": public_key}
    proof = urlsafe_b64decode(names["proof"] + "==")
    assert proves_possession(proof, authority="Gateway.Example:443", **how)
    assert not proves_possession(proof, authority="other.example", **how)


def test_the_guide_names_every_scope() -> None:
    text = (FOLDER / "keys.md").read_text(encoding="utf-8")
    assert [scope for scope in SCOPES if f"| `{scope}` |" not in text] == []
