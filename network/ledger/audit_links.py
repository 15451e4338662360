"""The audit's passes over what belongs together: transfers, references, parties, days."""

from __future__ import annotations

from network.ledger.audit_pass import ENTRY, Pass, Rule

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

# Who is in a shared wallet has closed their own, which points there.
SHARED = Pass(
    body="""
        SELECT coalesce(s.member_id, j.member_id) AS member_id, s.pool_id, w.moved_to, w.status
        FROM ledger.shared_person AS s
        FULL JOIN (
            SELECT w.member_id FROM ledger.wallet AS w
            WHERE w.moved_to IS NOT NULL AND 'join' = (
                SELECT e.kind FROM ledger.entry AS e
                WHERE e.member_id = w.member_id AND e.kind IN ('join', 'merge')
                ORDER BY e.sequence DESC LIMIT 1)
        ) AS j ON j.member_id = s.member_id
        LEFT JOIN ledger.wallet AS w ON w.member_id = coalesce(s.member_id, j.member_id)
    """,
    rules=(
        Rule(
            name="people_are_in_their_pools",
            wrong="pool_id IS DISTINCT FROM moved_to OR status IS DISTINCT FROM 'closed'",
            example="format('member %s: in %s, the wallet points to %s and is %s', member_id,"
            " pool_id, moved_to, status)",
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

# Whatever names an entry by its key looks it up in one join. A result with sequence zero is that of
# a request that moved no points (21_keys.sql).
REQUESTS = Pass(
    body="""
        SELECT k.what, k.member_id, k.sequence, k.business_date, k.client_id, k.kind, k.key,
               k.state, k.moved_from, e.kind IS NOT NULL AS entered,
               (e.merchant_id, e.merchant_ref) IS NOT DISTINCT FROM (k.client_id, k.key)
                   OR k.state IN ('moved', 'barred') AND e.kind IN ('join', 'leave', 'merge')
                   AS held
        FROM (
            SELECT 'reference' AS what, member_id, sequence, business_date,
                   merchant_id AS client_id, kind, merchant_ref AS key, state, moved_from
            FROM ledger.reference
            UNION ALL
            SELECT 'result', member_id, sequence, business_date, client_id, NULL, key, NULL, NULL
            FROM ledger.idempotency WHERE sequence <> 0
            UNION ALL
            SELECT 'evidence', member_id, sequence, business_date, NULL, NULL, NULL, NULL, NULL
            FROM ledger.evidence
        ) AS k
        LEFT JOIN ledger.entry AS e USING (member_id, sequence, business_date)
    """,
    rules=(
        Rule(
            name="references_have_entries",
            looked="what = 'reference'",
            wrong="held IS NOT TRUE",
            example="format('member %s, merchant %s, %s %s: entry %s is not its own', member_id,"
            " client_id, kind, key, sequence)",
        ),
        Rule(
            name="reference_states",
            looked="what = 'reference'",
            wrong="state NOT IN ('used', 'free', 'barred', 'moved')"
            " OR (state = 'moved') <> (moved_from IS NOT NULL)",
            example="format('member %s, merchant %s, %s %s: %s is no state of one from %s',"
            " member_id, client_id, kind, key, state, coalesce(moved_from, member_id))",
        ),
        Rule(
            name="results_have_entries",
            looked="what = 'result'",
            wrong="NOT entered",
            example="format('client %s, key %s: no entry %s of member %s', client_id, key,"
            " sequence, member_id)",
        ),
        Rule(
            name="evidence_has_entries",
            looked="what = 'evidence'",
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
               t.agreement_id IS NOT NULL OR c.campaign_id IS NOT NULL
                   OR j.adjustment_id IS NOT NULL AS agreed
        FROM (
            SELECT issuer_id, acceptor_id, NULL::uuid AS merchant_id, terms_id,
                   source = 'issuance' AS earned
            FROM ledger.movement GROUP BY issuer_id, acceptor_id, terms_id, source = 'issuance'
            UNION ALL
            SELECT NULL, NULL, merchant_id, NULL, false FROM ledger.entry
            WHERE merchant_id IS NOT NULL GROUP BY merchant_id
        ) AS g
        LEFT JOIN network.merchant AS i ON i.merchant_id = g.issuer_id
        LEFT JOIN network.merchant AS a ON a.merchant_id = g.acceptor_id
        LEFT JOIN network.merchant AS m ON m.merchant_id = g.merchant_id
        LEFT JOIN network.agreement AS t
            ON t.agreement_id = g.terms_id AND t.merchant_id = g.issuer_id
        -- The network's points stand on the campaign, or the correction, that two people approved;
        -- how many a correction gave is held against it with decisions, and no purchase earns them.
        LEFT JOIN ledger.campaign AS c ON c.campaign_id = g.terms_id
            AND g.issuer_id = {network}
        LEFT JOIN network.adjustment AS j ON j.adjustment_id = g.terms_id
            AND j.state = 'posted' AND g.issuer_id = {network} AND NOT g.earned
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
