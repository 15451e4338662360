-- Writes the seal of a closed day (network/ledger/seal.py streams the digests and signs the head).
-- Refuses, with SQLSTATE PV003 and a code as the message:
--   day_not_closed  the day is unknown, open, or flipped while a writer may still post into it
--   seal_gap        the seal does not continue the chain: the day before has none, or another head
--   seal_conflict   the day is sealed already, with another head or other counts
-- The same seal again changes nothing. Returns whether this call wrote it.
CREATE OR REPLACE FUNCTION ledger.write_seal(
    p_business_date date,
    p_version integer,
    p_previous_head bytea,
    p_head bytea,
    p_entries bigint,
    p_movements bigint,
    p_key_id text,
    p_signature bytea,
    p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    v_before date;
    v_head bytea;
BEGIN
    PERFORM ledger.check_clock(p_now);
    PERFORM FROM ledger.business_day
    WHERE business_date = p_business_date AND closed_at IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'day_not_closed' USING ERRCODE = 'PV003';
    END IF;

    SELECT business_date INTO v_before FROM ledger.business_day
    WHERE business_date < p_business_date ORDER BY business_date DESC LIMIT 1;
    IF FOUND THEN
        SELECT head INTO v_head FROM ledger.seal WHERE business_date = v_before;
    ELSE
        v_head := decode(repeat('00', 32), 'hex');
    END IF;
    IF v_head IS DISTINCT FROM p_previous_head THEN
        RAISE EXCEPTION 'seal_gap' USING ERRCODE = 'PV003';
    END IF;

    INSERT INTO ledger.seal (
        business_date, version, previous_head, head, entries, movements, key_id, signature, sealed_at
    ) VALUES (
        p_business_date, p_version, p_previous_head, p_head, p_entries, p_movements, p_key_id,
        p_signature, p_now
    ) ON CONFLICT (business_date) DO NOTHING;
    IF FOUND THEN
        RETURN true;
    END IF;
    PERFORM FROM ledger.seal
    WHERE business_date = p_business_date AND version = p_version AND head = p_head
        AND entries = p_entries AND movements = p_movements;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'seal_conflict' USING ERRCODE = 'PV003';
    END IF;
    RETURN false;
END
$$;
REVOKE ALL ON FUNCTION ledger.write_seal(
    date, integer, bytea, bytea, bigint, bigint, text, bytea, timestamptz
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.write_seal(
    date, integer, bytea, bytea, bigint, bigint, text, bytea, timestamptz
) TO peyvand_app;
