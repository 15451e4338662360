"""The audit of corrections: each entry that corrects stands on one proposal of two people.

The ledger takes issuer, points and people as its caller gives them; that two people saw the same is
only in ``network.adjustment``. So each is looked for among the other: same wallet, sequence, day
and moment, same issuer, points, kind and people, and for points that were given the same end of
their life; what they cost is held against their terms, like all points (``audit_lots``). What
reconciliation corrects are such rows too.
"""

from __future__ import annotations

from network.ledger.audit_links import NETWORK
from network.ledger.audit_pass import Pass, Rule

# A row names the member who was asked about, an entry the wallet in which that member's points
# were, which they may have left since. Who was at home there is what the wallet's own entries say,
# going back: whoever came in before (join, merge), and whoever had come into theirs before that,
# unless they left before the entry. Entries of a wallet are in the order of their sequence.
# Points that were corrected go on with the terms they had, so only what adjusts is compared.
CORRECTIONS = Pass(
    body=f"""
        WITH RECURSIVE told AS MATERIALIZED (
            SELECT e.member_id, e.sequence, e.business_date, e.recorded_at, e.kind, e.actor,
                   e.explanation #>> '{{0,reason}}' AS reason,
                   e.explanation #>> '{{0,facts,member_id}}' AS other_id,
                   (e.explanation #>> '{{0,facts,sequence}}')::bigint AS other_sequence
            FROM ledger.entry AS e
            WHERE e.kind IN ('adjustment', 'write_off', 'join', 'merge', 'leave')
        ), corrected AS MATERIALIZED (
            SELECT t.member_id, t.sequence, t.business_date, t.recorded_at, t.actor,
                   CASE WHEN t.kind = 'write_off' THEN 'write_off'
                        WHEN bool_and(p.source = 'adjustment') THEN 'up'
                        WHEN bool_and(p.target = 'adjustment') THEN 'down' END AS kind,
                   array_agg(DISTINCT p.issuer_id) AS issuers,
                   array_agg(DISTINCT p.terms_id) AS terms,
                   coalesce(ledger.total(p.points), 0) AS points
            FROM told AS t
            LEFT JOIN ledger.movement AS p
                ON (p.member_id, p.sequence, p.business_date)
                    = (t.member_id, t.sequence, t.business_date)
               AND ('adjustment' IN (p.source, p.target) OR t.kind = 'write_off')
            WHERE t.kind IN ('adjustment', 'write_off')
            GROUP BY 1, 2, 3, 4, 5, t.kind
        ), at_home AS (
            SELECT c.member_id, c.sequence, c.member_id::text AS person_id,
                   ARRAY[c.member_id::text] AS wallets, ARRAY[c.sequence] AS moments
            FROM corrected AS c
            UNION ALL
            SELECT h.member_id, h.sequence, t.other_id, t.other_id || h.wallets,
                   t.other_sequence || h.moments
            FROM at_home AS h
            JOIN told AS t ON t.member_id::text = h.person_id AND t.sequence < h.moments[1]
            WHERE t.kind IN ('join', 'merge') AND t.reason = 'received'
              AND t.other_id <> ALL (h.wallets)
              AND NOT EXISTS (
                SELECT FROM unnest(h.wallets, h.moments) AS m (wallet, moment)
                JOIN told AS l ON l.member_id::text = m.wallet AND l.sequence < m.moment
                WHERE l.kind = 'leave' AND l.reason = 'given' AND l.other_id = t.other_id
                  AND l.other_sequence > t.other_sequence)
        ), agreed AS MATERIALIZED (
            SELECT DISTINCT c.member_id, c.sequence, c.business_date, a.adjustment_id
            FROM corrected AS c
            JOIN at_home AS h USING (member_id, sequence)
            JOIN network.adjustment AS a
                ON a.member_id::text = h.person_id AND a.sequence = c.sequence
               AND a.business_date = c.business_date AND a.decided_at = c.recorded_at
               AND a.kind = c.kind AND a.points = c.points AND ARRAY[a.issuer_id] = c.issuers
               AND format('operator:%s operator:%s', a.proposed_by, a.decided_by) = c.actor
            WHERE a.state = 'posted' AND a.decided_by <> a.proposed_by
              AND (a.kind <> 'write_off' OR a.member_id = c.member_id)
              AND (a.kind <> 'up' OR a.issuer_id <> {NETWORK}
                   OR c.terms = ARRAY[a.adjustment_id])
              AND (a.kind <> 'up' OR EXISTS (
                SELECT FROM ledger.lot AS l
                WHERE l.member_id = c.member_id AND l.lot_id = c.sequence * 1000000 + 1
                  AND l.granted = a.points AND l.expires_on = a.expires_on
                  AND l.locked_to IS NULL AND l.campaign_id IS NULL))
        )
        SELECT 'entry' AS what, c.member_id, c.sequence, c.business_date, c.kind, c.points,
               NULL::uuid AS adjustment_id,
               (SELECT count(*) FROM agreed AS g
                WHERE (g.member_id, g.sequence, g.business_date)
                    = (c.member_id, c.sequence, c.business_date)) AS found
        FROM corrected AS c
        UNION ALL
        SELECT 'row', a.member_id, a.sequence, a.business_date, a.kind, a.points, a.adjustment_id,
               (SELECT count(*) FROM agreed AS g WHERE g.adjustment_id = a.adjustment_id)
        FROM network.adjustment AS a WHERE a.state = 'posted'
    """,
    rules=(
        Rule(
            name="two_people_behind_corrections",
            looked="what = 'entry'",
            wrong="found <> 1",
            example="format('member %s, entry %s of %s: %s posted, %s points; proposals of two"
            " people that say the same: %s', member_id, sequence, business_date,"
            " coalesce(kind, 'nothing'), points, found)",
        ),
        Rule(
            name="corrections_have_entries",
            looked="what = 'row'",
            wrong="found <> 1",
            example="format('correction %s: %s of %s points for member %s, entry %s of %s; entries"
            " that say the same: %s', adjustment_id, kind, points, member_id, sequence,"
            " business_date, found)",
        ),
    ),
)

DECIDED_TOGETHER = Pass(
    body="""
        SELECT c.correction_id, c.state, a.state AS its_state,
               c.decided_by IS NOT DISTINCT FROM a.decided_by
               AND (c.state <> 'posted' OR c.business_date = a.business_date) AS alike
        FROM network.correction AS c
        JOIN network.adjustment AS a ON a.adjustment_id = c.adjustment_id
    """,
    rules=(
        Rule(
            name="corrections_decided_with_points",
            wrong="state <> its_state OR NOT alike",
            example="format('correction %s is %s, its points are %s', correction_id, state,"
            " its_state)",
        ),
    ),
)
