"""The audit's passes over what was earned and spent, and what refunds took or gave back of it."""

from __future__ import annotations

from itertools import combinations

from network.ledger.audit_pass import Pass, Rule

# What purchases earned, lot by lot, beside what their movements issued; and of what base their
# lines are, beside that of the purchase. Most purchases have few lines, each once, and one lot:
# they are added up where they stand. The others are taken apart; a function in FROM, which is
# called anew for each, is for them alone. A comparison with ALL is not true where a number is
# missing.
_PLACES = (1, 2, 3, 4)
_PLAIN = (
    f"(array_length(earned, 1) <= {_PLACES[-1]} AND array_length(earned, 2) = 3"
    " AND (0 <= ALL (earned) OR -1 <= ALL (earned) AND 0 <= least("
    + ", ".join(f"earned[{place}][2], earned[{place}][3]" for place in _PLACES)
    + ")) AND ("
    + " OR ".join(
        f"earned[{one}][1] = earned[{other}][1]" for one, other in combinations(_PLACES, 2)
    )
    + ") IS NOT TRUE) IS TRUE"
)


def _sum(figure: int) -> str:
    return " + ".join(f"coalesce(earned[{place}][{figure}], 0)" for place in _PLACES)


EARNED = Pass(
    body=f"""
        SELECT member_id, sequence, lot_id, ledger.total(points) AS points,
               ledger.total(issued) AS issued, bool_or(odd) AS odd, bool_or(unlike) AS unlike
        FROM (
            SELECT member_id, sequence,
                   CASE WHEN points <> 0 THEN sequence * 1000000 + place_of_lot END AS lot_id,
                   points, NULL::bigint AS issued, odd, unlike
            FROM (
                SELECT member_id, sequence,
                       CASE WHEN plain THEN {_sum(3)} ELSE earned[place][3] END AS points,
                       CASE WHEN plain THEN 1 ELSE coalesce(earned[place][4], 1) END
                           AS place_of_lot,
                       NOT plain AND (
                           earned[place][1] >= -1 AND earned[place][2] >= 0
                           AND earned[place][3] >= 0 AND array_length(earned, 2) IN (3, 4)
                       ) IS NOT TRUE AS odd,
                       CASE WHEN plain THEN {_sum(2)} <> whole
                            WHEN place = 1 THEN whole IS DISTINCT FROM (
                                SELECT sum(base) FROM (
                                    SELECT DISTINCT earned[line][1], earned[line][2] AS base
                                    FROM generate_subscripts(earned, 1) AS line) AS lines)
                                AND whole IS NOT NULL
                       END AS unlike
                FROM (
                    SELECT member_id, sequence, earned, whole, plain, generate_subscripts(
                               CASE WHEN plain THEN '{{1}}' ELSE earned END, 1) AS place
                    FROM (
                        SELECT member_id, sequence, earned, coalesce(base, amount) AS whole,
                               {_PLAIN} AS plain
                        FROM ledger.entry WHERE earned IS NOT NULL OFFSET 0
                    ) AS purchases
                ) AS parts
            ) AS e
            UNION ALL
            SELECT member_id, sequence, lot_id, NULL, points::bigint, false, false
            FROM ledger.movement WHERE source = 'issuance'
        ) AS found GROUP BY member_id, sequence, lot_id
    """,
    by_member=True,
    rules=(
        Rule(
            name="earned_match_postings",
            looked="lot_id IS NOT NULL",
            wrong="points <> issued",
            example="format('member %s, entry %s, lot %s: earned %s, issued %s', member_id,"
            " sequence, lot_id, points, issued)",
        ),
        Rule(
            name="earned_parts",
            wrong="odd",
            example="format('member %s, entry %s, lot %s: a part that cannot be', member_id,"
            " sequence, lot_id)",
        ),
        Rule(
            name="earned_bases",
            wrong="coalesce(unlike, false)",
            example="format('member %s, entry %s: its lines are not of the base of the purchase',"
            " member_id, sequence)",
        ),
    ),
)

