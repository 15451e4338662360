"""The audit of people: what two of them agreed on is what moved, line by line, once, and released.

``network.money.audit`` runs these passes among those of accounts.
"""

from __future__ import annotations

from network.clearing.parties import NETWORK_PARTY
from network.ledger.audit_pass import Pass, Rule

_NETWORK = f"CAST('{NETWORK_PARTY}' AS uuid)"

# What moves for one proposal each: the kinds of its entry beside its own.
_KINDS = """(VALUES ('cancellation', 'payment.cancel'), ('cover', 'cover.move'),
                     ('draw', 'cover.move'), ('direct_return', 'direct.fail'),
                     ('fund', 'fund.move'), ('fund_draw', 'default.pay'), ('loss', 'default.pay'),
                     ('recovery', 'default.recover'))
    AS kinds (entry, proposal)"""
_ACT, _STEP = "p.terms ->> 'act'", "p.terms ->> 'step'"
_FROM = "p.terms ->> 'source'"
_AMOUNT = "(p.terms ->> 'amount')::bigint"
_PAID = f"CASE y.direction WHEN 'payout' THEN {_AMOUNT} ELSE -{_AMOUNT} END"
_COMPARED = "(kinds.entry IS NOT NULL OR e.kind = 'correction' OR d.state IS NOT NULL)"
_LINE = "'%s %s %s %s', x.account, x.party_id, x.amount, x.currency"

# Every line that an entry has to have, as what two people saw says. An entry of another kind, act
# or step than they agreed on has none.
_SAID = f"""
    SELECT string_agg(format({_LINE}), ', ' ORDER BY x.account, x.party_id) AS said
    FROM (
        SELECT v.account, v.party_id, v.amount, p.terms ->> 'currency' AS currency
        FROM (VALUES
            ('cover', {_ACT} = 'received', p.terms ->> 'account', p.subject_id, {_AMOUNT}),
            ('cover', {_ACT} = 'received', 'bank', {_NETWORK}, -{_AMOUNT}),
            ('cover', {_ACT} = 'released', p.terms ->> 'account', p.subject_id, -{_AMOUNT}),
            ('cover', {_ACT} = 'released', 'bank', {_NETWORK}, {_AMOUNT}),
            ('draw', {_ACT} = 'drawn', p.terms ->> 'account', p.subject_id, -{_AMOUNT}),
            ('draw', {_ACT} = 'drawn', 'settlement', p.subject_id, {_AMOUNT}),
            ('fund', {_ACT} = 'allotted', 'fund', {_NETWORK}, {_AMOUNT}),
            ('fund', {_ACT} = 'allotted', 'margin', {_NETWORK}, -{_AMOUNT}),
            ('fund', {_ACT} = 'returned', 'fund', {_NETWORK}, -{_AMOUNT}),
            ('fund', {_ACT} = 'returned', 'margin', {_NETWORK}, {_AMOUNT}),
            ('fund_draw', {_STEP} = 'fund', 'settlement', p.subject_id, {_AMOUNT}),
            ('fund_draw', {_STEP} = 'fund', 'fund', {_NETWORK}, -{_AMOUNT}),
            ('loss', {_STEP} = 'acceptors', 'settlement', p.subject_id, {_AMOUNT}),
            ('recovery', {_FROM} = 'balance', 'settlement', p.subject_id, -{_AMOUNT}),
            ('recovery', {_FROM} = 'bank', 'bank', {_NETWORK}, -{_AMOUNT}),
            ('cancellation', y.payment_id = p.subject_id, 'settlement', y.merchant_id, {_PAID}),
            ('cancellation', y.payment_id = p.subject_id, 'clearing', {_NETWORK}, -({_PAID})),
            ('direct_return', d.direct_payment_id = p.subject_id, 'settlement', d.payer_id,
             -{_AMOUNT}),
            ('direct_return', d.direct_payment_id = p.subject_id, 'settlement', d.payee_id,
             {_AMOUNT}),
            ('reinstatement', d.direct_payment_id = p.subject_id, 'settlement', d.payer_id,
             {_AMOUNT}),
            ('reinstatement', d.direct_payment_id = p.subject_id, 'settlement', d.payee_id,
             -{_AMOUNT})
        ) AS v (kind, is_so, account, party_id, amount)
        WHERE v.kind = e.kind AND v.is_so
        UNION ALL
        SELECT CASE CAST(s.key AS uuid) WHEN {_NETWORK} THEN 'margin' ELSE 'settlement' END,
               CAST(s.key AS uuid), -CAST(s.value AS bigint), p.terms ->> 'currency'
        FROM jsonb_each_text(p.terms -> 'shares') AS s WHERE e.kind = 'loss'
        UNION ALL
        SELECT s.value ->> 0, CAST(s.value ->> 1 AS uuid), CAST(s.value ->> 2 AS bigint),
               p.terms ->> 'currency'
        FROM jsonb_array_elements(p.terms -> 'parts') AS s WHERE e.kind = 'recovery'
        UNION ALL
        SELECT v.account, v.party_id, v.amount, c.currency
        FROM (VALUES ('settlement', c.merchant_id, c.amount), ('margin', {_NETWORK}, -c.amount))
            AS v (account, party_id, amount)
        WHERE e.kind = 'correction'
    ) AS x
"""
_MOVED = f"""
    SELECT string_agg(format({_LINE}), ', ' ORDER BY x.account, x.party_id) AS moved
    FROM (
        SELECT g.account, g.party_id, g.currency, sum(g.amount) AS amount
        FROM network.money_posting AS g WHERE g.money_entry_id = e.money_entry_id
        GROUP BY g.account, g.party_id, g.currency
    ) AS x
"""

