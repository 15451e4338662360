"""The audit's passes over campaigns: budgets, what was taken of them, and by whom."""

from __future__ import annotations

from network.ledger.audit_pass import Pass, Rule

BUDGETS = Pass(
    body="""
        SELECT campaign_id, c.budget, coalesce(s.budget, 0) AS sliced, coalesce(s.taken, 0) AS taken
        FROM ledger.campaign AS c
        FULL JOIN (SELECT campaign_id, sum(budget) AS budget, sum(taken) AS taken
                   FROM ledger.campaign_slice GROUP BY campaign_id) AS s USING (campaign_id)
    """,
    rules=(
        Rule(
            name="budgets_match_slices",
            wrong="budget IS DISTINCT FROM sliced",
            example="format('campaign %s: budget %s, in slices %s', campaign_id, budget, sliced)",
        ),
        Rule(
            name="budgets_hold",
            wrong="taken > coalesce(budget, 0)",
            example="format('campaign %s: %s taken of %s', campaign_id, taken, budget)",
        ),
    ),
)

SLICES = Pass(
    body="""
        SELECT campaign_id, slice, coalesce(s.taken, 0) AS taken, coalesce(t.points, 0) AS points
        FROM ledger.campaign_slice AS s
        FULL JOIN (SELECT campaign_id, slice, sum(points) AS points
                   FROM ledger.campaign_taking GROUP BY campaign_id, slice) AS t
            USING (campaign_id, slice)
    """,
    rules=(
        Rule(
            name="slices_match_takings",
            wrong="taken <> points",
            example="format('campaign %s, slice %s: %s taken, by entries %s', campaign_id, slice,"
            " taken, points)",
        ),
    ),
)

# What a person brought from another member stands apart; the rest is that of their entries, in
# whichever wallet.
PERSONS = Pass(
    body="""
        SELECT member_id, campaign_id,
               coalesce(p.points - p.brought, 0) AS counted,
               coalesce(p.day_points - p.brought_day, 0) AS counted_day,
               coalesce(sum(t.points), 0) AS points,
               coalesce(sum(t.points) FILTER (WHERE t.business_date >= p.day), 0) AS day_points
        FROM ledger.campaign_person AS p
        FULL JOIN (SELECT coalesce(person_id, member_id) AS member_id, campaign_id, business_date,
                          sum(points) AS points
                   FROM ledger.campaign_taking GROUP BY 1, 2, 3) AS t
            USING (member_id, campaign_id)
        GROUP BY member_id, campaign_id, p.points, p.brought, p.day_points, p.brought_day
    """,
    rules=(
        Rule(
            name="persons_match_takings",
            wrong="(counted, counted_day) IS DISTINCT FROM (points, day_points)",
            example="format('member %s, campaign %s: %s counted, by entries %s; of it on the last"
            " day %s and %s', member_id, campaign_id, counted, points, counted_day, day_points)",
        ),
    ),
)

# What a purchase granted of a campaign is what it took of its budget.
GRANTS = Pass(
    body="""
        SELECT member_id, sequence, campaign_id, coalesce(g.points, 0) AS granted,
               coalesce(t.points, 0) AS points
        FROM (
            SELECT p.member_id, p.sequence, l.campaign_id, sum(p.points) AS points
            FROM ledger.movement AS p JOIN ledger.lot AS l USING (member_id, lot_id)
            WHERE p.source = 'issuance' AND l.campaign_id IS NOT NULL
            GROUP BY p.member_id, p.sequence, l.campaign_id
        ) AS g
        FULL JOIN (SELECT member_id, sequence, campaign_id, sum(points) AS points
                   FROM ledger.campaign_taking GROUP BY member_id, sequence, campaign_id) AS t
            USING (member_id, sequence, campaign_id)
    """,
    rules=(
        Rule(
            name="takings_match_grants",
            wrong="granted <> points",
            example="format('member %s, entry %s, campaign %s: granted %s, taken %s', member_id,"
            " sequence, campaign_id, granted, points)",
        ),
    ),
)
