-- The least that an earn could do: the lock, then every row of it from values that are ready, in one
-- statement. The same tables, indexes, guards and log; no decision, no digest, no result, no answer
-- to a retry. What ledger.earn takes beyond it is what the design asks for above the rows alone.
-- Writers in one statement are no way for the product: scaling.md says why.
CREATE SCHEMA bench AUTHORIZATION peyvand_owner;
GRANT USAGE ON SCHEMA bench TO peyvand_app;
SET ROLE peyvand_owner;

CREATE FUNCTION bench.least_earn(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_event ledger.event_facts,
    p_explanation json, p_evidence ledger.evidence_facts
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE ledger.wallet AS w SET available = w.available + 165, sequence = w.sequence + 1
    WHERE w.member_id = p_member RETURNING w.sequence INTO number;
    WITH key AS (
        INSERT INTO ledger.idempotency
            (client_id, key, member_id, fingerprint, sequence, business_date, result)
        VALUES (p_claim.client_id, p_claim.key, p_member, p_claim.fingerprint, number,
                current_date,
                '{"state": "available", "points": 165, "repaid": 0, "balance": {"debt": 0,
                  "held": 0, "pending": 0, "available": 900000000165},
                  "expires_on": "2027-11-22", "active_from": "2026-11-22"}')
        ON CONFLICT (client_id, key) DO NOTHING
    ), reference AS (
        INSERT INTO ledger.reference
            (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
        VALUES (p_member, p_event.merchant_id, 'issuance', p_event.merchant_ref, 'used', number,
                current_date)
        ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO NOTHING
    ), lot AS (
        INSERT INTO ledger.lot
            (member_id, lot_id, issuer_id, terms_id, price, active, active_from, expires_on,
             made_on, granted, remaining)
        VALUES (p_member, number * 1000000 + 1, p_event.merchant_id, p_event.merchant_id, 1000,
                true, current_date, current_date + 365, current_date, 165, 165)
    ), entry AS (
        INSERT INTO ledger.entry
            (member_id, sequence, business_date, kind, merchant_id, store_id, terminal,
             merchant_ref, receipt, channel, amount, base, currency, effective_at, recorded_at,
             actor, explanation, earned, digest)
        VALUES (p_member, number, current_date, 'issuance', p_event.merchant_id,
                p_event.store_id, p_event.terminal, p_event.merchant_ref, p_event.receipt,
                p_event.channel, p_event.amount, p_event.base, p_event.currency, p_now, p_now,
                'merchant:b0000000-0000-7000-8000-000000000001', p_explanation,
                '{{0,800000,120},{1,400000,30},{2,200000,10},{3,100000,5}}',
                '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff')
    ), movement AS (
        INSERT INTO ledger.movement
            (member_id, sequence, line, business_date, source, target, issuer_id, lot_id,
             terms_id, points)
        VALUES (p_member, number, 1, current_date, 'issuance', 'available', p_event.merchant_id,
                1000000, p_event.merchant_id, 165)
    ), outbox AS (
        INSERT INTO network.outbox (topic, member_id, merchant_id, sequence, points)
        VALUES ('bench.least', p_member, p_event.merchant_id, 12, 165)
    )
    INSERT INTO ledger.evidence
        (member_id, sequence, business_date, key_id, signature_base, signature, body)
    VALUES (p_member, number, current_date, p_evidence.key_id, p_evidence.signature_base,
            p_evidence.signature, p_evidence.body);
    RETURN number;
END
$$;
GRANT EXECUTE ON FUNCTION bench.least_earn TO peyvand_app;
RESET ROLE;