# What refunds have taken back of a part, beside what the purchase says of it.
TAKEN_BACK = Pass(
    body="""
        SELECT t.member_id, t.sequence, t.part, ROW(t.base, t.points, t.issuer_id) AS stored,
               ROW(e.earned[t.part + 1][2], e.earned[t.part + 1][3],
                   CASE WHEN t.points = 0 THEN e.merchant_id ELSE m.issuer_id END) AS bought
        FROM ledger.taken_back AS t
        LEFT JOIN ledger.entry AS e USING (member_id, sequence)
        -- Few purchases are refunded, so movements look for them and not they for a movement: no
        -- expression is a key, of which the planner knows nothing.
        LEFT JOIN ledger.movement AS m ON m.member_id = t.member_id AND m.sequence = t.sequence
            AND m.source = 'issuance' AND (m.business_date = e.business_date
            AND m.lot_id = e.sequence * 1000000 + coalesce(e.earned[t.part + 1][4], 1)) IS TRUE
    """,
    by_member=True,
    rules=(
        Rule(
            name="taken_back_match_earned",
            wrong="stored IS DISTINCT FROM bought",
            example="format('member %s, entry %s, part %s: %s, the purchase says %s', member_id,"
            " sequence, part, stored, bought)",
        ),
    ),
)

# What a refund took back stands in its own entry: from lots (clawback) or as debt (receivable).
CLAWBACKS = Pass(
    body="""
        SELECT member_id, sequence, issuer_id, ledger.total(clawed_back) AS clawed_back,
               ledger.total(taken_back) AS taken_back
        FROM (
            SELECT member_id, sequence, issuer_id, clawed_back, NULL::bigint AS taken_back
            FROM ledger.taken_back
            UNION ALL
            SELECT e.member_id, e.original_sequence, p.issuer_id, NULL, p.points::bigint
            FROM ledger.entry AS e
            JOIN ledger.movement AS p USING (member_id, sequence, business_date)
            WHERE e.kind = 'refund_issuance' AND p.target IN ('clawback', 'receivable')
        ) AS found GROUP BY member_id, sequence, issuer_id
    """,
    by_member=True,
    rules=(
        Rule(
            name="clawbacks_match_postings",
            looked="clawed_back <> 0 OR taken_back <> 0",
            wrong="clawed_back <> taken_back",
            example="format('member %s, entry %s, issuer %s: clawed back %s, by refunds %s',"
            " member_id, sequence, issuer_id, clawed_back, taken_back)",
        ),
    ),
)

# What was refunded of a line stands with each of its parts (so if any of it was, all parts are
# there), and in all in the refunds' entries.
REFUNDED = Pass(
    body="""
        SELECT member_id, sequence, ledger.total(refunded) AS refunded,
               ledger.total(given_back) AS given_back, bool_or(uneven) AS uneven
        FROM (
            SELECT member_id, sequence, max(refunded) AS refunded, NULL::bigint AS given_back,
                   min(refunded) <> max(refunded)
                       OR max(refunded) > 0 AND count(*) <> max(parts) AS uneven
            FROM (
                SELECT t.member_id, t.sequence, t.refunded, e.earned[t.part + 1][1] AS line,
                       (SELECT count(*) FROM generate_subscripts(e.earned, 1) AS place
                        WHERE e.earned[place][1] = e.earned[t.part + 1][1]) AS parts
                FROM ledger.taken_back AS t
                LEFT JOIN ledger.entry AS e USING (member_id, sequence)
            ) AS parts GROUP BY member_id, sequence, line
            UNION ALL
            SELECT member_id, original_sequence, NULL, amount, false
            FROM ledger.entry WHERE kind = 'refund_issuance'
        ) AS found GROUP BY member_id, sequence
    """,
    by_member=True,
    rules=(
        Rule(
            name="refunds_match_entries",
            looked="refunded <> 0 OR given_back <> 0 OR uneven",
            wrong="refunded <> given_back OR uneven",
            example="format('member %s, entry %s: refunded %s, by refunds %s', member_id,"
            " sequence, refunded, given_back)",
        ),
    ),
)

CONSUMPTION = Pass(
    body="""
        SELECT member_id, sequence, lot_id, acceptor_id, ledger.total(points) AS points,
               ledger.total(refunded) AS refunded, ledger.total(taken) AS taken,
               ledger.total(given_back) AS given_back
        FROM (
            SELECT r.member_id, r.sequence, p.lot_id, p.acceptor_id, r.points, r.refunded,
                   coalesce(p.points, 0)::bigint AS taken, NULL::bigint AS given_back
            FROM ledger.redeposited AS r
            LEFT JOIN (SELECT * FROM ledger.movement WHERE target = 'redemption') AS p
                USING (member_id, sequence, line)
            UNION ALL
            SELECT e.member_id, e.original_sequence, p.lot_id, p.acceptor_id, NULL, NULL, NULL,
                   p.points::bigint
            FROM ledger.entry AS e
            JOIN ledger.movement AS p USING (member_id, sequence, business_date)
            WHERE e.kind = 'refund_redemption' AND p.source = 'redemption'
        ) AS found GROUP BY member_id, sequence, lot_id, acceptor_id
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
