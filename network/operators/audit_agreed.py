"""The audit of agreements and campaigns: each says what two people signed, by the chained log.

Both stand on rows of their own, not on a proposal, so what they said when they were approved is
only in the audit log: every term of it is compared (``network/merchants/agreed.py``,
``network/campaigns/service.py``). Agreements are logged by the page, and by the command under two
names.
"""

from __future__ import annotations

from network.ledger.audit_pass import Pass, Rule

SIMULATED = "(SELECT simulated FROM network.installation)"

_AGREEMENT = {
    "issue_price": "numeric",
    "acceptance_fee": "numeric",
    "funding": "text",
    "breakage_beneficiary": "text",
    "vat_rate": "numeric",
    "vat_on": "text",
    "effective_from": "date",
    "named": "boolean",
    "currency": "text",
    "credit_cap": "bigint",
    "settlement_cycle": "text",
    "settlement_weekday": "integer",
    "minimum_payment": "bigint",
    "mandate_id": "text",
    "mandate_signed_on": "date",
}
_CAMPAIGN = {
    "kind": "text",
    "minimum_amount": "bigint",
    "first_day": "date",
    "last_day": "date",
    "person_cap": "bigint",
    "day_cap": "bigint",
    "budget": "bigint",
    "slices": "integer",
    "name_fa": "text",
    "name_en": "text",
}


def _same(row: str, columns: dict[str, str]) -> str:
    """Return SQL for whether the log's facts ``l`` say what the columns of a row do."""
    return "\n AND ".join(
        f"(l.facts ->> '{name}')::{kind} IS NOT DISTINCT FROM {row}.{name}"
        for name, kind in columns.items()
    )


def _lists(row: str, *columns: str) -> str:
    return "\n AND ".join(f"l.facts -> '{each}' = to_jsonb({row}.{each})" for each in columns)


AGREEMENTS = Pass(
    body=f"""
        SELECT m.code, a.version, a.effective_from, a.proposed_by, a.approved_by,
               CASE WHEN a.proposed_by IS NULL THEN a.approved_by IS NULL AND {SIMULATED}
                    ELSE coalesce(a.approved_by <> a.proposed_by, false) END AS agreed,
               CASE WHEN l.facts IS NULL THEN {SIMULATED}
                    ELSE coalesce({_same("a", _AGREEMENT)}
                     AND {_lists("a", "settlement_days", "settlement_holidays")}
                     AND l.facts ->> 'account_digest' = encode(sha256(a.account_salt || convert_to(
                             concat(a.settlement_iban, chr(10), a.account_holder), 'UTF8')), 'hex'),
                    false) END AS as_logged
        FROM network.agreement AS a
        JOIN network.merchant AS m ON m.merchant_id = a.merchant_id
        LEFT JOIN LATERAL (
            SELECT g.facts FROM network.audit_log AS g
            WHERE g.subject = 'merchant:' || m.code AND g.action = 'agreement.approved'
              AND (g.facts ->> 'version')::integer = a.version
            ORDER BY g.sequence LIMIT 1
        ) AS l ON true
        WHERE a.approved_at IS NOT NULL
    """,
    rules=(
        Rule(
            name="two_people_behind_agreements",
            wrong="NOT agreed",
            example="format('agreement of %s, version %s: proposed by %s, approved by %s', code,"
            " version, coalesce(proposed_by::text, 'nobody'),"
            " coalesce(approved_by::text, 'nobody'))",
        ),
        Rule(
            name="agreements_as_logged",
            wrong="NOT as_logged",
            example="format('agreement of %s, version %s from %s: the audit log has no approval of"
            " it that says the same', code, version, effective_from)",
        ),
    ),
)

CAMPAIGNS = Pass(
    body=f"""
        SELECT c.code, c.proposed_by, c.approved_by,
               CASE WHEN c.proposed_by IS NULL THEN c.approved_by IS NULL AND {SIMULATED}
                    ELSE coalesce(c.approved_by <> c.proposed_by, false) END AS agreed,
               CASE WHEN l.facts IS NULL THEN {SIMULATED}
                    ELSE coalesce({_same("c", _CAMPAIGN)}
                     AND {_lists("c", "merchants", "tiers", "channels", "categories")}
                     AND l.facts ->> 'owner' = c.owner_id::text
                     AND l.facts ->> 'value' = format('%s/%s', c.numerator, c.denominator)
                     AND l.facts -> 'funders' = (
                         SELECT jsonb_agg(jsonb_build_array(f.party_id, f.share) ORDER BY f.place)
                         FROM network.campaign_funder AS f WHERE f.campaign_id = c.campaign_id),
                    false) END AS as_logged
        FROM network.campaign AS c
        LEFT JOIN LATERAL (
            SELECT g.facts FROM network.audit_log AS g
            WHERE g.action = 'campaign.approved' AND g.facts ->> 'code' = c.code
            ORDER BY g.sequence LIMIT 1
        ) AS l ON true
        WHERE c.approved_at IS NOT NULL
    """,
    rules=(
        Rule(
            name="two_people_behind_campaigns",
            wrong="NOT agreed",
            example="format('campaign %s: proposed by %s, approved by %s', code,"
            " coalesce(proposed_by::text, 'nobody'), coalesce(approved_by::text, 'nobody'))",
        ),
        Rule(
            name="campaigns_as_logged",
            wrong="NOT as_logged",
            example="format('campaign %s: the audit log has no approval of it that says the same',"
            " code)",
        ),
    ),
)
