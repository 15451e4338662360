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

-- The signed request of an entry that came in a batch, and the line that asked for it (from 1). It is
-- kept once for all of a batch's entries (network.batch_request).
CREATE OR REPLACE FUNCTION ledger.read_batch_evidence(p_member uuid, p_sequence bigint)
RETURNS TABLE (key_id text, signature_base bytea, signature bytea, body bytea, line integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    made record;
BEGIN
    SELECT e.merchant_id, e.recorded_at INTO made FROM ledger.entry AS e
    WHERE e.member_id = p_member AND e.sequence = p_sequence;
    RETURN QUERY
        SELECT r.key_id, r.signature_base, r.signature, r.body, m.line
        FROM network.batch_entries AS b
        CROSS JOIN LATERAL unnest(b.members, b.sequences, b.lines) AS m (member, sequence, line)
        JOIN network.batch_request AS r ON r.batch_id = b.batch_id
        WHERE b.merchant_id = made.merchant_id AND b.recorded_at = made.recorded_at
          AND m.member = p_member AND m.sequence = p_sequence;
END
$$;
REVOKE ALL ON FUNCTION ledger.read_batch_evidence(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.read_batch_evidence(uuid, bigint) TO peyvand_app;

-- The signed body of a batch that is still sealed as a whole, NULL where it is not.
CREATE OR REPLACE FUNCTION ledger.read_batch_body(p_batch uuid)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
    SELECT r.body FROM network.batch_request AS r
    WHERE r.batch_id = p_batch AND substring(r.body FROM 1 FOR 1) = '\x02'::bytea
$$;
REVOKE ALL ON FUNCTION ledger.read_batch_body(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.read_batch_body(uuid) TO peyvand_app;

-- Puts in its place the same body sealed with the keys of whom it names; the table's trigger lets this
-- one change through, once.
CREATE OR REPLACE FUNCTION ledger.keep_batch_body(p_batch uuid, p_body bytea)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
    UPDATE network.batch_request AS r SET body = p_body WHERE r.batch_id = p_batch
$$;
REVOKE ALL ON FUNCTION ledger.keep_batch_body(uuid, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.keep_batch_body(uuid, bytea) TO peyvand_app;
