-- The signed request behind an entry, bodies included. The application's role may not read the
-- table; this gives it one entry's evidence at a time (network/ledger/evidence.py says to whom).
-- The entry is looked up first, so that the day picks one partition of the evidence.
CREATE OR REPLACE FUNCTION ledger.read_evidence(p_member uuid, p_sequence bigint)
RETURNS TABLE (key_id text, signature_base bytea, signature bytea, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    v_day date;
BEGIN
    SELECT e.business_date INTO v_day FROM ledger.entry AS e
    WHERE e.member_id = p_member AND e.sequence = p_sequence;
    RETURN QUERY
        SELECT v.key_id, v.signature_base, v.signature, v.body FROM ledger.evidence AS v
        WHERE v.member_id = p_member AND v.sequence = p_sequence AND v.business_date = v_day;
END
$$;
REVOKE ALL ON FUNCTION ledger.read_evidence(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.read_evidence(uuid, bigint) TO peyvand_app;
