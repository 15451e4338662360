"""What may be tampered with of purchases and redemptions, and of what refunds took or gave back."""

from __future__ import annotations

from tests.integration.ledger_audit.faults import FIRST_ENTRY, REDIGEST, REDIGEST_OF, fault
from tests.integration.ledger_audit.history import BAKERY, DEBTOR, FIRST, SPENDER, WINNER

PURCHASES = (
    fault(
        "earned_match_postings",
        f"UPDATE ledger.entry SET earned[1][3] = earned[1][3] + 1 WHERE {FIRST_ENTRY}",
        REDIGEST,
        named=f"member {SPENDER}, entry 1, lot 1000001: earned 341, issued 340",
        also="seals",
    ),
    fault(
        "earned_parts",
        f"UPDATE ledger.entry SET earned[1][2] = -1 WHERE {FIRST_ENTRY}",
        REDIGEST,
        named=f"member {SPENDER}, entry 1, lot 1000001: a part that cannot be",
        also="earned_bases seals",
    ),
    fault(
        "earned_parts",
        f"UPDATE ledger.entry SET earned[1][2] = NULL WHERE {FIRST_ENTRY}",
        REDIGEST,
        named=f"member {SPENDER}, entry 1, lot 1000001: a part that cannot be",
        also="earned_bases seals",
    ),
    fault(
        "entry_digests",
        f"UPDATE ledger.entry SET earned[1][2] = earned[1][2] + 1 WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 1 of {FIRST}: the digest is not that",
        also="earned_bases",
    ),
    *(
        # A refund is measured by the base of the lines, whatever the purchase says.
        fault(
            "earned_bases",
            f"UPDATE ledger.entry SET {change} WHERE {which}",
            REDIGEST_OF.format(which),
            named=f"member {member}, entry 1: its lines are not of the base",
            also=also,
        )
        for member, change, also in (
            (SPENDER, "earned[1][2] = earned[1][2] + 1", "seals"),
            (SPENDER, "base = base - 1", "seals"),
            (WINNER, "earned[2][2] = earned[2][2] + 1", "taken_back_match_earned"),
        )
        for which in (f"member_id = '{member}' AND sequence = 1",)
    ),
    fault(
        "taken_back_match_earned",
        f"UPDATE ledger.taken_back SET base = base + 1 WHERE member_id = '{DEBTOR}'",
        named=f"member {DEBTOR}, entry 1, part 0: (",
    ),
    fault(
        "clawbacks_match_postings",
        "UPDATE ledger.taken_back SET clawed_back = clawed_back - 1"
        f" WHERE member_id = '{DEBTOR}' AND part = 0",
        named=f"member {DEBTOR}, entry 1, issuer {BAKERY}: clawed back ",
    ),
    fault(
        "refunds_match_entries",
        f"UPDATE ledger.taken_back SET refunded = refunded - 1 WHERE member_id = '{DEBTOR}'"
        " AND part = 0",
        named=f"member {DEBTOR}, entry 1: refunded 10049, by refunds 10050",
    ),
    fault(
        "refunds_match_entries",
        f"UPDATE ledger.taken_back SET refunded = refunded - 1 WHERE member_id = '{WINNER}'"
        " AND part = 1",
        named=f"member {WINNER}, entry 2: refunded 4000, by refunds 4000",
    ),
    fault(
        "refunds_match_entries",
        # Of a refund so small that no point went back.
        f"DELETE FROM ledger.taken_back WHERE member_id = '{WINNER}' AND sequence = 1"
        " AND part = 2 AND clawed_back = 0",
        named=f"member {WINNER}, entry 1: refunded 1, by refunds 1",
    ),
    fault(
        "consumption_matches_postings",
        f"INSERT INTO ledger.redeposited VALUES ('{DEBTOR}', 2, 1, 91, 1)",
        named=f"member {DEBTOR}, entry 2, lot 1000001: consumed 91, posted 90",
        also="redeposits_match_postings",
    ),
    fault(
        "redeposits_match_postings",
        f"INSERT INTO ledger.redeposited VALUES ('{DEBTOR}', 2, 1, 90, 1)",
        named=f"member {DEBTOR}, entry 2, lot 1000001: refunded 1, given back 0",
    ),
)
