"""The audit's pass over what happened: entries and their movements, a month at a time."""

from __future__ import annotations

from network.ledger.audit_pass import ENTRY, Pass, Rule
from network.ledger.paths import PATHS, path_of, paths_of

# A writer reads its clock before it waits for the wallet, and the flip reads its own before it
# waits for writers; neither waits longer than a statement may take.
_FLIP_TOLERANCE = "interval '2 minutes'"

# Words that tables of the hot path do not check themselves (0002_ledger.sql says why).
_KINDS = "(" + ", ".join(f"'{kind}'" for kind in PATHS) + ")"

_FIELDS = (
    *("member_id", "sequence", "business_date", "kind", "merchant_id", "store_id", "terminal"),
    *("merchant_ref", "receipt", "channel", "amount", "base", "currency", "original_sequence"),
    *("original_date", "effective_at", "recorded_at", "actor", "explanation", "earned"),
)

_FORM = (
    "ledger.stored_form({0}line, {0}source, {0}target, {0}issuer_id, {0}acceptor_id, {0}lot_id,"
    " {0}target_lot_id, {0}terms_id, {0}priced_on, {0}points)"
)
_ODD = "points < 1 OR source = target AND target_lot_id IS NULL OR target_lot_id = lot_id"
_PATH = path_of("source", "target")
_DAYS = "business_date >= cast(:first AS date) AND business_date < cast(:end AS date)"

_MADE = "member_id, lot_id / 1000000 AS sequence, made_on AS business_date"
_MADE_DAYS = _DAYS.replace("business_date", "made_on")
_LOT = (
    "ledger.lot_form(lot_id, parent_lot_id, campaign_id, locked_to, price, active_from, expires_on)"
)

# Plain columns all the way: a row carried as one value is put together and taken apart for each.
# Most entries are one movement and make one lot at most, and those need no sort: the first of each
# is joined, the others in groups.
ENTRIES = Pass(
    body=f"""
        SELECT member_id, sequence, business_date, e.kind IS NOT NULL AS entered,
               m.line IS NOT NULL OR r.forms IS NOT NULL AS posted,
               coalesce(m.odd, false) OR coalesce(r.odd, false) AS odd,
               coalesce(m.path, 0) | coalesce(r.paths, 0) AS paths,
               e.kind, e.digest, e.recorded_at, e.actor,
               sha256(convert_to(
                   ledger.entry_form(member_id, sequence, business_date,
                                     {", ".join(f"e.{name}" for name in _FIELDS[3:])})
                   || CASE WHEN m.line IS NULL THEN '' ELSE {_FORM.format("m.")} END
                   || coalesce(r.forms, '') || coalesce(l.form, '') || coalesce(k.forms, ''),
                   'UTF8')) AS expected_digest,
               d.business_date IS NOT NULL AS day_known, d.flipped_at
        FROM (
            SELECT {", ".join(_FIELDS)}, digest FROM ledger.entry WHERE {_DAYS}
        ) AS e
        FULL JOIN (
            SELECT *, {_ODD} AS odd, {_PATH} AS path FROM ledger.movement WHERE line = 1 AND {_DAYS}
        ) AS m USING (member_id, sequence, business_date)
        FULL JOIN (
            SELECT member_id, sequence, business_date, bool_or({_ODD}) AS odd,
                   bit_or({_PATH}) AS paths,
                   string_agg({_FORM.format("")}, '' ORDER BY line) AS forms
            FROM ledger.movement WHERE line <> 1 AND {_DAYS}
            GROUP BY member_id, sequence, business_date
        ) AS r USING (member_id, sequence, business_date)
        LEFT JOIN (
            SELECT {_MADE}, {_LOT} AS form
            FROM ledger.lot WHERE lot_id % 1000000 = 1 AND {_MADE_DAYS}
        ) AS l USING (member_id, sequence, business_date)
        LEFT JOIN (
            SELECT {_MADE}, string_agg({_LOT}, '' ORDER BY lot_id) AS forms
            FROM ledger.lot WHERE lot_id % 1000000 <> 1 AND {_MADE_DAYS} GROUP BY 1, 2, 3
        ) AS k USING (member_id, sequence, business_date)
        LEFT JOIN ledger.business_day AS d USING (business_date)
    """,
    by_member=True,
    rules=(
        Rule(
            name="movement_points",
            looked="posted",
            wrong="odd",
            example=f"{ENTRY} || ': a movement of no points, or to where they were'",
        ),
        Rule(
            name="movement_paths",
            looked="posted AND entered",
            wrong=f"paths & ~{paths_of('kind')} <> 0",
            example=f"{ENTRY} || format(': nothing of kind %s moves points like that', kind)",
        ),
        Rule(
            name="movements_have_entries",
            looked="posted",
            wrong="NOT entered",
            example=f"{ENTRY} || ': movements without an entry of that day'",
        ),
        Rule(
            name="entry_kinds",
            looked="entered",
            wrong=f"kind NOT IN {_KINDS} OR sequence < 1",
            example=f"{ENTRY} || format(': %s is no kind of entry', kind)",
        ),
        Rule(
            name="two_people",
            looked="entered AND kind IN ('adjustment', 'write_off')",
            wrong="actor !~ '^operator:[0-9a-f-]{36} operator:[0-9a-f-]{36}$'"
            " OR split_part(actor, ' ', 1) = split_part(actor, ' ', 2)",
            example=f"{ENTRY} || format(': %s by %s', kind, actor)",
        ),
        Rule(
            name="entry_digests",
            looked="entered",
            wrong="digest IS DISTINCT FROM expected_digest",
            example=f"{ENTRY} || ': the digest is not that of its row, movements and lots'",
        ),
        Rule(
            name="entry_days",
            looked="entered",
            wrong=f"NOT day_known OR coalesce(recorded_at > flipped_at + {_FLIP_TOLERANCE}, false)",
            example=f"{ENTRY} || CASE WHEN day_known THEN format("
            "': recorded at %s, after the flip at %s', recorded_at, flipped_at) "
            "ELSE ': no such business day' END",
        ),
    ),
)
