"""The audit of accounts: days in windows, closings, clearing, direct payments, kept figures.

Each pass holds something that is stored for people or for a later night against the rows that it
was reckoned from. ``network.money.audit`` runs them after those of obligations and positions.
"""

from __future__ import annotations

from network.ledger.audit_pass import Pass, Rule
from network.ledger.crossings import INTO_WALLETS
from network.money.audit_people import PEOPLE, PROPOSALS, RECOVERIES, RELEASES, SUSPENSIONS

# A night moves the window on before the day closes, so a closed day's window is open no more.
DAYS = Pass(
    body="""
        SELECT d.business_date, count(w.window_id) AS windows,
               coalesce(string_agg(w.state, ', ' ORDER BY w.state), 'none') AS states,
               d.business_date < coalesce((
                   SELECT max(end_day) FROM network.settlement_window WHERE state = 'settled'
               ), '-infinity') AS passed
        FROM ledger.business_day AS d
        LEFT JOIN network.settlement_window AS w
            ON d.business_date >= w.first_day AND d.business_date < w.end_day
           AND w.state <> 'aborted'
        WHERE d.closed_at IS NOT NULL
          AND d.business_date >= (SELECT min(first_day) FROM network.settlement_window)
        GROUP BY d.business_date
    """,
    rules=(
        Rule(
            name="days_in_one_window",
            wrong="windows <> 1 OR states = 'open' OR passed AND states <> 'settled'",
            example="format('%s stands in %s windows: %s', business_date, windows, states)",
        ),
    ),
)

# One walk over postings and statements in the order of days: what was posted before a window is its
# statement's opening, what was posted when it ended the closing.
CLOSINGS = Pass(
    body="""
        SELECT statement_id, party_id, first_day, opening, deposit_opening, closing,
               deposit_closing, max(settled) FILTER (WHERE place = 0) AS opened,
               max(deposited) FILTER (WHERE place = 0) AS deposit_opened,
               max(settled) FILTER (WHERE place = 2) AS closed,
               max(deposited) FILTER (WHERE place = 2) AS deposit_closed
        FROM (
            SELECT *, coalesce(sum(settlement) OVER before, 0) AS settled,
                   coalesce(sum(deposit) OVER before, 0) AS deposited
            FROM (
                SELECT p.party_id, p.currency, e.business_date AS day, 1 AS place,
                       sum(p.amount) FILTER (WHERE p.account = 'settlement') AS settlement,
                       sum(p.amount) FILTER (WHERE p.account = 'deposit') AS deposit,
                       NULL::uuid AS statement_id, NULL::date AS first_day, 0::bigint AS opening,
                       0::bigint AS deposit_opening, 0::bigint AS closing,
                       0::bigint AS deposit_closing
                FROM network.money_posting AS p
                JOIN network.money_entry AS e ON e.money_entry_id = p.money_entry_id
                WHERE p.account IN ('settlement', 'deposit')
                GROUP BY p.party_id, p.currency, e.business_date
                UNION ALL
                SELECT s.merchant_id, s.currency,
                       CASE side WHEN 0 THEN w.first_day ELSE w.end_day - 1 END, side, 0, 0,
                       s.statement_id, w.first_day, s.opening, s.deposit_opening, s.closing,
                       s.deposit_closing
                FROM network.statement AS s
                JOIN network.settlement_window AS w ON w.window_id = s.window_id
                CROSS JOIN (VALUES (0), (2)) AS sides (side)
            ) AS every
            WINDOW before AS (PARTITION BY party_id, currency ORDER BY day, place)
        ) AS walked
        WHERE statement_id IS NOT NULL
        GROUP BY statement_id, party_id, first_day, opening, deposit_opening, closing,
                 deposit_closing
    """,
    rules=(
        Rule(
            name="closings_in_money_ledger",
            wrong="(opening, deposit_opening, closing, deposit_closing)"
            " IS DISTINCT FROM (opened, deposit_opened, closed, deposit_closed)",
            example="format('merchant %s, window of %s: %s to %s (deposit %s to %s),"
            " the money ledger has %s to %s (%s to %s)', party_id, first_day, opening, closing,"
            " deposit_opening, deposit_closing, opened, closed, deposit_opened, deposit_closed)",
        ),
    ),
)

