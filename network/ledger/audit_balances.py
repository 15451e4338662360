"""The audit's passes over what points come to: lots, wallets, issuers."""

from __future__ import annotations

from network.ledger.audit_pass import Pass, Rule

_ACCOUNTS = ("pending", "available", "held", "debt", "redemption")


def _changes(total: str, *accounts: str) -> str:
    """Return SQL for what movements put on accounts less what they took from them, by name.

    ``total`` is the aggregate: ``ledger.total`` where there are many groups. It is asked of
    movements from one account to another: an extension, from available to available, changes
    neither.
    """
    return ", ".join(
        f"{total}(CASE CAST('{account}' AS ledger.account) WHEN target THEN points"
        f" WHEN source THEN -points END) AS {account}"
        for account in accounts
    )


_MEMBERS = "('pending', 'available', 'held', 'debt')"

EQUATIONS = Pass(
    body="""
        SELECT l.member_id, l.lot_id,
               l.granted - l.remaining - l.held - l.redeemed - l.expired - l.clawed_back - l.moved
                   AS off,
               least(l.remaining, l.held, l.redeemed, l.expired, l.clawed_back, l.moved,
                     l.granted - 1,
                     CASE WHEN l.active_from < l.expires_on AND l.price BETWEEN 0 AND 9999999999
                               AND l.open = (l.remaining > 0) THEN 0 ELSE -1 END) AS least
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

# The figures that a lot stores, as its row has them; the movements that add to each, and the
# account that others take it from. A lot was granted what the entry that made it put in; what moved
# on left for another wallet or for a child lot. A movement that goes on in a child lot counts for
# both, an end each: target is NULL where points left for a child, source where they came to one.
_LOT_FIGURES = (
    ("pending", "CASE WHEN active THEN 0 ELSE remaining END", "target = 'pending'", "pending"),
    (
        "available",
        "CASE WHEN active THEN remaining ELSE 0 END",
        "target = 'available'",
        "available",
    ),
    ("held", "held", "target = 'held'", "held"),
    ("redeemed", "redeemed", "target = 'redemption'", "redemption"),
    ("expired", "expired", "target = 'expiry'", ""),
    ("clawed_back", "clawed_back", "target IN ('clawback', 'adjustment')", ""),
    (
        "granted",
        "granted",
        "target IN ('pending', 'available') AND sequence = lot_id / 1000000",
        "",
    ),
    ("moved", "moved", "target = 'transfer' OR target IS NULL", ""),
)
_STORED = ", ".join(f"{stored} AS {name}" for name, stored, *_ in _LOT_FIGURES)
# Against what is stored, so that what a lot's row and its movements come to together is zero.
_POSTED = ", ".join(
    f"CASE WHEN {put} THEN -points"
    + (f" WHEN source = '{account}' THEN points" if account else "")
    + " END"
    for _, _, put, account in _LOT_FIGURES
)
_SUMS = ", ".join(f"ledger.total({name}) AS {name}" for name, *_ in _LOT_FIGURES)
_OFF = " OR ".join(f"{name} <> 0" for name, *_ in _LOT_FIGURES)


def _side(sums: str) -> str:
    return ", ".join(sums.format(name) for name, *_ in _LOT_FIGURES)


_SIDES = (
    f"ROW({_side('ledger.total({}) FILTER (WHERE row_itself)')}) AS stored,"
    f" ROW({_side('-ledger.total({}) FILTER (WHERE NOT row_itself)')}) AS posted"
)

# A lot's own row and its movements meet in one grouping: no join of one with the other.
LOTS = Pass(
    body=f"""
        SELECT member_id, lot_id, {_OFF} AS differs, stored, posted
        FROM (
            SELECT member_id, lot_id, {_SUMS}, {_SIDES}
            FROM (
                SELECT member_id, lot_id, issuer_id, terms_id, true AS row_itself, {_STORED}
                FROM ledger.lot
                UNION ALL
                SELECT member_id, lot_id, issuer_id, terms_id, false, {_POSTED}
                FROM (
                    SELECT member_id, lot_id, issuer_id, terms_id, sequence, source,
                           CASE WHEN target_lot_id IS NULL THEN target END AS target,
                           points::bigint AS points
                    FROM ledger.movement WHERE lot_id IS NOT NULL
                ) AS here
                UNION ALL
                SELECT member_id, lot_id, issuer_id, terms_id, false, {_POSTED}
                FROM (
                    SELECT member_id, target_lot_id AS lot_id, issuer_id, terms_id, sequence,
                           NULL::ledger.account AS source, target, points::bigint AS points
                    FROM ledger.movement WHERE target_lot_id IS NOT NULL
                ) AS there
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
               coalesce(p.available, 0) AS posted_available,
               coalesce(p.pending, 0) AS posted_pending, coalesce(p.held, 0) AS posted_held,
               -coalesce(p.debt, 0) AS posted_debt,
               coalesce(e.entries, 0) AS entries, coalesce(e.last, 0) AS last
        FROM ledger.wallet AS w
        FULL JOIN (
            SELECT member_id, ledger.total(remaining) FILTER (WHERE active) AS available,
                   ledger.total(remaining) FILTER (WHERE NOT active) AS pending,
                   ledger.total(held) AS held
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
            SELECT member_id, {_changes("ledger.total", *_ACCOUNTS[:4])}
            FROM (
                SELECT member_id, source, target, points::bigint AS points
                FROM ledger.movement WHERE source <> target
            ) AS m GROUP BY member_id
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
                   -coalesce(p.debt, 0), coalesce(p.redemption, 0), coalesce(p.expired, 0)
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
            SELECT issuer_id, {_changes("sum", *_ACCOUNTS)},
                   sum(points) FILTER (WHERE target = 'expiry') AS expired,
                   coalesce(sum(points) FILTER (WHERE source NOT IN {_MEMBERS}), 0)
                       - coalesce(sum(points) FILTER (WHERE target NOT IN {_MEMBERS}), 0)
                       AS outstanding
            FROM (
                -- Few ways for each issuer, so that one figure is added up for each movement.
                SELECT issuer_id, source, target, sum(points) AS points FROM ledger.movement
                WHERE source <> target GROUP BY issuer_id, source, target
            ) AS m GROUP BY issuer_id
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
