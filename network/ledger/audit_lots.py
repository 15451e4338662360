"""The audit's passes over what lots are: their prices, and what a lot that goes on keeps.

What a lot is stands in the digest of the entry that made it (``ledger.lot_form``), so a change made
afterwards is found there. Here, what was written is held against what was agreed.
"""

from __future__ import annotations

from network.ledger.audit_links import NETWORK
from network.ledger.audit_pass import Pass, Rule

# Who honours a point pays its price, so it is what two people agreed on: the issuer's agreement, or
# for the network's own points a face value. A lot that continues another has all that the other
# had, and lives longer.
PRICES = Pass(
    body="""
        SELECT l.issuer_id, l.terms_id, l.price, l.lots,
               CASE WHEN l.issuer_id <> {network} THEN a.issue_price IS NOT NULL
                    ELSE EXISTS (SELECT FROM network.face_value) END AS known,
               CASE WHEN l.issuer_id <> {network} THEN a.issue_price = l.price
                    ELSE EXISTS (
                        SELECT FROM network.face_value AS v
                        WHERE abs(l.price * v.denominator - v.numerator) * 20000000000
                              <= v.denominator) END AS agreed
        FROM (
            SELECT issuer_id, terms_id, price, count(*) AS lots
            FROM ledger.lot GROUP BY issuer_id, terms_id, price
        ) AS l
        LEFT JOIN network.agreement AS a ON a.agreement_id = l.terms_id
    """.replace("{network}", NETWORK),
    rules=(
        Rule(
            name="lots_cost_what_was_agreed",
            looked="known",  # whether there are such terms is another check
            wrong="NOT agreed",
            example="format('%s lots of issuer %s at %s a point: its terms %s have another price',"
            " lots, issuer_id, price, terms_id)",
        ),
    ),
)

CHILDREN = Pass(
    body="""
        SELECT c.member_id, c.lot_id,
               p.lot_id IS NOT NULL AND c.expires_on > p.expires_on
               AND (c.issuer_id, c.terms_id, c.price) = (p.issuer_id, p.terms_id, p.price)
               AND (c.campaign_id, c.locked_to) IS NOT DISTINCT FROM (p.campaign_id, p.locked_to)
                   AS alike
        FROM ledger.lot AS c
        LEFT JOIN ledger.lot AS p
            ON p.member_id = c.member_id AND p.lot_id = c.parent_lot_id
        WHERE c.parent_lot_id IS NOT NULL
    """,
    by_member=True,
    rules=(
        Rule(
            name="lots_continue_lots",
            wrong="NOT coalesce(alike, false)",
            example="format('member %s, lot %s: not what the lot was that it continues', member_id,"
            " lot_id)",
        ),
    ),
)
