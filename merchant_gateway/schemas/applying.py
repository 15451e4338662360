"""What a site that wants to join says of itself."""

from __future__ import annotations

from merchant_gateway.schemas.fields import OneOf, StrictSchema, Text
from network.merchants.applications import KINDS, PROGRAM, WAYS

LONGEST_NAME = 120
LONGEST_MESSAGE = 1000
LONGEST_KEY = 300


class ApplicationSchema(StrictSchema):
    """An application to join the network."""

    name_fa = Text(longest=LONGEST_NAME, required=True, description="The name in Persian.")
    name_en = Text(longest=LONGEST_NAME, required=True, description="The name in Latin letters.")
    kind = OneOf(choices=KINDS, required=True, description="What it sells.")
    way = OneOf(
        choices=WAYS,
        load_default=PROGRAM,
        description="How it means to work: `program` signs calls and gets a test key at once; "
        "`browser` works in the portal, without keys, and is sent an invitation once approved.",
    )
    website = Text(
        longest=200,
        pattern=r"https?://[A-Za-z0-9.:-]+(?:/[!-~]*)?",
        description="Its address on the web.",
        example="https://shop.example/",
    )
    contact_name = Text(longest=LONGEST_NAME, required=True, description="Whom to talk to.")
    contact_email = Text(
        longest=254, pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+", required=True, description="E-mail."
    )
    contact_phone = Text(
        longest=30,
        pattern=r"\+?[0-9][0-9 ()-]{6,28}",
        required=True,
        description="Telephone, in Latin digits.",
    )
    message = Text(longest=LONGEST_MESSAGE, description="What we should know.")
    public_key = Text(
        longest=LONGEST_KEY,
        description="An Ed25519 public key for the test key, as base64 of either alphabet (32 "
        "bytes, or a PEM's body); a shared secret is made where absent.",
    )


APPLICATION = ApplicationSchema()
