"""The audit's passes over what belongs together: refunds, references, parties, days."""

from __future__ import annotations

from network.ledger.audit_pass import ENTRY, Pass, Rule

# What a refund took back stands in its own entry: from lots (clawback) or as debt (receivable).
EARNED = Pass(
    body="""
        SELECT member_id, sequence, issuer_id,
               coalesce(g.points, 0) AS points, coalesce(g.clawed_back, 0) AS clawed_back,
               coalesce(i.points, 0) AS issued, coalesce(r.points, 0) AS taken_back
        FROM (
            SELECT member_id, sequence, issuer_id, sum(points) AS points,
                   sum(clawed_back) AS clawed_back
            FROM ledger.earned_part GROUP BY member_id, sequence, issuer_id
        ) AS g
        FULL JOIN (
            SELECT member_id, sequence, issuer_id, sum(points) AS points FROM ledger.movement
            WHERE source = 'issuance' GROUP BY member_id, sequence, issuer_id
        ) AS i USING (member_id, sequence, issuer_id)
        FULL JOIN (
            SELECT e.member_id, e.original_sequence AS sequence, p.issuer_id,
                   sum(p.points) AS points
            FROM ledger.entry AS e
            JOIN ledger.movement AS p USING (member_id, sequence, business_date)
            WHERE e.kind = 'refund_issuance' AND p.target IN ('clawback', 'receivable')
            GROUP BY e.member_id, e.original_sequence, p.issuer_id
        ) AS r USING (member_id, sequence, issuer_id)
    """,
    by_member=True,
    rules=(
        Rule(
            name="earned_match_postings",
            wrong="points <> issued",
            example="format('member %s, entry %s, issuer %s: earned %s, issued %s', member_id,"
            " sequence, issuer_id, points, issued)",
        ),
        Rule(
            name="clawbacks_match_postings",
            looked="clawed_back <> 0 OR taken_back <> 0",
            wrong="clawed_back <> taken_back",
            example="format('member %s, entry %s, issuer %s: clawed back %s, by refunds %s',"
            " member_id, sequence, issuer_id, clawed_back, taken_back)",
        ),
    ),
)

# What belongs to one grant stands at one place of each array (ledger.earned_part reads them so).
EARNED_ARRAYS = Pass(
    body="""
        SELECT e.member_id, e.sequence, e.business_date,
               cardinality(e.lines) AS grants,
               ARRAY[cardinality(e.issuer_ids), cardinality(e.lots), cardinality(e.terms_ids),
                     cardinality(e.bases), cardinality(e.points)] AS others,
               greatest(cardinality(e.refunded), cardinality(e.clawed_back)) AS taken_back
        FROM ledger.earned AS e
    """,
    by_member=True,
    rules=(
        Rule(
            name="earned_arrays",
            wrong="grants <> ANY (others) OR taken_back > grants",
            example=f"{ENTRY} || format(': %s grants, in other arrays %s, taken back of %s',"
            " grants, others, taken_back)",
        ),
    ),
)

CONSUMPTION = Pass(
    body="""
        SELECT member_id, sequence, lot_id, acceptor_id,
               coalesce(c.points, 0) AS points, coalesce(c.refunded, 0) AS refunded,
               coalesce(t.points, 0) AS taken, coalesce(r.points, 0) AS given_back
        FROM (
            SELECT member_id, sequence, lot_id, acceptor_id, sum(points) AS points,
                   sum(refunded) AS refunded
            FROM ledger.consumption GROUP BY member_id, sequence, lot_id, acceptor_id
        ) AS c
        FULL JOIN (
            SELECT member_id, sequence, lot_id, acceptor_id, sum(points) AS points
            FROM ledger.movement WHERE target = 'redemption'
            GROUP BY member_id, sequence, lot_id, acceptor_id
        ) AS t USING (member_id, sequence, lot_id, acceptor_id)
        FULL JOIN (
            SELECT e.member_id, e.original_sequence AS sequence, p.lot_id, p.acceptor_id,
                   sum(p.points) AS points
            FROM ledger.entry AS e
            JOIN ledger.movement AS p USING (member_id, sequence, business_date)
            WHERE e.kind = 'refund_redemption' AND p.source = 'redemption'
            GROUP BY e.member_id, e.original_sequence, p.lot_id, p.acceptor_id
        ) AS r USING (member_id, sequence, lot_id, acceptor_id)
    """,
    by_member=True,
    rules=(
        Rule(
            name="consumption_matches_postings",
            wrong="points <> taken",
            example="format('member %s, entry %s, lot %s: consumed %s, posted %s', member_id,"
            " sequence, lot_id, points, taken)",
        ),
        Rule(
            name="redeposits_match_postings",
            looked="refunded <> 0 OR given_back <> 0",
            wrong="refunded <> given_back",
            example="format('member %s, entry %s, lot %s: refunded %s, given back %s', member_id,"
            " sequence, lot_id, refunded, given_back)",
        ),
    ),
)

