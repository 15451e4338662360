"""What may be tampered with in a ledger, and the check that has to name it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from tests.integration.ledger_audit.history import (
    BAKERY,
    CAMPAIGN,
    DEBTOR,
    FIRST,
    GIVER,
    GROCER,
    HOLDER,
    PEOPLE,
    SHARED,
    SHARER,
    SPENDER,
    TAKER,
    TERMS,
    WINNER,
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What was changed, which check must name it and how, and which others cannot miss it."""

    check: str
    statements: tuple[str, ...]
    named: str
    also: frozenset[str] = frozenset()


def fault(check: str, *statements: str, named: object, also: str = "") -> Fault:
    return Fault(check=check, statements=statements, named=str(named), also=frozenset(also.split()))


FIRST_ENTRY = f"member_id = '{SPENDER}' AND sequence = 1"
REDIGEST_OF = (
    "UPDATE ledger.entry AS e SET digest = ledger.stored_digest(e, (SELECT string_agg("
    "ledger.movement_form(line, source, target, issuer_id, acceptor_id, lot_id, target_lot_id,"
    " terms_id, priced_on, points), '' ORDER BY line) FROM ledger.movement AS p"
    " WHERE p.member_id = e.member_id"
    " AND p.sequence = e.sequence)) WHERE {}"
)
REDIGEST = REDIGEST_OF.format(FIRST_ENTRY)
_CHILD = "o.member_id = l.member_id AND o.lot_id = l.parent_lot_id"
_PARENT = "o.member_id = l.member_id AND o.parent_lot_id = l.lot_id"
_RAISED = f"member_id = '{TAKER}' AND sequence = 4"
FAULTS = (
    fault(
        "movement_points",
        "ALTER DOMAIN ledger.moved_points DROP CONSTRAINT ck_moved_points",
        f"UPDATE ledger.movement SET points = 0 WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 1 of {FIRST}: a movement of no points",
        also="entry_digests lots_match_postings earned_match_postings wallets_match_postings"
        " issuers_match_postings issuers_outstanding",
    ),
    fault(
        "movement_points",
        f"UPDATE ledger.movement SET target = source WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 1 of {FIRST}: a movement of no points, or to where",
        also="entry_digests movement_paths lots_match_postings wallets_match_postings"
        " issuers_match_postings issuers_outstanding",
    ),
    *(
        # No account that has a balance changes, and on a day before its seal the digest is new.
        fault(
            "movement_paths",
            f"UPDATE ledger.movement SET source = '{source}' WHERE {_RAISED} AND line = 1",
            f"DELETE FROM ledger.seal WHERE business_date >= (SELECT business_date FROM"
            f" ledger.entry WHERE {_RAISED})",
            REDIGEST_OF.format(_RAISED),
            named=f"member {TAKER}, entry 4 of ",
        )
        for source in ("expiry", "clawback", "receivable")
    ),
    fault(
        "movement_paths",
        f"UPDATE ledger.movement SET target = 'clawback' WHERE member_id = '{DEBTOR}'"
        " AND source = 'debt' AND line > 1",
        named=f"member {DEBTOR}, entry ",
        also="entry_digests",
    ),
    fault(
        "two_people",
        "UPDATE ledger.entry SET actor = split_part(actor, ' ', 1) || ' ' || split_part(actor, ' ',"
        " 1) WHERE kind = 'adjustment'",
        named=f"member {TAKER}, entry 4 of ",
        also="entry_digests",
    ),
    fault(
        "transfers_name_each_other",
        f"UPDATE ledger.entry SET explanation = '[]' WHERE member_id = '{GIVER}' AND sequence = 2",
        named=f"member {GIVER}, entry 2 of ",
        also="entry_digests transfers_mirror_each_other",
    ),
    fault(
        "transfers_mirror_each_other",
        f"UPDATE ledger.movement SET terms_id = '{TERMS[GROCER]}' WHERE member_id = '{TAKER}'"
        " AND sequence = 1",
        named=f"member {GIVER}, entry 2 of ",
        also="entry_digests lots_match_postings terms_exist",
    ),
    fault(
        "people_are_in_their_pools",
        f"UPDATE ledger.shared_person SET pool_id = '{GIVER}' WHERE member_id = '{SHARER}'",
        named=f"member {SHARER}: in {GIVER}, the wallet points to {SHARED} and is closed",
    ),
    fault(
        "locked_credit",
        f"UPDATE ledger.lot SET locked_to = issuer_id WHERE member_id = '{TAKER}'"
        " AND locked_to IS NOT NULL",
        named=f"member {TAKER}, entry 3 of ",
        also="entry_digests",
    ),
    fault(
        "entry_kinds",
        f"UPDATE ledger.entry SET kind = 'gift' WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 1 of {FIRST}: gift is no kind",
        also="entry_digests",
    ),
    fault(
        "movements_have_entries",
        f"UPDATE ledger.movement SET business_date = business_date + 1 WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 1 of ",
        also="entry_digests seals",
    ),
    fault(
        "entry_digests",
        f"UPDATE ledger.entry SET amount = amount + 1 WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 1 of {FIRST}",
    ),
    fault(
        "entry_digests",
        f"UPDATE ledger.movement SET priced_on = business_date WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 1 of {FIRST}",
    ),
    *(
        # What a lot is stands in the digest of the entry that made it.
        fault(
            "entry_digests",
            f"UPDATE ledger.lot SET {change} WHERE member_id = '{SPENDER}' AND lot_id = 1000001",
            named=f"member {SPENDER}, entry 1 of {FIRST}",
            also=also,
        )
        for change, also in (
            ("expires_on = expires_on + 365", ""),
            ("active_from = active_from - 1", ""),
            ("made_on = made_on + 1", ""),
            ("price = 13", "lots_cost_what_was_agreed"),
            (f"campaign_id = '{CAMPAIGN}'", "takings_match_grants"),
        )
    ),
    fault(
        "entry_days",
        f"UPDATE ledger.entry SET recorded_at = recorded_at + interval '1 day' WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 1 of {FIRST}: recorded at",
        also="entry_digests",
    ),
    fault(
        "lot_equation",
        "ALTER TABLE ledger.lot DROP CONSTRAINT ck_lot_equation",
        f"UPDATE ledger.lot SET moved = moved + 1 WHERE member_id = '{SPENDER}'"
        " AND lot_id = 1000001",
        named=f"member {SPENDER}, lot 1000001: off by -1",
        also="lots_match_postings",
    ),
    fault(
        "lot_equation",
        "ALTER TABLE ledger.lot DROP CONSTRAINT ck_lot_equation",
        f"UPDATE ledger.lot SET expires_on = active_from WHERE member_id = '{SPENDER}'"
        " AND lot_id = 1000001",
        named=f"member {SPENDER}, lot 1000001: off by 0, with a figure below",
        also="entry_digests",
    ),
    fault(
        "lot_equation",
        "ALTER TABLE ledger.lot DROP CONSTRAINT ck_lot_equation",
        f"UPDATE ledger.lot SET open = NOT open WHERE member_id = '{SPENDER}' AND lot_id = 1000001",
        named=f"member {SPENDER}, lot 1000001: off by 0, with a figure below",
    ),
    fault(
        "lots_match_postings",
        "UPDATE ledger.lot SET redeemed = redeemed - 1, moved = moved + 1"
        f" WHERE member_id = '{SPENDER}' AND lot_id = 1000001",
        named=f"member {SPENDER}, lot 1000001: stored",
        also="issuers_match_postings",
    ),
    fault(
        "lots_match_postings",
        f"UPDATE ledger.lot SET terms_id = '{TERMS[GROCER]}'"
        f" WHERE member_id = '{SPENDER}' AND lot_id = 1000001",
        named=f"member {SPENDER}, lot 1000001",
    ),
    fault(
        "held_lots_match_holds",
        "UPDATE ledger.hold_slice AS s SET lot_id = 77 FROM ledger.hold AS h"
        " WHERE h.member_id = s.member_id AND h.sequence = s.sequence AND h.state = 'authorised'",
        named=f"member {HOLDER}, lot 77: 0 held, 12 in open holds",
    ),
    fault(
        "holds_match_slices",
        "UPDATE ledger.hold_slice SET captured = captured - 1 WHERE captured = 30",
        named=f"member {SPENDER}, hold ",
    ),
    fault(
        "wallet_states",
        f"UPDATE ledger.wallet SET status = 'frozen' WHERE member_id = '{DEBTOR}'",
        named=f"member {DEBTOR}: wallet frozen",
    ),
    fault(
        "wallets_match_lots",
        f"UPDATE ledger.wallet SET available = available + 1 WHERE member_id = '{DEBTOR}'",
        named=f"member {DEBTOR}: available, pending, held are",
        also="wallets_match_postings",
    ),
    fault(
        "wallets_match_holds",
        "UPDATE ledger.hold SET points = points + 1 WHERE state = 'authorised'",
        named=f"member {HOLDER}: 12 held, 13 in open holds",
        also="holds_match_slices",
    ),
    fault(
        "wallets_match_debts",
        f"UPDATE ledger.debt SET points = points + 1 WHERE member_id = '{DEBTOR}'",
        named=f"member {DEBTOR}: a debt of 30, by issuers 31",
        also="debts_match_postings issuers_match_postings issuers_outstanding",
    ),
    fault(
        "wallets_match_postings",
        f"UPDATE ledger.movement SET target = 'pending' WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}: available, pending, held, debt are",
        also="entry_digests lots_match_postings issuers_match_postings",
    ),
    fault(
        "wallets_count_entries",
        f"DELETE FROM ledger.entry WHERE member_id = '{SPENDER}' AND kind = 'issuance'"
        " AND amount = 50",
        named=f"member {SPENDER}: at sequence",
        also="references_have_entries results_have_entries evidence_has_entries seals",
    ),
    fault(
        "debts_match_postings",
        f"UPDATE ledger.debt SET issuer_id = '{GROCER}' WHERE member_id = '{DEBTOR}'",
        named=f"member {DEBTOR} owes issuer {GROCER}: stored 30, by postings 0",
        also="issuers_match_postings issuers_outstanding",
    ),
    fault(
        "issuers_match_postings",
        f"UPDATE ledger.lot SET issuer_id = '{GROCER}'"
        f" WHERE member_id = '{SPENDER}' AND lot_id = 1000001",
        named=f"issuer {GROCER}: pending, available",
        also="lots_match_postings issuers_outstanding",
    ),
    fault(
        "issuers_outstanding",
        f"UPDATE ledger.movement SET issuer_id = '{GROCER}' WHERE member_id = '{DEBTOR}'"
        " AND source = 'receivable'",
        named=f"issuer {GROCER}: members hold",
        also="entry_digests debts_match_postings issuers_match_postings",
    ),
    fault(
        "references_have_entries",
        f"UPDATE ledger.reference SET merchant_ref = 'forged' WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, merchant {BAKERY}, issuance forged",
    ),
    fault(
        "reference_states",
        f"UPDATE ledger.reference SET state = 'lost' WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, merchant {BAKERY}, issuance ",
    ),
    fault(
        "batch_lines_have_entries",
        "UPDATE network.batch_entries SET sequences = '{1}'",
        named=f"batch {UUID(int=51)}, line 7: entry 1 of member {SPENDER} is not its own",
    ),
    fault(
        "results_have_entries",
        f"UPDATE ledger.idempotency SET sequence = 999 WHERE {FIRST_ENTRY}",
        named=f"no entry 999 of member {SPENDER}",
    ),
    fault(
        "evidence_has_entries",
        f"INSERT INTO ledger.evidence SELECT member_id, 999, business_date, key_id,"
        f" signature_base, signature, body FROM ledger.evidence WHERE {FIRST_ENTRY}",
        named=f"member {SPENDER}, entry 999 of {FIRST}",
    ),
    fault(
        "operators_exist",
        f"DELETE FROM network.operator WHERE operator_id = '{PEOPLE[1]}'",
        named=f"operator:{PEOPLE[0]} operator:{PEOPLE[1]} are not both operators",
    ),
    fault(
        "merchants_exist",
        f"DELETE FROM network.merchant WHERE merchant_id = '{BAKERY}'",
        named=f"no merchant {BAKERY}",
    ),
    fault(
        "terms_exist",
        f"UPDATE network.agreement SET merchant_id = '{GROCER}', version = 2,"
        " effective_from = effective_from + 1"
        f" WHERE agreement_id = '{TERMS[BAKERY]}'",
        named=f"issuer {BAKERY} has no terms {TERMS[BAKERY]}",
    ),
    fault(
        "lots_cost_what_was_agreed",
        f"UPDATE network.agreement SET issue_price = 13 WHERE agreement_id = '{TERMS[BAKERY]}'",
        named=f"lots of issuer {BAKERY} at 12.0000000000 a point",
    ),
    fault(
        "lots_cost_what_was_agreed",
        f"INSERT INTO network.face_value VALUES ('{FIRST}', 13, 1, 'IRR', NULL, now())",
        named="at 12.0000000000 a point",
    ),
    *(
        fault(
            "lots_continue_lots",
            f"UPDATE ledger.lot AS l SET {change} FROM ledger.lot AS o WHERE {other}",
            named="not what the lot was that it continues",
            also="entry_digests",
        )
        for change, other in (
            (f"locked_to = '{GROCER}'", _CHILD),
            (f"campaign_id = '{CAMPAIGN}'", _CHILD),
            ("expires_on = l.expires_on + 900", _PARENT),
        )
    ),
    fault(
        "one_open_day",
        "UPDATE ledger.business_day SET flipped_at = opened_at + interval '1 day'"
        " WHERE flipped_at IS NULL",
        named="20",
    ),
    fault(
        "budgets_match_slices",
        "UPDATE ledger.campaign SET budget = budget + 1",
        named=f"campaign {CAMPAIGN}: budget 1001, in slices 1000",
    ),
    fault(
        "budgets_hold",
        "ALTER TABLE ledger.campaign_slice DROP CONSTRAINT ck_campaign_slice_taken",
        "UPDATE ledger.campaign_slice SET taken = taken + 1000 WHERE slice = 3",
        named=f"campaign {CAMPAIGN}: 1085 taken of 1000",
        also="slices_match_takings",
    ),
    fault(
        "slices_match_takings",
        "UPDATE ledger.campaign_slice SET taken = taken - 1"
        " WHERE slice = (SELECT min(slice) FROM ledger.campaign_slice WHERE taken > 0)",
        named=f"campaign {CAMPAIGN}, slice ",
    ),
    fault(
        "persons_match_takings",
        "UPDATE ledger.campaign_person SET points = points + 1",
        named=f"member {WINNER}, campaign {CAMPAIGN}: 86 counted, by entries 85",
    ),
    fault(
        "takings_match_grants",
        "UPDATE ledger.campaign_taking SET points = points - 1 WHERE sequence = 2",
        "UPDATE ledger.campaign_person SET points = points - 1, day_points = day_points - 1",
        "UPDATE ledger.campaign_slice AS s SET taken = (SELECT coalesce(sum(t.points), 0)"
        " FROM ledger.campaign_taking AS t WHERE t.slice = s.slice)",
        named=f"member {WINNER}, entry 2, campaign {CAMPAIGN}: granted 15, taken 14",
    ),
    fault(
        "seals",
        f"UPDATE ledger.entry SET amount = amount + 1 WHERE {FIRST_ENTRY}",
        REDIGEST,
        named=f"{FIRST}: changed",
    ),
)
