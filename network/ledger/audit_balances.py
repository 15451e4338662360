"""The audit's passes over what points come to: entries, lots, wallets, issuers."""

from __future__ import annotations

from network.ledger.audit_pass import ENTRY, Pass, Rule

# A writer reads its clock before it waits for the wallet, and the flip reads its own before it
# waits for writers; neither waits longer than a statement may take.
_FLIP_TOLERANCE = "interval '2 minutes'"

# Words that tables of the hot path do not check themselves (0002_ledger.sql says why).
_KINDS = """('issuance', 'activation', 'authorisation', 'capture', 'void', 'redemption',
    'refund_issuance', 'refund_redemption', 'expiry', 'release', 'transfer', 'join', 'leave',
    'merge', 'extension', 'adjustment', 'write_off')"""

_FIELDS = (
    *("member_id", "sequence", "business_date", "kind", "merchant_id", "store_id", "terminal"),
    *("merchant_ref", "receipt", "channel", "amount", "base", "currency", "original_sequence"),
    *("original_date", "effective_at", "recorded_at", "actor", "explanation"),
)

_FORM = (
    "ledger.movement_form({0}line, {0}source, {0}target, {0}issuer_id, {0}acceptor_id, {0}lot_id,"
    " {0}target_lot_id, {0}terms_id, {0}priced_on, {0}points)"
)
_ODD = "points < 1 OR source = target AND target_lot_id IS NULL OR target_lot_id = lot_id"
_DAYS = "business_date >= cast(:first AS date) AND business_date < cast(:end AS date)"