# Two wallets: each entry names the other, and what one sends to transfer the other takes from
# there, movement by movement.
TRANSFERS = Pass(
    body="""
        SELECT e.member_id, e.sequence, e.business_date,
               o.member_id IS NOT NULL AND o.facts ->> 'member_id' = e.member_id::text
                   AND (o.facts ->> 'sequence')::bigint = e.sequence AS linked,
               e.lines IS NOT DISTINCT FROM o.mirrored AS mirrored
        FROM (
            SELECT e.member_id, e.sequence, e.business_date, e.kind, p.lines,
                   e.explanation #> '{0,facts}' AS facts
            FROM ledger.entry AS e
            LEFT JOIN (
                SELECT member_id, sequence, business_date, string_agg(
                    concat_ws(' ', source = 'transfer', issuer_id, terms_id, points), ', '
                    ORDER BY line) AS lines
                FROM ledger.movement WHERE source = 'transfer' OR target = 'transfer'
                GROUP BY member_id, sequence, business_date
            ) AS p USING (member_id, sequence, business_date)
            WHERE e.kind IN ('transfer', 'join', 'leave', 'merge')
        ) AS e
        LEFT JOIN (
            SELECT e.member_id, e.sequence, e.business_date, e.kind, p.mirrored,
                   e.explanation #> '{0,facts}' AS facts
            FROM ledger.entry AS e
            LEFT JOIN (
                SELECT member_id, sequence, business_date, string_agg(
                    concat_ws(' ', target = 'transfer', issuer_id, terms_id, points), ', '
                    ORDER BY line) AS mirrored
                FROM ledger.movement WHERE source = 'transfer' OR target = 'transfer'
                GROUP BY member_id, sequence, business_date
            ) AS p USING (member_id, sequence, business_date)
            WHERE e.kind IN ('transfer', 'join', 'leave', 'merge')
        ) AS o ON o.member_id::text = e.facts ->> 'member_id'
              AND o.sequence = (e.facts ->> 'sequence')::bigint
              AND o.business_date = e.business_date AND o.kind = e.kind
    """,
    rules=(
        Rule(
            name="transfers_name_each_other",
            wrong="linked IS NOT TRUE",
            example=f"{ENTRY} || ': the other half is missing or names another'",
        ),
        Rule(
            name="transfers_mirror_each_other",
            wrong="NOT mirrored",
            example=f"{ENTRY} || ': the other half moves other points'",
        ),
    ),
)

# The ledger takes the ids of the two people behind a correction as they are given. That they differ
# is looked at with the entries (two_people), here that there are such operators.
CORRECTIONS = Pass(
    body="""
        SELECT e.member_id, e.sequence, e.business_date, e.actor,
               a.operator_id IS NOT NULL AND b.operator_id IS NOT NULL AS known
        FROM ledger.entry AS e
        LEFT JOIN network.operator AS a
            ON split_part(e.actor, ' ', 1) = 'operator:' || a.operator_id
        LEFT JOIN network.operator AS b
            ON split_part(e.actor, ' ', 2) = 'operator:' || b.operator_id
        WHERE e.kind IN ('adjustment', 'write_off')
    """,
    rules=(
        Rule(
            name="operators_exist",
            wrong="NOT known",
            example=f"{ENTRY} || format(': %s are not both operators', actor)",
        ),
    ),
)

LOCKED = Pass(
    body="""
        SELECT p.member_id, p.sequence, p.business_date, p.lot_id, p.acceptor_id, l.locked_to
        FROM ledger.movement AS p JOIN ledger.lot AS l USING (member_id, lot_id)
        WHERE (p.target = 'redemption' OR p.source = 'redemption') AND l.locked_to IS NOT NULL
    """,
    rules=(
        Rule(
            name="locked_credit",
            wrong="acceptor_id IS DISTINCT FROM locked_to",
            example=f"{ENTRY} || format(': lot %s is for %s alone', lot_id, locked_to)",
        ),
    ),
)

REFERENCES = Pass(
    body="""
        SELECT r.member_id, r.merchant_id, r.kind, r.merchant_ref, r.state, r.sequence,
               r.moved_from,
               (e.merchant_id, e.merchant_ref) IS NOT DISTINCT FROM (r.merchant_id, r.merchant_ref)
                   OR r.state IN ('moved', 'barred') AND e.kind IN ('join', 'merge') AS held
        FROM ledger.reference AS r
        LEFT JOIN ledger.entry AS e USING (member_id, sequence, business_date)
    """,
    rules=(
        Rule(
            name="references_have_entries",
            wrong="held IS NOT TRUE",
            example="format('member %s, merchant %s, %s %s: entry %s is not its own', member_id,"
            " merchant_id, kind, merchant_ref, sequence)",
        ),
        Rule(
            name="reference_states",
            wrong="state NOT IN ('used', 'free', 'barred', 'moved')"
            " OR (state = 'moved') <> (moved_from IS NOT NULL)",
            example="format('member %s, merchant %s, %s %s: %s is no state of one from %s',"
            " member_id, merchant_id, kind, merchant_ref, state, coalesce(moved_from, member_id))",
        ),
    ),
)

