-- Requests that move no points claim their idempotency key where the others keep theirs, so that one
-- key stands for one request of a merchant, whatever its path: a purchase under the key of a batch
-- is a conflict, and the other way round. Such a row has no entry (sequence 0) and no result, which
-- its owner keeps. The caller's transaction decides whether the claim stays.
CREATE OR REPLACE FUNCTION ledger.claim_key(p_client uuid, p_key text, p_fingerprint bytea)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    same boolean;
BEGIN
    INSERT INTO ledger.idempotency
        (client_id, key, member_id, fingerprint, sequence, business_date, result)
    SELECT p_client, p_key, '00000000-0000-0000-0000-000000000000', p_fingerprint, 0,
           coalesce((SELECT d.business_date FROM ledger.business_day AS d
                     WHERE d.flipped_at IS NULL), ledger.programme_date(clock_timestamp())), '{}'
    ON CONFLICT (client_id, key) DO NOTHING;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT i.sequence = 0 AND i.fingerprint = p_fingerprint INTO same
    FROM ledger.idempotency AS i
    WHERE i.client_id = p_client AND i.key = p_key
      AND i.member_id = '00000000-0000-0000-0000-000000000000';
    IF same IS NOT TRUE THEN
        PERFORM ledger.refuse_conflict();
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ledger.claim_key(uuid, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.claim_key(uuid, text, bytea) TO peyvand_app;