# A statement that is missing leaves no row to compare: what moved in a window stands on one.
STATED = Pass(
    body="""
        SELECT p.party_id, w.first_day, p.currency, p.account, sum(p.amount) AS moved,
               bool_or(s.statement_id IS NOT NULL) AS stated
        FROM network.settlement_window AS w
        JOIN network.money_entry AS e
            ON e.business_date >= w.first_day AND e.business_date < w.end_day
        JOIN network.money_posting AS p ON p.money_entry_id = e.money_entry_id
        LEFT JOIN network.statement AS s
            ON s.window_id = w.window_id AND s.merchant_id = p.party_id
           AND s.currency = p.currency
        WHERE w.state = 'settled' AND p.account IN ('settlement', 'deposit')
        GROUP BY p.party_id, w.first_day, p.currency, p.account
    """,
    rules=(
        Rule(
            name="money_stands_on_statements",
            wrong="NOT stated AND moved <> 0",
            example="format('merchant %s, window of %s: %s moved, and no statement says so',"
            " party_id, first_day, moved)",
        ),
    ),
)

# Clearing holds what is instructed and not answered, the bank what it has booked.
CLEARING = Pass(
    body="""
        SELECT coalesce(p.payment_id, m.payment_id) AS payment_id,
               coalesce(p.state, 'no payment') AS state,
               CASE WHEN p.state IN ('prepared', 'released') THEN p.signed ELSE 0 END AS due,
               CASE WHEN p.state = 'settled' THEN p.signed ELSE 0 END AS booked,
               coalesce(m.underway, 0) AS underway, coalesce(m.banked, 0) AS banked
        FROM (
            SELECT payment_id, currency, state,
                   CASE direction WHEN 'payout' THEN amount ELSE -amount END AS signed
            FROM network.payment
        ) AS p
        FULL JOIN (
            SELECT e.payment_id, g.currency,
                   sum(g.amount) FILTER (WHERE g.account = 'clearing') AS underway,
                   sum(g.amount) FILTER (WHERE g.account = 'bank') AS banked
            FROM network.money_entry AS e
            JOIN network.money_posting AS g ON g.money_entry_id = e.money_entry_id
            WHERE g.account = 'clearing' OR g.account = 'bank' AND e.payment_id IS NOT NULL
            GROUP BY e.payment_id, g.currency
        ) AS m ON m.payment_id = p.payment_id AND m.currency = p.currency
    """,
    rules=(
        Rule(
            name="clearing_is_underway",
            wrong="underway <> due",
            example="format('payment %s (%s): %s in clearing, %s not answered', payment_id, state,"
            " underway, due)",
        ),
        Rule(
            name="bank_is_what_was_booked",
            wrong="banked <> booked",
            example="format('payment %s (%s): the bank''s account has %s of it, booked are %s',"
            " payment_id, state, banked, booked)",
        ),
    ),
)

# What merchants pay each other stands in both balances until two people say it did not arrive; that
# it did, the payee says, or two people.
DIRECTS = Pass(
    body="""
        SELECT d.direct_payment_id, d.state, d.amount, coalesce(m.payer, 0) AS payer,
               coalesce(m.payee, 0) AS payee,
               CASE d.state WHEN 'failed' THEN 0 ELSE d.amount END AS stands,
               CASE WHEN d.state = 'prepared' THEN true
                    WHEN d.state = 'released' THEN coalesce(r.approved_by <> r.proposed_by, false)
                    ELSE EXISTS (
                        SELECT FROM network.proposal AS p
                        WHERE p.subject_id = d.direct_payment_id AND p.approved
                          AND p.decided_by <> p.proposed_by
                          AND p.kind = CASE d.state WHEN 'failed' THEN 'direct.fail'
                                                    ELSE 'direct.confirm' END)
                         OR d.state = 'confirmed' AND EXISTS (
                        SELECT FROM network.direct_receipt AS s
                        WHERE s.direct_payment_id = d.direct_payment_id AND s.arrived
                    ) END AS agreed
        FROM network.direct_payment AS d
        LEFT JOIN network.payment_release AS r ON r.window_id = d.window_id
        LEFT JOIN (
            SELECT e.payment_id, sum(g.amount) FILTER (WHERE g.party_id = x.payer_id) AS payer,
                   sum(g.amount) FILTER (WHERE g.party_id = x.payee_id) AS payee
            FROM network.direct_payment AS x
            JOIN network.money_entry AS e ON e.payment_id = x.direct_payment_id
            JOIN network.money_posting AS g ON g.money_entry_id = e.money_entry_id
            WHERE g.account = 'settlement' AND g.currency = x.currency
            GROUP BY e.payment_id
        ) AS m ON m.payment_id = d.direct_payment_id
    """,
    rules=(
        Rule(
            name="directs_in_money_ledger",
            wrong="payer <> stands OR payee <> -stands",
            example="format('direct payment %s (%s of %s): the payer has %s, the payee %s',"
            " direct_payment_id, state, amount, payer, payee)",
        ),
        Rule(
            name="two_people_behind_directs",
            wrong="NOT agreed",
            example="format('direct payment %s is %s on less than two people''s word',"
            " direct_payment_id, state)",
        ),
    ),
)