# What a booking settles was let out by two people with its window, or came in: then two people took
# the bank's file, and the payment says the amount. All else is, line by line, what they agreed on.
PEOPLE = Pass(
    body=f"""
        SELECT e.money_entry_id, e.kind, e.business_date, m.moved, s.said,
               NOT {_COMPARED} AS of_bank,
               CASE WHEN e.kind = 'correction' THEN c.correction_id IS NOT NULL
                    WHEN e.kind = 'settlement' AND p.proposal_id IS NULL
                        THEN y.direction = 'payout' AND r.window_id IS NOT NULL
                    ELSE p.proposal_id IS NOT NULL END AS agreed
        FROM network.money_entry AS e
        LEFT JOIN {_KINDS} ON kinds.entry = e.kind
        LEFT JOIN network.direct_payment AS d ON d.direct_payment_id = e.payment_id
        LEFT JOIN network.proposal AS p
            ON p.proposal_id = e.proposal_id AND p.approved AND p.decided_by <> p.proposed_by
           AND p.kind = CASE WHEN e.kind = 'reinstatement' AND d.state IS NOT NULL
                             THEN 'direct.confirm'
                             WHEN kinds.proposal IS NULL AND p.kind = 'bank.again'
                             THEN 'bank.again'
                             ELSE coalesce(kinds.proposal, 'bank.returns') END
        LEFT JOIN network.correction AS c
            ON c.correction_id = e.correction_id AND c.state = 'posted'
           AND c.decided_by <> c.proposed_by
        LEFT JOIN network.payment AS y ON y.payment_id = e.payment_id
        LEFT JOIN network.payment_release AS r
            ON r.window_id = y.window_id AND r.approved_by <> r.proposed_by
        LEFT JOIN LATERAL ({_SAID}) AS s ON {_COMPARED}
        LEFT JOIN LATERAL ({_MOVED}) AS m ON {_COMPARED}
        WHERE e.kind NOT IN ('netting', 'call', 'instruction', 'direct')
    """,
    rules=(
        Rule(
            name="two_people_behind_money",
            wrong="NOT coalesce(agreed, false) OR NOT of_bank AND said IS DISTINCT FROM moved",
            example="format('entry %s (%s of %s): two people agreed: %s, on %s; moved: %s',"
            " money_entry_id, kind, business_date, coalesce(agreed, false),"
            " coalesce(said, 'nothing'), coalesce(moved, 'nothing'))",
        ),
    ),
)

# A bank's file has an entry for each of its lines, every other proposal about money has one.
PROPOSALS = Pass(
    body=f"""
        SELECT p.proposal_id, p.kind, count(e.money_entry_id) AS entries
        FROM network.proposal AS p
        LEFT JOIN network.money_entry AS e ON e.proposal_id = p.proposal_id
        WHERE p.approved AND p.kind IN (SELECT proposal FROM {_KINDS})
        GROUP BY p.proposal_id, p.kind
    """,
    rules=(
        Rule(
            name="one_entry_per_proposal",
            wrong="entries <> 1",
            example="format('proposal %s (%s): %s entries in the money ledger', proposal_id, kind,"
            " entries)",
        ),
    ),
)

# What went back of a default is never more than an account had paid for that issuer.
RECOVERIES = Pass(
    body="""
        SELECT p.subject_id, g.account, g.party_id, sum(g.amount) AS standing
        FROM network.money_entry AS e
        JOIN network.proposal AS p ON p.proposal_id = e.proposal_id
        JOIN network.money_posting AS g ON g.money_entry_id = e.money_entry_id
        WHERE e.kind IN ('draw', 'fund_draw', 'loss', 'recovery') AND g.account <> 'bank'
          AND NOT (g.account = 'settlement' AND g.party_id = p.subject_id)
        GROUP BY p.subject_id, g.account, g.party_id, g.currency
    """,
    rules=(
        Rule(
            name="recovered_was_borne",
            wrong="standing > 0",
            example="format('%s of %s got %s more back than it paid for %s', account, party_id,"
            " standing, subject_id)",
        ),
    ),
)

# Where points are suspended, two people want it still, and their issuer gives none.
SUSPENSIONS = Pass(
    body="""
        SELECT s.issuer_id, coalesce(m.issuing = 'default', false) AS stopped,
               coalesce(p.approved AND p.decided_by <> p.proposed_by
                        AND p.kind = 'points.suspend' AND p.subject_id = s.issuer_id
                        AND NOT EXISTS (
                            SELECT FROM network.proposal AS r
                            WHERE r.kind = 'points.resume' AND r.subject_id = s.issuer_id
                              AND r.approved AND r.decided_at > p.decided_at), false) AS agreed
        FROM ledger.suspended_issuer AS s
        LEFT JOIN network.proposal AS p ON p.proposal_id = s.proposal_id
        LEFT JOIN network.merchant AS m ON m.merchant_id = s.issuer_id
    """,
    rules=(
        Rule(
            name="two_people_behind_suspensions",
            wrong="NOT (stopped AND agreed)",
            example="format('points of %s are suspended: two people agreed: %s, it gives none: %s',"
            " issuer_id, agreed, stopped)",
        ),
    ),
)

RELEASES = Pass(
    body="""
        SELECT p.window_id, count(*) AS payments,
               bool_and(coalesce(r.approved_by <> r.proposed_by, false)) AS agreed
        FROM network.payment AS p
        LEFT JOIN network.payment_release AS r ON r.window_id = p.window_id
        WHERE p.state IN ('released', 'settled', 'returned')
          AND (p.direction = 'payout' OR p.mandate_id IS NOT NULL)
        GROUP BY p.window_id
    """,
    rules=(
        Rule(
            name="two_people_behind_releases",
            wrong="NOT agreed",
            example="format('window %s: %s payments left on less than two people''s word',"
            " window_id, payments)",
        ),
    ),
)
