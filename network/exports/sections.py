"""What the file has of a member, table by table, and what it leaves out and why.

A test holds both lists against every table that names a member, so none is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from network.claims.queries import ANSWER_FIELD, LESS_FIELD, WORDS_FIELD
from network.language import LazyText
from network.language import lazy_gettext as _l
from network.members.queries import DEVICE_FIELD, NAME_FIELD, PHONE_FIELD
from network.questions.queries import ANSWER_FIELD as QUESTION_ANSWER_FIELD
from network.questions.queries import WORDS_FIELD as QUESTION_FIELD
from network.second_factor.passkeys import PASSKEY_FIELD

Whose = Literal["member", "wallet", "phone", "recipient", "owner", "invited"]
"""How rows are found: by the member; in a wallet of theirs, of a shared one what names them; by
their number; by messages to it; by the shared wallets that they own; by invitations from those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the file: the rows of one table, without ``hidden``, with what is sealed opened."""

    name: str
    table: str
    about: LazyText
    whose: Whose = "member"
    opened: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


def _hide(*columns: str) -> frozenset[str]:
    return frozenset(columns)


SECTIONS: tuple[Section, ...] = (
    Section(
        name="profile",
        table="network.member",
        about=_l("Your number, your name, and what you chose."),
        opened={"sealed_phone": PHONE_FIELD, "sealed_name": NAME_FIELD},
        hidden=_hide("code_handle", "phone_index"),
    ),
    Section(
        name="consents",
        table="network.member_consent",
        about=_l("Each yes and no of yours, with the wording that you were shown."),
    ),
    Section(
        name="sessions",
        table="network.member_session",
        about=_l("Where you are signed in, or were in the last 30 days."),
        opened={"sealed_device": DEVICE_FIELD},
        hidden=_hide("token_digest"),
    ),
    Section(
        name="devices",
        table="network.member_device",
        about=_l("Browsers that you signed in on, so that a new one is noticed."),
        hidden=_hide("token_digest"),
    ),
    Section(name="cards", table="network.card", about=_l("Your cards, blocked ones as well.")),
    Section(
        name="pin",
        table="network.member_pin",
        about=_l("When you set your PIN; the PIN itself nobody can read."),
        hidden=_hide("pin_hash"),
    ),
    Section(
        name="pin_uses",
        table="network.member_proof",
        about=_l("What your PIN or a passkey was asked for."),
        hidden=_hide("subject"),
    ),
    Section(
        name="passkeys",
        table="network.member_passkey",
        about=_l("Your passkeys: the name of each, when it was made, and when it was used last."),
        opened={"sealed_name": PASSKEY_FIELD},
        hidden=_hide("credential_id", "public_key"),
    ),
    Section(
        name="codes",
        table="network.one_time_code",
        about=_l("When codes were sent to your number in the last days."),
        whose="phone",
        hidden=_hide("phone_index", "address_index", "lane", "digest"),
    ),
    Section(
        name="messages",
        table="network.message",
        about=_l(
            "What we sent to your number in the last 30 days, without the words where they name "
            "somebody else."
        ),
        whose="recipient",
        hidden=_hide("recipient_index", "sealed_recipient", "claimed_until", "retry_at"),
    ),
    Section(
        name="notices",
        table="network.member_notice",
        about=_l("What we told you; days are last days with how many points."),
        opened={"sealed_device": DEVICE_FIELD},
        hidden=_hide("other_id"),
    ),
    Section(
        name="notice_choices",
        table="network.member_notice_choice",
        about=_l("What you want no message of, and your hours of quiet."),
    ),
    Section(
        name="wallets",
        table="ledger.wallet",
        about=_l(
            "Your points as they stand, and those of a shared wallet that you made; due_on: a lot "
            "begins or ends then at the earliest."
        ),
        whose="wallet",
        hidden=_hide("moved_to"),
    ),
    Section(
        name="lots",
        table="ledger.lot",
        about=_l(
            "Points of one issuer with one expiry, of a shared wallet that you made those that are "
            "left; expires_on is the first day without them."
        ),
        whose="wallet",
    ),
    Section(
        name="movements",
        table="ledger.entry",
        about=_l(
            "Each movement with its reasons; in a shared wallet those that you made. wallet and "
            "sequence name it everywhere in this file."
        ),
        whose="wallet",
        hidden=_hide("digest"),
    ),
    Section(
        name="movement_lines",
        table="ledger.movement",
        about=_l("From which account to which the points of a movement went, and of which lot."),
        whose="wallet",
    ),
    Section(
        name="holds",
        table="ledger.hold",
        about=_l("Points that a shop set aside for a payment."),
        whose="wallet",
    ),
    Section(
        name="hold_parts",
        table="ledger.hold_slice",
        about=_l("Of which lots they were."),
        whose="wallet",
    ),
    Section(
        name="taken_back",
        table="ledger.taken_back",
        about=_l("What returns took back of each line of a purchase."),
        whose="wallet",
    ),
    Section(
        name="given_back",
        table="ledger.redeposited",
        about=_l("What returns gave back of a payment."),
        whose="wallet",
    ),
    Section(
        name="debts",
        table="ledger.debt",
        about=_l("Points that you owe after a return."),
        whose="wallet",
    ),
    Section(
        name="campaigns",
        table="ledger.campaign_person",
        about=_l("How many points you earned in campaigns, for their limits."),
    ),
    Section(
        name="campaign_points",
        table="ledger.campaign_taking",
        about=_l("Which movement earned in which campaign."),
        whose="wallet",
        hidden=_hide("slice", "person_id"),
    ),
    Section(
        name="corrections",
        table="network.adjustment",
        about=_l("Points that two operators gave you or took, and their reason."),
        hidden=_hide("proposed_by", "decided_by"),
    ),
    Section(
        name="claims",
        table="network.member_claim",
        about=_l("What you told us of a movement, and our answer."),
        opened={
            "sealed_words": WORDS_FIELD,
            "sealed_answer": ANSWER_FIELD,
            "sealed_why_less": LESS_FIELD,
        },
        hidden=_hide("decided_by"),
    ),
    Section(
        name="questions",
        table="network.member_question",
        about=_l("What you asked us, and our answer."),
        opened={"sealed_words": QUESTION_FIELD, "sealed_answer": QUESTION_ANSWER_FIELD},
        hidden=_hide("owner_id", "answered_by"),
    ),
    Section(
        name="requests",
        table="network.spend_request",
        about=_l("Points that shops asked you for, and your answer."),
        hidden=_hide("idempotency_key", "fingerprint", "digest"),
    ),
    Section(
        name="joining",
        table="network.till_enrolment",
        about=_l("That a shop asked you to join."),
        hidden=_hide("phone_index", "sealed_phone", "sealed_name", "digest"),
    ),
    Section(
        name="freeze",
        table="network.member_freeze",
        about=_l("That the network locked your spending, and why."),
        hidden=_hide("frozen_by"),
    ),
    Section(
        name="merges",
        table="network.member_merge",
        about=_l("Memberships of yours that became one."),
        hidden=_hide("proposal_id"),
    ),
    Section(
        name="shared_wallet",
        table="ledger.shared_person",
        about=_l("Your place in a shared wallet, with your limit."),
    ),
    Section(
        name="pools",
        table="network.pool",
        about=_l("Shared wallets that you made."),
        whose="owner",
    ),
    Section(
        name="invitations",
        table="network.pool_invitation",
        about=_l("Whom you invited to a shared wallet."),
        whose="invited",
        hidden=_hide("phone_index", "sealed_phone"),
    ),
    Section(
        name="invitations_to_you",
        table="network.pool_invitation",
        about=_l("That you were invited to a shared wallet."),
        whose="phone",
        hidden=_hide("phone_index", "sealed_phone"),
    ),
    Section(
        name="partings",
        table="network.pool_parting",
        about=_l("How many points you asked to take along from a shared wallet."),
    ),
)

LEFT_OUT: Mapping[str, str] = {
    "ledger.evidence": "a shop's signed request: proof of the movement, which is in the file",
    "ledger.idempotency": "keys by which shops' requests are known again; forgotten after 30 days",
    "ledger.opening": "the lots again, summed up at the end of each month",
    "ledger.reference": "shops' references, each of which stands in its movement",
    "ledger.used_code": "digests of codes that were used; they say nothing",
    "network.dispute": "between a shop and the network, about a movement that is in the file",
    "network.member_code_secret": "a secret: who has it can show the member's codes",
    "network.member_key": "the key that opens the rest",
    "network.outbox": "events on their way to who must be told, gone in seconds",
    "network.portal_act": "what a shop's person did at a till; the movement is in the file",
    "network.reconciliation_break": "a difference in a shop's books",
    "network.reconciliation_match": "which line of a shop's books is which movement",
}
"""Tables that name a member and are not in the file, each with why."""