RESULTS = Pass(
    body="""
        SELECT i.client_id, i.key, i.member_id, i.sequence, e.member_id IS NOT NULL AS entered
        FROM ledger.idempotency AS i
        LEFT JOIN ledger.entry AS e USING (member_id, sequence, business_date)
        WHERE i.sequence <> 0  -- zero: a request that moved no points (21_keys.sql)
    """,
    rules=(
        Rule(
            name="results_have_entries",
            wrong="NOT entered",
            example="format('client %s, key %s: no entry %s of member %s', client_id, key,"
            " sequence, member_id)",
        ),
    ),
)

EVIDENCE = Pass(
    body="""
        SELECT v.member_id, v.sequence, v.business_date, e.member_id IS NOT NULL AS entered
        FROM (SELECT member_id, sequence, business_date FROM ledger.evidence) AS v
        LEFT JOIN ledger.entry AS e USING (member_id, sequence, business_date)
    """,
    rules=(
        Rule(
            name="evidence_has_entries",
            wrong="NOT entered",
            example=f"{ENTRY} || ': evidence of an entry that is not there'",
        ),
    ),
)

# The lines of a batch name the entries that they made (0013_batches.sql).
BATCHES = Pass(
    body="""
        SELECT b.batch_id, b.line, b.member_id, b.sequence,
               (e.merchant_id, e.recorded_at) IS NOT DISTINCT FROM (b.merchant_id, b.recorded_at)
                   AS made
        FROM (
            SELECT batch_id, merchant_id, recorded_at, unnest(members) AS member_id,
                   unnest(sequences) AS sequence, unnest(lines) AS line
            FROM network.batch_entries
        ) AS b
        LEFT JOIN ledger.entry AS e USING (member_id, sequence)
    """,
    rules=(
        Rule(
            name="batch_lines_have_entries",
            wrong="NOT made",
            example="format('batch %s, line %s: entry %s of member %s is not its own', batch_id,"
            " line, sequence, member_id)",
        ),
    ),
)

NETWORK = "'00000000-0000-7000-8000-000000000000'::uuid"
"""The network as an issuer; its name for those above is ``network.clearing.parties``."""

# The foreign keys that were left out of the tables that every call writes.
PARTIES = Pass(
    body="""
        SELECT g.issuer_id, g.acceptor_id, g.merchant_id, g.terms_id,
               concat_ws(', ',
                   CASE WHEN i.merchant_id IS NULL AND g.issuer_id <> {network}
                        THEN g.issuer_id END,
                   CASE WHEN a.merchant_id IS NULL THEN g.acceptor_id END,
                   CASE WHEN m.merchant_id IS NULL THEN g.merchant_id END) AS strangers,
               t.agreement_id IS NOT NULL OR c.campaign_id IS NOT NULL AS agreed
        FROM (
            SELECT issuer_id, acceptor_id, NULL::uuid AS merchant_id, terms_id
            FROM ledger.movement GROUP BY issuer_id, acceptor_id, terms_id
            UNION ALL
            SELECT NULL, NULL, merchant_id, NULL FROM ledger.entry
            WHERE merchant_id IS NOT NULL GROUP BY merchant_id
        ) AS g
        LEFT JOIN network.merchant AS i ON i.merchant_id = g.issuer_id
        LEFT JOIN network.merchant AS a ON a.merchant_id = g.acceptor_id
        LEFT JOIN network.merchant AS m ON m.merchant_id = g.merchant_id
        LEFT JOIN network.agreement AS t
            ON t.agreement_id = g.terms_id AND t.merchant_id = g.issuer_id
        -- The network's points stand on the campaign that it approved.
        LEFT JOIN ledger.campaign AS c ON c.campaign_id = g.terms_id
            AND g.issuer_id = {network}
    """.replace("{network}", NETWORK),
    rules=(
        Rule(
            name="merchants_exist",
            wrong="strangers <> ''",
            example="format('no merchant %s', strangers)",
        ),
        Rule(
            name="terms_exist",
            looked="terms_id IS NOT NULL",
            wrong="NOT agreed",
            example="format('issuer %s has no terms %s', issuer_id, terms_id)",
        ),
    ),
)

DAYS = Pass(
    body="""
        SELECT business_date, flipped_at,
               lag(business_date) OVER days AS before, lead(business_date) OVER days AS after
        FROM ledger.business_day WINDOW days AS (ORDER BY business_date)
        UNION ALL
        SELECT NULL, NULL, NULL, NULL WHERE NOT EXISTS (SELECT FROM ledger.business_day)
    """,
    rules=(
        Rule(
            name="one_open_day",
            wrong="business_date IS NULL OR (flipped_at IS NULL) <> (after IS NULL)"
            " OR coalesce(business_date <> before + 1, false)",
            example="coalesce(business_date::text, 'no business day is open')",
        ),
    ),
)