# Plain columns all the way: a row carried as one value is put together and taken apart for each.
# Most entries are one movement, and those need no sort: the first is joined, the others in groups.
ENTRIES = Pass(
    body=f"""
        SELECT member_id, sequence, business_date, e.kind IS NOT NULL AS entered,
               m.line IS NOT NULL OR r.forms IS NOT NULL AS posted,
               coalesce(m.odd, false) OR coalesce(r.odd, false) AS odd,
               e.kind, e.digest, e.recorded_at, e.actor,
               sha256(convert_to(
                   ledger.entry_form(member_id, sequence, business_date,
                                     {", ".join(f"e.{name}" for name in _FIELDS[3:])})
                   || CASE WHEN m.line IS NULL THEN '' ELSE {_FORM.format("m.")} END
                   || coalesce(r.forms, ''), 'UTF8')) AS expected_digest,
               d.business_date IS NOT NULL AS day_known, d.flipped_at
        FROM (
            SELECT {", ".join(_FIELDS)}, digest FROM ledger.entry WHERE {_DAYS}
        ) AS e
        FULL JOIN (
            SELECT *, {_ODD} AS odd FROM ledger.movement WHERE line = 1 AND {_DAYS}
        ) AS m USING (member_id, sequence, business_date)
        FULL JOIN (
            SELECT member_id, sequence, business_date, bool_or({_ODD}) AS odd,
                   string_agg({_FORM.format("")}, '' ORDER BY line) AS forms
            FROM ledger.movement WHERE line <> 1 AND {_DAYS}
            GROUP BY member_id, sequence, business_date
        ) AS r USING (member_id, sequence, business_date)
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
            example=f"{ENTRY} || ': the digest is not that of its row and movements'",
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

_CHANGES = ", ".join(
    f"sum(points) FILTER (WHERE target = '{account}') AS {account}_in,"
    f" sum(points) FILTER (WHERE source = '{account}') AS {account}_out"
    for account in ("pending", "available", "held", "debt", "redemption")
)


def _change(account: str) -> str:
    """Return what movements put on an account less what they took from it (``_CHANGES``)."""
    return f"coalesce(p.{account}_in, 0) - coalesce(p.{account}_out, 0)"


_MEMBERS = "('pending', 'available', 'held', 'debt')"

EQUATIONS = Pass(
    body="""
        SELECT l.member_id, l.lot_id,
               l.granted - l.remaining - l.held - l.redeemed - l.expired - l.clawed_back - l.moved
                   AS off,
               least(l.remaining, l.held, l.redeemed, l.expired, l.clawed_back, l.moved,
                     l.granted - 1, l.expires_on - l.active_from - 1, ceil(l.price),
                     CASE WHEN l.open = (l.remaining > 0) THEN 0 ELSE -1 END) AS least
        FROM ledger.lot AS l
    """,
    rules=(
        Rule(
            name="lot_equation",
            wrong="off <> 0 OR least < 0",
            example="format('member %s, lot %s: off by %s', member_id, lot_id, off)"
            " || CASE WHEN least < 0 THEN ', with a figure below its least' ELSE '' END",
        ),
    ),
)

# The figures that a lot stores, as its row has them, and the movements that add to each; what takes
# from it stands below. A lot was granted what the entry that made it put in; what moved on left for
# another wallet or for a child lot. A movement that goes on in a child lot counts for both, an end
# each: target is NULL where points left for a child.
_LOT_FIGURES = (
    ("pending", "CASE WHEN active THEN 0 ELSE remaining END", "target = 'pending'"),
    ("available", "CASE WHEN active THEN remaining ELSE 0 END", "target = 'available'"),
    ("held", "held", "target = 'held'"),
    ("redeemed", "redeemed", "target = 'redemption'"),
    ("expired", "expired", "target = 'expiry'"),
    ("clawed_back", "clawed_back", "target IN ('clawback', 'adjustment')"),
    (
        "granted",
        "granted",
        "target IN ('pending', 'available') AND sequence = lot_id / 1000000",
    ),
    ("moved", "moved", "target = 'transfer' OR target IS NULL"),
)
_TAKEN = {
    "pending": "source = 'pending'",
    "available": "source = 'available'",
    "held": "source = 'held'",
    "redeemed": "source = 'redemption'",
}
_STORED = ", ".join(f"{stored} AS {name}" for name, stored, _ in _LOT_FIGURES)
_NOTHING = ", ".join("NULL::bigint" for _ in _LOT_FIGURES)
_COMPARED = ", ".join(
    f"ledger.total({name}) AS stored_{name},"
    f" ledger.total(points) FILTER (WHERE {put})"
    + (f" - ledger.total(points) FILTER (WHERE {_TAKEN[name]})" if name in _TAKEN else "")
    + f" AS posted_{name}"
    for name, _, put in _LOT_FIGURES
)

# A lot's own row and its movements meet in one grouping: no join of one with the other.
LOTS = Pass(
    body=f"""
        SELECT member_id, lot_id,
               {" OR ".join(f"stored_{name} <> posted_{name}" for name, *_ in _LOT_FIGURES)}
                   AS differs,
               ROW({", ".join(f"stored_{name}" for name, *_ in _LOT_FIGURES)}) AS stored,
               ROW({", ".join(f"posted_{name}" for name, *_ in _LOT_FIGURES)}) AS posted
        FROM (
            SELECT member_id, lot_id, {_COMPARED}
            FROM (
                SELECT member_id, lot_id, issuer_id, terms_id, {_STORED},
                       NULL::bigint AS sequence, NULL::ledger.account AS source,
                       NULL::ledger.account AS target, NULL::bigint AS points
                FROM ledger.lot
                UNION ALL
                SELECT member_id, lot_id, issuer_id, terms_id, {_NOTHING}, sequence, source,
                       CASE WHEN target_lot_id IS NULL THEN target END, points::bigint
                FROM ledger.movement WHERE lot_id IS NOT NULL
                UNION ALL
                SELECT member_id, target_lot_id, issuer_id, terms_id, {_NOTHING}, sequence, NULL,
                       target, points::bigint
                FROM ledger.movement WHERE target_lot_id IS NOT NULL
            ) AS ends GROUP BY member_id, lot_id, issuer_id, terms_id
        ) AS lots
    """,
    by_member=True,
    rules=(
        Rule(
            name="lots_match_postings",
            wrong="differs",
            example="format('member %s, lot %s: stored %s, by its postings %s', member_id, lot_id,"
            " stored, posted)",
        ),
    ),
)

HELD_LOTS = Pass(
    body="""
        SELECT member_id, lot_id, coalesce(l.held, 0) AS held, coalesce(s.points, 0) AS sliced
        FROM (SELECT member_id, lot_id, held FROM ledger.lot WHERE held <> 0) AS l
        FULL JOIN (
            SELECT s.member_id, s.lot_id, sum(s.points) AS points
            FROM ledger.hold AS h JOIN ledger.hold_slice AS s USING (member_id, sequence)
            WHERE h.state = 'authorised' GROUP BY s.member_id, s.lot_id
        ) AS s USING (member_id, lot_id)
    """,
    rules=(
        Rule(
            name="held_lots_match_holds",
            wrong="held <> sliced",
            example="format('member %s, lot %s: %s held, %s in open holds', member_id, lot_id,"
            " held, sliced)",
        ),
    ),
)

HOLDS = Pass(
    body="""
        SELECT member_id, sequence, h.state,
               ROW(coalesce(h.points, 0), coalesce(h.captured, 0)) AS stored,
               ROW(coalesce(s.points, 0)::bigint,
                   CASE WHEN h.late THEN h.captured ELSE coalesce(s.captured, 0)::bigint END)
                   AS sliced
        FROM (
            SELECT h.member_id, h.sequence, h.state, h.points, h.captured,
                   -- A capture after the release took other points than the hold's slices.
                   h.ended_sequence IS NOT NULL AND h.state = 'captured' AS late
            FROM ledger.hold AS h
        ) AS h
        FULL JOIN (
            SELECT member_id, sequence, sum(points) AS points, sum(captured) AS captured
            FROM ledger.hold_slice GROUP BY member_id, sequence
        ) AS s USING (member_id, sequence)
    """,
    rules=(
        Rule(
            name="holds_match_slices",
            wrong="state IS NULL OR stored IS DISTINCT FROM sliced",
            example="format('member %s, hold %s: (points, captured) %s, by its slices %s',"
            " member_id, sequence, stored, sliced)",
        ),
    ),
)

WALLETS = Pass(
    body=f"""
        SELECT member_id,
               coalesce(w.available, 0) AS available, coalesce(w.pending, 0) AS pending,
               coalesce(w.held, 0) AS held, coalesce(w.debt, 0) AS debt,
               coalesce(w.sequence, 0) AS sequence, coalesce(w.status, 'none') AS status,
               w.moved_to,
               coalesce(l.available, 0) AS lots_available, coalesce(l.pending, 0) AS lots_pending,
               coalesce(l.held, 0) AS lots_held, coalesce(h.points, 0) AS holds,
               coalesce(d.points, 0) AS debts,
               {_change("available")} AS posted_available, {_change("pending")} AS posted_pending,
               {_change("held")} AS posted_held, -({_change("debt")}) AS posted_debt,
               coalesce(e.entries, 0) AS entries, coalesce(e.last, 0) AS last
        FROM ledger.wallet AS w
        FULL JOIN (
            SELECT member_id, sum(remaining) FILTER (WHERE active) AS available,
                   sum(remaining) FILTER (WHERE NOT active) AS pending, sum(held) AS held
            FROM ledger.lot GROUP BY member_id
        ) AS l USING (member_id)
        FULL JOIN (
            SELECT member_id, sum(points) AS points FROM ledger.hold
            WHERE state = 'authorised' GROUP BY member_id
        ) AS h USING (member_id)
        FULL JOIN (
            SELECT member_id, sum(points) AS points FROM ledger.debt GROUP BY member_id
        ) AS d USING (member_id)
        FULL JOIN (
            SELECT member_id, {_CHANGES} FROM ledger.movement GROUP BY member_id
        ) AS p USING (member_id)
        FULL JOIN (
            SELECT member_id, count(*) AS entries, max(sequence) AS last
            FROM ledger.entry GROUP BY member_id
        ) AS e USING (member_id)
    """,
    by_member=True,
    rules=(
        Rule(
            name="wallet_states",
            wrong="status NOT IN ('active', 'spend_locked', 'closed')"
            " OR least(available, pending, held, debt, sequence) < 0"
            " OR moved_to IS NOT NULL AND status <> 'closed'",
            example="format('member %s: wallet %s, least figure %s', member_id, status,"
            " least(available, pending, held, debt, sequence))",
        ),
        Rule(
            name="wallets_match_lots",
            wrong="(available, pending, held) IS DISTINCT FROM"
            " (lots_available, lots_pending, lots_held)",
            example="format('member %s: available, pending, held are %s, %s, %s; by lots %s, %s,"
            " %s', member_id, available, pending, held, lots_available, lots_pending, lots_held)",
        ),
        Rule(
            name="wallets_match_holds",
            wrong="held <> holds",
            example="format('member %s: %s held, %s in open holds', member_id, held, holds)",
        ),
        Rule(
            name="wallets_match_debts",
            wrong="debt <> debts",
            example="format('member %s: a debt of %s, by issuers %s', member_id, debt, debts)",
        ),
        Rule(
            name="wallets_match_postings",
            wrong="(available, pending, held, debt) IS DISTINCT FROM"
            " (posted_available, posted_pending, posted_held, posted_debt)",
            example="format('member %s: available, pending, held, debt are %s, %s, %s, %s; by"
            " postings %s, %s, %s, %s', member_id, available, pending, held, debt,"
            " posted_available, posted_pending, posted_held, posted_debt)",
        ),
        Rule(
            name="wallets_count_entries",
            wrong="sequence <> entries OR sequence <> last",
            example="format('member %s: at sequence %s, with %s entries up to %s', member_id,"
            " sequence, entries, last)",
        ),
    ),
)

DEBTS = Pass(
    body="""
        SELECT member_id, issuer_id, coalesce(d.points, 0) AS points,
               coalesce(p.points, 0) AS posted
        FROM ledger.debt AS d
        FULL JOIN (
            SELECT member_id, issuer_id,
                   sum(CASE source WHEN 'debt' THEN points ELSE -points END) AS points
            FROM ledger.movement WHERE source = 'debt' OR target = 'debt'
            GROUP BY member_id, issuer_id
        ) AS p USING (member_id, issuer_id)
    """,
    rules=(
        Rule(
            name="debts_match_postings",
            wrong="points <> posted",
            example="format('member %s owes issuer %s: stored %s, by postings %s', member_id,"
            " issuer_id, points, posted)",
        ),
    ),
)

ISSUERS = Pass(
    body=f"""
        SELECT issuer_id,
               ROW(coalesce(l.pending, 0), coalesce(l.available, 0), coalesce(l.held, 0),
                   coalesce(d.points, 0), coalesce(l.redeemed, 0), coalesce(l.expired, 0)
               ) AS stored,
               ROW({_change("pending")}, {_change("available")}, {_change("held")},
                   -({_change("debt")}), {_change("redemption")}, coalesce(p.expired, 0)
               ) AS posted,
               coalesce(l.outstanding, 0) - coalesce(d.points, 0) AS members,
               coalesce(p.outstanding, 0) AS outstanding
        FROM (
            SELECT issuer_id, sum(remaining) FILTER (WHERE NOT active) AS pending,
                   sum(remaining) FILTER (WHERE active) AS available, sum(held) AS held,
                   sum(redeemed) AS redeemed, sum(expired) AS expired,
                   sum(remaining + held) AS outstanding
            FROM ledger.lot GROUP BY issuer_id
        ) AS l
        FULL JOIN (
            SELECT issuer_id, sum(points) AS points FROM ledger.debt GROUP BY issuer_id
        ) AS d USING (issuer_id)
        FULL JOIN (
            SELECT issuer_id, {_CHANGES},
                   sum(points) FILTER (WHERE target = 'expiry') AS expired,
                   coalesce(sum(points) FILTER (WHERE source NOT IN {_MEMBERS}), 0)
                       - coalesce(sum(points) FILTER (WHERE target NOT IN {_MEMBERS}), 0)
                       AS outstanding
            FROM ledger.movement GROUP BY issuer_id
        ) AS p USING (issuer_id)
    """,
    rules=(
        Rule(
            name="issuers_match_postings",
            wrong="stored IS DISTINCT FROM posted",
            example="format('issuer %s: pending, available, held, debt, redeemed, expired are %s;"
            " by postings %s', issuer_id, stored, posted)",
        ),
        Rule(
            name="issuers_outstanding",
            wrong="members <> outstanding",
            example="format('issuer %s: members hold %s, %s are outstanding', issuer_id, members,"
            " outstanding)",
        ),
    ),
)