# Exposure counts on from sums of sealed days; the lots know nothing of them.
OUTSTANDING = Pass(
    body=f"""
        SELECT issuer_id, terms_id,
               coalesce(o.points, 0) + coalesce(p.points, 0) AS counted,
               coalesce(l.points, 0) AS held
        FROM network.outstanding AS o
        FULL JOIN (
            SELECT issuer_id, terms_id, sum({INTO_WALLETS}) AS points FROM ledger.movement
            WHERE terms_id IS NOT NULL
              AND business_date > (SELECT through FROM network.exposure_measure)
            GROUP BY issuer_id, terms_id
        ) AS p USING (issuer_id, terms_id)
        FULL JOIN (
            SELECT issuer_id, terms_id, sum(remaining + held) AS points FROM ledger.lot
            WHERE open OR held > 0 GROUP BY issuer_id, terms_id
        ) AS l USING (issuer_id, terms_id)
        WHERE (SELECT through FROM network.exposure_measure) IS NOT NULL
    """,
    rules=(
        Rule(
            name="outstanding_matches_lots",
            wrong="counted <> held",
            example="format('issuer %s, terms %s: %s outstanding, lots hold %s', issuer_id,"
            " terms_id, counted, held)",
        ),
    ),
)

# Balances count on from sums of settled days.
MONEY_KEPT = Pass(
    body="""
        SELECT account, party_id, currency, coalesce(k.amount, 0) AS counted,
               coalesce(p.amount, 0) AS posted
        FROM network.money_kept AS k
        FULL JOIN (
            SELECT g.account, g.party_id, g.currency, sum(g.amount) AS amount
            FROM network.money_entry AS e
            JOIN network.money_posting AS g ON g.money_entry_id = e.money_entry_id
            WHERE e.business_date <= (SELECT through FROM network.money_kept_through)
            GROUP BY g.account, g.party_id, g.currency
        ) AS p USING (account, party_id, currency)
    """,
    rules=(
        Rule(
            name="money_kept_matches_postings",
            wrong="counted <> posted",
            example="format('%s of %s: %s %s kept, postings come to %s', account, party_id,"
            " counted, currency, posted)",
        ),
    ),
)

DAY_FIGURES = Pass(
    body="""
        SELECT n.account, coalesce(k.points, 0) + coalesce(p.points, 0) AS counted, n.points AS held
        FROM (
            SELECT v.account, v.points FROM (
                SELECT coalesce(sum(available), 0) AS available,
                       coalesce(sum(pending), 0) AS pending, coalesce(sum(held), 0) AS held,
                       coalesce(sum(debt), 0) AS debt
                FROM ledger.wallet
            ) AS w CROSS JOIN LATERAL (VALUES
                ('available', w.available), ('pending', w.pending), ('held', w.held),
                ('debt', w.debt)) AS v (account, points)
        ) AS n
        LEFT JOIN (
            SELECT v.account, v.points FROM (
                SELECT sum(available) AS available, sum(pending) AS pending, sum(held) AS held,
                       sum(debt) AS debt
                FROM network.day_figures
            ) AS f CROSS JOIN LATERAL (VALUES
                ('available', f.available), ('pending', f.pending), ('held', f.held),
                ('debt', f.debt)) AS v (account, points)
        ) AS k ON k.account = n.account
        LEFT JOIN (
            SELECT account, sum(CASE account WHEN 'debt' THEN -points ELSE points END) AS points
            FROM ledger.posting
            WHERE account IN ('available', 'pending', 'held', 'debt')
              AND business_date = ANY (ARRAY(
                  SELECT d.business_date FROM ledger.business_day AS d
                  LEFT JOIN network.day_figures AS f ON f.business_date = d.business_date
                  WHERE f.business_date IS NULL))
            GROUP BY account
        ) AS p ON p.account = n.account
        WHERE EXISTS (SELECT FROM network.day_figures)
    """,
    rules=(
        Rule(
            name="day_figures_match_wallets",
            wrong="counted <> held",
            example="format('%s: days come to %s, wallets hold %s', account, counted, held)",
        ),
    ),
)

PASSES = (
    DAYS,
    CLOSINGS,
    STATED,
    CLEARING,
    PEOPLE,
    PROPOSALS,
    RECOVERIES,
    RELEASES,
    SUSPENSIONS,
    DIRECTS,
    OUTSTANDING,
    MONEY_KEPT,
    DAY_FIGURES,
)
