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

# Plain columns all the way: a row carried as one value is put together and taken apart for each.
ENTRIES = Pass(
    body=f"""
        SELECT coalesce(e.member_id, p.member_id) AS member_id,
               coalesce(e.sequence, p.sequence) AS sequence,
               coalesce(e.business_date, p.business_date) AS business_date,
               e.member_id IS NOT NULL AS entered, p.member_id IS NOT NULL AS posted,
               p.odd, e.kind, e.digest, e.recorded_at, e.actor,
               sha256(convert_to(
                   ledger.entry_form({", ".join(f"e.{name}" for name in _FIELDS)})
                   || coalesce(p.forms, ''), 'UTF8')) AS expected_digest,
               d.business_date IS NOT NULL AS day_known, d.flipped_at
        FROM (
            SELECT {", ".join(_FIELDS)}, digest FROM ledger.entry
            WHERE business_date >= cast(:first AS date) AND business_date < cast(:end AS date)
        ) AS e
        FULL JOIN (
            SELECT member_id, sequence, business_date,
                   bool_or(points < 1 OR source = target AND target_lot_id IS NULL) AS odd,
                   string_agg(ledger.movement_form(line, source, target, issuer_id, acceptor_id,
                              lot_id, target_lot_id, terms_id, priced_on, points), ''
                              ORDER BY line) AS forms
            FROM ledger.movement
            WHERE business_date >= cast(:first AS date) AND business_date < cast(:end AS date)
            GROUP BY member_id, sequence, business_date
        ) AS p ON p.member_id = e.member_id AND p.sequence = e.sequence
              AND p.business_date = e.business_date
        LEFT JOIN ledger.business_day AS d ON d.business_date = e.business_date
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

_CHANGES = ",\n                   ".join(
    f"(coalesce(sum(points) FILTER (WHERE target = '{account}'), 0)"
    f" - coalesce(sum(points) FILTER (WHERE source = '{account}'), 0)) AS {name}"
    for account, name in {
        "pending": "pending",
        "available": "available",
        "held": "held",
        "redemption": "redeemed",
    }.items()
)
"""What movements put on these accounts less what they took from them."""

_DEBT = (
    "coalesce(sum(points) FILTER (WHERE source = 'debt'), 0)"
    " - coalesce(sum(points) FILTER (WHERE target = 'debt'), 0) AS debt"
)
_MEMBERS = "('pending', 'available', 'held', 'debt')"

# A lot's movements tell all of its columns. credited: what its first entry put in; issued: what
# came from outside the wallet. A movement that goes on in a child lot counts for both, an end each:
# unmatched is what came from a parent less what went on in children.
LOTS = Pass(
    body=f"""
        SELECT coalesce(l.member_id, p.member_id) AS member_id,
               coalesce(l.lot_id, p.lot_id) AS lot_id,
               l.lot_id IS NOT NULL AS kept,
               l.granted - l.remaining - l.held - l.redeemed - l.expired - l.clawed_back - l.moved
                   AS off,
               least(l.remaining, l.held, l.redeemed, l.expired, l.clawed_back, l.moved,
                     l.granted - 1, l.expires_on - l.active_from - 1, ceil(l.price),
                     CASE WHEN l.open = (l.remaining > 0) THEN 0 ELSE -1 END) AS least,
               ROW(CASE WHEN l.active THEN 0 ELSE l.remaining END,
                   CASE WHEN l.active THEN l.remaining ELSE 0 END,
                   l.held, l.redeemed, l.expired, l.clawed_back, l.granted, l.moved) AS stored,
               ROW(p.pending::bigint, p.available::bigint, p.held::bigint, p.redeemed::bigint,
                   p.expired, p.clawed_back, p.credited,
                   p.credited - p.issued - p.unmatched + p.transferred) AS posted
        FROM ledger.lot AS l
        FULL JOIN (
            SELECT member_id, lot_id, issuer_id, terms_id,
                   {_CHANGES},
                   coalesce(sum(points) FILTER (WHERE target = 'expiry'), 0)::bigint AS expired,
                   coalesce(sum(points) FILTER (WHERE target IN ('clawback', 'adjustment')), 0)
                       ::bigint AS clawed_back,
                   coalesce(sum(points) FILTER (
                       WHERE target IN ('pending', 'available') AND sequence = lot_id / 1000000
                   ), 0)::bigint AS credited,
                   coalesce(sum(points) FILTER (
                       WHERE source IN ('issuance', 'adjustment', 'transfer')), 0)::bigint
                       AS issued,
                   coalesce(sum(points) FILTER (WHERE target = 'transfer'), 0)::bigint
                       AS transferred,
                   sum(CASE WHEN target IS NULL THEN -points WHEN source IS NULL THEN points
                            ELSE 0 END)::bigint AS unmatched
            FROM (
                SELECT member_id, lot_id, issuer_id, terms_id, sequence, source,
                       CASE WHEN target_lot_id IS NULL THEN target END AS target, points
                FROM ledger.movement WHERE lot_id IS NOT NULL
                UNION ALL
                SELECT member_id, target_lot_id, issuer_id, terms_id, sequence, NULL, target, points
                FROM ledger.movement WHERE target_lot_id IS NOT NULL
            ) AS ends
            GROUP BY member_id, lot_id, issuer_id, terms_id
        ) AS p ON p.member_id = l.member_id AND p.lot_id = l.lot_id
              AND p.issuer_id = l.issuer_id AND p.terms_id = l.terms_id
    """,
    by_member=True,
    rules=(
        Rule(
            name="lot_equation",
            looked="kept",
            wrong="off <> 0 OR least < 0",
            example="format('member %s, lot %s: off by %s', member_id, lot_id, off)"
            " || CASE WHEN least < 0 THEN ', with a figure below its least' ELSE '' END",
        ),
        Rule(
            name="lots_match_postings",
            wrong="posted IS DISTINCT FROM stored",
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
               coalesce(p.available, 0) AS posted_available,
               coalesce(p.pending, 0) AS posted_pending, coalesce(p.held, 0) AS posted_held,
               coalesce(p.debt, 0) AS posted_debt,
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
            SELECT member_id, {_CHANGES}, {_DEBT}
            FROM ledger.movement GROUP BY member_id
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
               ROW(coalesce(p.pending, 0), coalesce(p.available, 0), coalesce(p.held, 0),
                   coalesce(p.debt, 0), coalesce(p.redeemed, 0), coalesce(p.expired, 0)
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
            SELECT issuer_id, {_CHANGES}, {_DEBT},
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
