"""The audit of money: obligations, positions, the pool and statements against the money ledger.

Reckoned anew from the rows of settled windows, in one snapshot; the ledger of points is read where
money follows from it. Names and counts are like those of ``network.ledger.audit``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.orm import Session

from network.ledger.archive_reading import AllTime
from network.ledger.audit_pass import Check, Pass, Rule, run_pass
from network.ledger.crossings import CROSSINGS, SIGNED
from network.money import audit_accounts

_POOL_ACCOUNTS = "('issuance', 'adjustment', 'clawback', 'expiry')"
_SETTLING = (
    "('redemption', 'redeposit', 'issuance', 'adjustment_up', 'clawback', 'adjustment_down',"
    " 'expiry')"
)
_VAT = "kind IN ('vat', 'vat_return')"
_ACCEPTANCE_VAT = "kind IN ('acceptance_vat', 'acceptance_vat_return')"
_PLACE = "format('window of %s, account %s of %s', first_day, account, party_id)"

ENTRIES = Pass(
    body="""
        SELECT money_entry_id, currency, sum(amount) AS difference
        FROM network.money_posting GROUP BY money_entry_id, currency
    """,
    rules=(
        Rule(
            name="money_entries_balance",
            wrong="difference <> 0",
            example="format('entry %s is off by %s %s', money_entry_id, difference, currency)",
        ),
    ),
)

WINDOWS = Pass(
    body="""
        SELECT w.first_day, p.currency, sum(p.net) AS net
        FROM network.net_position AS p
        JOIN network.settlement_window AS w ON w.window_id = p.window_id
        WHERE w.state <> 'aborted' GROUP BY w.first_day, p.currency
    """,
    rules=(
        Rule(
            name="positions_sum_to_zero",
            wrong="net <> 0",
            example="format('window of %s is off by %s %s', first_day, net, currency)",
        ),
    ),
)

POSITIONS = Pass(
    body="""
        SELECT w.first_day, b.party_id, b.account, b.net, b.owed, b.posted FROM (
        SELECT window_id, party_id, account, currency, coalesce(p.net, 0) AS net,
               coalesce(o.net, 0) AS owed, coalesce(m.net, 0) AS posted
        FROM network.net_position AS p
        FULL JOIN (
            SELECT window_id, party_id, account, currency, sum(amount) AS net FROM (
                SELECT window_id, payee_id AS party_id, payee_account AS account, currency, amount
                FROM network.obligation
                UNION ALL
                SELECT window_id, payer_id, payer_account, currency, -amount FROM network.obligation
            ) AS side GROUP BY window_id, party_id, account, currency
        ) AS o USING (window_id, party_id, account, currency)
        FULL JOIN (
            SELECT e.window_id, p.party_id, p.account, p.currency, sum(p.amount) AS net
            FROM network.money_entry AS e
            JOIN network.money_posting AS p ON p.money_entry_id = e.money_entry_id
            WHERE e.kind = 'netting' GROUP BY e.window_id, p.party_id, p.account, p.currency
        ) AS m USING (window_id, party_id, account, currency)
        ) AS b JOIN network.settlement_window AS w ON w.window_id = b.window_id
        WHERE w.state = 'settled'
    """,
    rules=(
        Rule(
            name="positions_from_obligations",
            wrong="net <> owed",
            example=f"{_PLACE} || format(': %s, obligations come to %s', net, owed)",
        ),
        Rule(
            name="positions_in_money_ledger",
            wrong="net <> posted",
            example=f"{_PLACE} || format(': %s, the money ledger has %s', net, posted)",
        ),
    ),
)

# Of a tax, the rate is that of the agreement of whoever pays it; nothing else has one.
OBLIGATIONS = Pass(
    body=f"""
        SELECT o.obligation_id, o.kind, o.points, o.price, o.amount, o.taxed, o.vat_rate,
               w.first_day, coalesce(a.vat_rate, 0) AS agreed_rate,
               network.obligation_key(o.window_id, o.kind, o.issuer_id, o.acceptor_id, o.terms_id,
                                      o.acceptor_terms_id, o.price) AS key
        FROM network.obligation AS o
        LEFT JOIN network.settlement_window AS w ON w.window_id = o.window_id
        LEFT JOIN network.agreement AS a
            ON a.agreement_id = CASE WHEN o.{_VAT} THEN o.terms_id
                                     WHEN o.{_ACCEPTANCE_VAT} THEN o.acceptor_terms_id END
           AND a.vat_on = CASE WHEN o.{_VAT} THEN 'margin' ELSE 'acceptance_fee' END
        WHERE w.state IS DISTINCT FROM 'aborted'
    """,
    rules=(
        Rule(
            name="obligations_in_windows",
            wrong="first_day IS NULL",
            example="format('%s stands in no window', obligation_id)",
        ),
        Rule(
            name="obligations_named_by_facts",
            wrong="obligation_id <> key",
            example="format('%s should be %s', obligation_id, key)",
        ),
        Rule(
            name="obligations_priced",
            looked="kind <> 'rounding'",
            wrong="2 * abs(amount - points * price) > 1",
            example="format('%s: %s × %s is not %s', obligation_id, points, price, amount)",
        ),
        Rule(
            name="obligations_taxed",
            wrong=f"vat_rate <> agreed_rate OR CASE WHEN {_VAT} OR {_ACCEPTANCE_VAT}"
            " THEN price <> network.half_even(taxed * vat_rate * 1e10) * 1e-10"
            " ELSE taxed <> 0 END",
            example="format('%s (%s): %s × %s is not %s, or the rate not the agreed %s',"
            " obligation_id, kind, taxed, vat_rate, price, agreed_rate)",
        ),
    ),
)

# Postings are summed by day before they meet the windows, which are few.
POSTINGS = Pass(
    body=f"""
        SELECT w.first_day, coalesce(sum(d.postings), 0) AS postings,
               coalesce(sum(d.points), 0) AS points, coalesce(min(o.postings), 0) AS settled,
               coalesce(min(o.points), 0) AS settled_points
        FROM network.settlement_window AS w
        LEFT JOIN (
            SELECT p.business_date, count(*) AS postings, sum(p.points) AS points
            FROM {CROSSINGS} AS p
            LEFT JOIN network.agreement AS a
                ON a.agreement_id = p.terms_id AND a.funding = 'on_issue'
            WHERE p.account = 'redemption'
               OR p.account IN {_POOL_ACCOUNTS} AND a.agreement_id IS NOT NULL
            GROUP BY p.business_date
        ) AS d ON d.business_date >= w.first_day AND d.business_date < w.end_day
        LEFT JOIN (
            SELECT window_id, sum(postings) AS postings, sum(abs(points)) AS points
            FROM network.obligation WHERE kind IN {_SETTLING} GROUP BY window_id
        ) AS o ON o.window_id = w.window_id
        WHERE w.state = 'settled'
        GROUP BY w.first_day
    """,
    rules=(
        Rule(
            name="postings_in_one_window",
            wrong="(postings, points) IS DISTINCT FROM (settled, settled_points)",
            example="format('window of %s: %s points in %s postings, obligations have %s in %s',"
            " first_day, points, postings, settled_points, settled)",
        ),
    ),
)

# What lots hold, less what moved since the last settled window: no past state of a lot is kept.
POOL = Pass(
    body=f"""
        WITH until AS (
            SELECT coalesce(max(end_day), '-infinity') AS day
            FROM network.settlement_window WHERE state = 'settled'
        ), newest AS (
            SELECT DISTINCT ON (b.terms_id) b.terms_id, b.points, b.price, b.amount
            FROM network.pool_balance AS b
            JOIN network.settlement_window AS w ON w.window_id = b.window_id
            WHERE w.state = 'settled' ORDER BY b.terms_id, w.first_day DESC
        ), moved AS (
            SELECT l.terms_id, l.remaining + l.held AS points
            FROM ledger.lot AS l WHERE l.open OR l.held > 0
            UNION ALL
            SELECT p.terms_id, {SIGNED} FROM {CROSSINGS} AS p
            WHERE p.business_date >= (SELECT day FROM until)
              AND (p.account = 'redemption' OR p.account IN {_POOL_ACCOUNTS})
        )
        SELECT a.agreement_id, coalesce(n.points, 0) AS pooled, coalesce(n.amount, 0) AS amount,
               coalesce(n.points * n.price, 0) AS cost, coalesce(m.points, 0) AS outstanding
        FROM network.agreement AS a
        LEFT JOIN newest AS n ON n.terms_id = a.agreement_id
        LEFT JOIN (SELECT terms_id, sum(points) AS points FROM moved GROUP BY terms_id) AS m
            ON m.terms_id = a.agreement_id
        WHERE a.funding = 'on_issue' AND a.approved_at IS NOT NULL
    """,
    rules=(
        Rule(
            name="pool_covers_points",
            wrong="pooled <> outstanding OR 2 * abs(amount - cost) > 1",
            example="format('terms %s: %s points for %s in the pool, members hold %s',"
            " agreement_id, pooled, amount, outstanding)",
        ),
    ),
)

POOL_ACCOUNT = Pass(
    body="""
        SELECT currency, coalesce(b.amount, 0) AS pooled, coalesce(m.amount, 0) AS posted
        FROM (
            SELECT currency, sum(amount) AS amount FROM (
                SELECT DISTINCT ON (b.terms_id) b.currency, b.amount
                FROM network.pool_balance AS b
                JOIN network.settlement_window AS w ON w.window_id = b.window_id
                WHERE w.state = 'settled' ORDER BY b.terms_id, w.first_day DESC
            ) AS newest GROUP BY currency
        ) AS b
        FULL JOIN (
            SELECT currency, sum(amount) AS amount FROM network.money_posting
            WHERE account = 'pool' GROUP BY currency
        ) AS m USING (currency)
    """,
    rules=(
        Rule(
            name="pool_in_money_ledger",
            wrong="pooled <> posted",
            example="format('%s: the pool is %s, its account %s', currency, pooled, posted)",
        ),
    ),
)

STATEMENTS = Pass(
    body="""
        SELECT s.merchant_id, w.first_day, s.opening, s.deposit_opening,
               coalesce(lag(s.closing) OVER before, 0) AS carried,
               coalesce(lag(s.deposit_closing) OVER before, 0) AS deposit_carried
        FROM network.statement AS s
        JOIN network.settlement_window AS w ON w.window_id = s.window_id
        WINDOW before AS (PARTITION BY s.merchant_id, s.currency ORDER BY w.first_day)
    """,
    rules=(
        Rule(
            name="openings_are_closings",
            wrong="(opening, deposit_opening) IS DISTINCT FROM (carried, deposit_carried)",
            example="format('merchant %s, window of %s: opens with %s and %s, before it were %s"
            " and %s', merchant_id, first_day, opening, deposit_opening, carried,"
            " deposit_carried)",
        ),
    ),
)

PASSES = (
    ENTRIES,
    WINDOWS,
    POSITIONS,
    OBLIGATIONS,
    POSTINGS,
    POOL,
    POOL_ACCOUNT,
    STATEMENTS,
    *audit_accounts.PASSES,
)


def checks(session: Session) -> Iterator[Check]:
    """Yield every check of money, one by one as they are done, from the session's snapshot."""
    all_time = AllTime(session)
    for part in PASSES:
        yield from run_pass(session, replace(part, body=all_time.reading(part.body)))


def check_names() -> list[str]:
    """Return the names of all checks, in the order in which they are done."""
    return [rule.name for part in PASSES for rule in part.rules]
