"""The audit of decisions: what takes two people stands on the word of two, and says what they saw.

The database refuses one person's word (CHECK constraints) and changes of what was decided
(triggers). Whoever may switch these off is found here: each face value, earning terms, tier, limit
of a tap and payment mode is compared with the proposal that two different people signed, each
agreement and campaign with its own two and with the chained audit log (``audit_agreed.py``).
What two people approved for a day stands, unless two people cancelled it before that day, and only
their last word about it counts. Corrections of points are looked at in ``audit_corrections.py``.
What nobody signed is right only in a simulated installation, which is furnished by the installation
itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.orm import Session

from network.ledger.archive_reading import AllTime
from network.ledger.audit_pass import Check, Pass, Rule, run_pass
from network.operators.audit_agreed import AGREEMENTS, CAMPAIGNS, SIMULATED
from network.operators.audit_corrections import CORRECTIONS, DECIDED_TOGETHER


def _signed(kind: str, *, says: str) -> str:
    """Return SQL for whether two people signed a proposal of a kind that says the same."""
    return f"""EXISTS (
        SELECT FROM network.proposal AS p
        WHERE p.kind = '{kind}' AND p.approved AND p.decided_by <> p.proposed_by AND {says})"""


def _last_word(sets: str, cancels: str) -> str:
    """Return SQL for whether no two people set or cancelled anything for that day after ``p``."""
    return f"""NOT EXISTS (
        SELECT FROM network.proposal AS n
        WHERE n.kind IN ('{sets}', '{cancels}') AND n.approved AND n.decided_by <> n.proposed_by
          AND n.subject_id = p.subject_id
          AND n.terms ->> 'effective_from' = p.terms ->> 'effective_from'
          AND (n.decided_at, n.proposal_id) > (p.decided_at, p.proposal_id))"""


PROPOSALS = Pass(
    body="""
        SELECT proposal_id, kind, proposed_by, decided_by FROM network.proposal WHERE approved
    """,
    rules=(
        Rule(
            name="two_people_behind_proposals",
            wrong="decided_by IS NULL OR decided_by = proposed_by",
            example="format('proposal %s (%s) was approved by who proposed it, %s', proposal_id,"
            " kind, proposed_by)",
        ),
    ),
)

_VALUE_SIGNED = _signed(
    "programme.face_value",
    says=f"""{_last_word("programme.face_value", "programme.cancel_face_value")}
        AND p.decided_by = v.set_by
        AND (p.terms ->> 'effective_from')::date = v.effective_from
        AND p.terms ->> 'value' = format('%s/%s', v.numerator, v.denominator)""",
)
FACE_VALUES = Pass(
    body=f"""
        SELECT v.effective_from, v.numerator, v.denominator, v.set_by,
               {_VALUE_SIGNED} OR v.set_by IS NULL AND {SIMULATED} AS agreed
        FROM network.face_value AS v
    """,
    rules=(
        Rule(
            name="two_people_behind_face_values",
            wrong="NOT agreed",
            example="format('face value %s/%s from %s, by %s: no two people agreed on it',"
            " numerator, denominator, effective_from, coalesce(set_by::text, 'nobody'))",
        ),
    ),
)

_TERMS_SIGNED = _signed(
    "programme.terms",
    says=f"""{_last_word("programme.terms", "programme.cancel_terms")}
        AND p.subject_id = t.merchant_id AND p.decided_by = t.set_by
        AND (p.terms ->> 'effective_from')::date = t.effective_from
        AND p.terms ->> 'base_rate' = format('%s/%s', t.numerator, t.denominator)
        AND (p.terms ->> 'pending_days')::integer = t.pending_days
        AND (p.terms ->> 'expiry_days')::integer = t.expiry_days
        AND (p.terms ->> 'minimum_amount')::bigint = t.minimum_amount
        AND p.terms -> 'category_rates' = r.rates""",
)
TERMS = Pass(
    body=f"""
        SELECT m.code, t.effective_from, t.set_by,
               {_TERMS_SIGNED} OR t.set_by IS NULL AND {SIMULATED} AS agreed
        FROM network.earning_terms AS t
        JOIN network.merchant AS m ON m.merchant_id = t.merchant_id
        CROSS JOIN LATERAL (
            SELECT coalesce(
                jsonb_object_agg(c.category, format('%s/%s', c.numerator, c.denominator)), '{{}}'
            ) AS rates
            FROM network.category_rate AS c WHERE c.earning_terms_id = t.earning_terms_id
        ) AS r
    """,
    rules=(
        Rule(
            name="two_people_behind_terms",
            wrong="NOT agreed",
            example="format('earning terms of %s from %s, by %s: no two people agreed on them',"
            " code, effective_from, coalesce(set_by::text, 'nobody'))",
        ),
    ),
)

# The first step of the ladder comes with the installation.
_TIER_SIGNED = _signed(
    "programme.tier",
    says="""p.terms ->> 'code' = t.code AND (p.terms ->> 'rank')::integer = t.rank
        AND p.terms ->> 'name_fa' = t.name_fa AND p.terms ->> 'name_en' = t.name_en""",
)
TIERS = Pass(
    body=f"""
        SELECT t.code, t.rank, {_TIER_SIGNED} OR {SIMULATED} AS agreed
        FROM network.tier AS t WHERE t.code <> 'member'
    """,
    rules=(
        Rule(
            name="two_people_behind_tiers",
            wrong="NOT agreed",
            example="format('tier %s of rank %s: no two people agreed on it', code, rank)",
        ),
    ),
)

_TAP_SIGNED = _signed(
    "programme.tap_limit",
    says="p.decided_by = t.set_by AND (p.terms ->> 'points')::bigint = t.points",
)
TAP_LIMITS = Pass(
    body=f"""
        SELECT t.set_at, t.points, t.set_by, {_TAP_SIGNED} AS agreed FROM network.tap_limit AS t
    """,
    rules=(
        Rule(
            name="two_people_behind_tap_limits",
            wrong="NOT agreed",
            example="format('a tap up to %s points, by %s: no two people agreed on it', points,"
            " set_by)",
        ),
    ),
)

MODES = Pass(
    body=f"""
        SELECT y.effective_from, y.mode,
               p.approved AND p.decided_by <> p.proposed_by AND p.kind = 'payments.mode'
               AND p.terms ->> 'mode' = y.mode
               AND (p.terms ->> 'effective_from')::date = y.effective_from
               AND {_last_word("payments.mode", "payments.cancel_mode")} AS agreed
        FROM network.payment_mode AS y
        LEFT JOIN network.proposal AS p ON p.proposal_id = y.proposal_id
    """,
    rules=(
        Rule(
            name="two_people_behind_payment_modes",
            wrong="NOT coalesce(agreed, false)",
            example="format('%s from %s: no two people agreed on it', mode, effective_from)",
        ),
    ),
)

# The newest word of two about a day: what they set stands, what they cancelled is gone.
STANDING = Pass(
    body="""
        SELECT d.what, d.day, d.cancelled, CASE d.what
                   WHEN 'face value' THEN EXISTS (
                       SELECT FROM network.face_value AS v WHERE v.effective_from = d.day)
                   WHEN 'earning terms' THEN EXISTS (
                       SELECT FROM network.earning_terms AS t
                       WHERE t.effective_from = d.day AND t.merchant_id = d.subject_id)
                   ELSE EXISTS (
                       SELECT FROM network.payment_mode AS y WHERE y.effective_from = d.day)
               END AS stands
        FROM (
            SELECT DISTINCT ON (k.what, p.subject_id, p.terms ->> 'effective_from')
                   k.what, p.subject_id, (p.terms ->> 'effective_from')::date AS day,
                   p.kind = k.cancels AS cancelled
            FROM network.proposal AS p
            JOIN (VALUES
                ('face value', 'programme.face_value', 'programme.cancel_face_value'),
                ('earning terms', 'programme.terms', 'programme.cancel_terms'),
                ('mode of payment', 'payments.mode', 'payments.cancel_mode')
            ) AS k (what, sets, cancels) ON p.kind IN (k.sets, k.cancels)
            WHERE p.approved
            ORDER BY k.what, p.subject_id, p.terms ->> 'effective_from', p.decided_at DESC,
                     p.proposal_id DESC
        ) AS d
        UNION ALL
        SELECT format('agreement of %s, version %s', m.code, a.version), a.day,
               c.proposal_id IS NOT NULL,
               EXISTS (SELECT FROM network.agreement AS g
                       WHERE g.merchant_id = m.merchant_id AND g.version = a.version
                         AND g.approved_at IS NOT NULL)
        FROM (
            SELECT g.subject, (g.facts ->> 'version')::integer AS version,
                   min(g.facts ->> 'effective_from')::date AS day
            FROM network.audit_log AS g
            WHERE g.action = 'agreement.approved' AND g.facts ? 'version'
            GROUP BY 1, 2
        ) AS a
        JOIN network.merchant AS m ON a.subject = 'merchant:' || m.code
        LEFT JOIN network.proposal AS c
            ON c.kind = 'agreement.cancel' AND c.approved AND c.subject_id = m.merchant_id
           AND (c.terms ->> 'version')::integer = a.version
    """,
    rules=(
        Rule(
            name="approved_values_stand",
            wrong="stands = cancelled",
            example="format('%s from %s: two people %s', what, day, CASE WHEN cancelled"
            " THEN 'cancelled it, and it is still there'"
            " ELSE 'approved it, and it is gone' END)",
        ),
    ),
)

# An issuer is stopped, and let go, by the newest word of two.
STOPPED = Pass(
    body="""
        SELECT m.code, m.issuing, coalesce((
                   SELECT p.kind FROM network.proposal AS p
                   WHERE p.subject_id = m.merchant_id AND p.approved
                     AND p.kind IN ('issuer.suspend', 'issuer.resume', 'points.suspend')
                     AND p.decided_by <> p.proposed_by
                   ORDER BY p.decided_at DESC LIMIT 1) <> 'issuer.resume', false) AS agreed
        FROM network.merchant AS m
    """,
    rules=(
        Rule(
            name="two_people_behind_stopped_issuers",
            looked="agreed OR issuing = 'default'",
            wrong="agreed <> (issuing = 'default')",
            example="format('%s: stopped from giving points: %s; two people want that: %s', code,"
            " issuing = 'default', agreed)",
        ),
    ),
)

# A shared wallet that ends goes into its maker's by itself. Members go into one another by two
# people, and then their phone and cards lead where their points are.
_MERGE_SIGNED = _signed(
    "member.merge", says="p.subject_id = w.member_id AND p.terms ->> 'into' = w.moved_to::text"
)
MERGES = Pass(
    body=f"""
        SELECT w.member_id, w.moved_to, {SIMULATED} OR {_MERGE_SIGNED} AND EXISTS (
                   SELECT FROM network.member_merge AS g
                   WHERE g.member_id = w.member_id
                     AND g.into_id = (ledger.whereabouts_of(w.member_id)).person) AS agreed
        FROM ledger.wallet AS w
        WHERE w.moved_to IS NOT NULL
          AND NOT EXISTS (SELECT FROM ledger.shared_person AS s WHERE s.member_id = w.member_id)
          AND NOT EXISTS (SELECT FROM network.pool AS o WHERE o.pool_id = w.member_id)
    """,
    rules=(
        Rule(
            name="two_people_behind_merges",
            wrong="NOT agreed",
            example="format('member %s went into %s: no two people agreed on it, or phone and cards"
            " lead elsewhere', member_id, moved_to)",
        ),
    ),
)

# An entry with a sponsor as its merchant would be a purchase at nobody's till.
SPONSORS = Pass(
    body="""
        SELECT m.code, (SELECT count(*) FROM ledger.entry AS e
                        WHERE e.merchant_id = m.merchant_id) AS entries,
               (SELECT count(*) FROM network.store AS s WHERE s.merchant_id = m.merchant_id)
             + (SELECT count(*) FROM network.merchant_key AS k
                WHERE k.merchant_id = m.merchant_id)
             + (SELECT count(*) FROM network.earning_terms AS t
                WHERE t.merchant_id = m.merchant_id) AS held
        FROM network.merchant AS m WHERE m.kind = 'sponsor'
    """,
    rules=(
        Rule(
            name="sponsors_sell_nothing",
            wrong="entries > 0 OR held > 0",
            example="format('%s: %s entries as if of its tills; %s stores, keys and terms', code,"
            " entries, held)",
        ),
    ),
)

PASSES = (
    PROPOSALS,
    FACE_VALUES,
    TERMS,
    TIERS,
    TAP_LIMITS,
    AGREEMENTS,
    CAMPAIGNS,
    MODES,
    STANDING,
    STOPPED,
    MERGES,
    SPONSORS,
    CORRECTIONS,
    DECIDED_TOGETHER,
)


def checks(session: Session) -> Iterator[Check]:
    """Yield every check of decisions, one by one as they are done, from the session's snapshot."""
    all_time = AllTime(session)
    for part in PASSES:
        yield from run_pass(session, replace(part, body=all_time.reading(part.body)))


def check_names() -> list[str]:
    """Return the names of all checks, in the order in which they are done."""
    return [rule.name for part in PASSES for rule in part.rules]
