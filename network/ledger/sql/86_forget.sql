-- Housekeeping: what answered requests leave behind and no retry can ask for any more. A key is
-- kept for 30 days after its business day, a used code for 30 days after no clock accepts it. The
-- dates are the rows' own and the table's and the database's clock, never the caller's, so that
-- nobody who may call this can free a key or a code early. p_most bounds one call and its locks.
CREATE OR REPLACE FUNCTION ledger.forget_requests(p_most integer)
RETURNS TABLE (keys bigint, codes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    v_oldest date;
BEGIN
    IF p_most IS NULL OR p_most NOT BETWEEN 1 AND 100000 THEN
        RAISE EXCEPTION 'one call forgets 1 to 100000 rows, not %', p_most USING ERRCODE = 'PV003';
    END IF;
    SELECT least(d.business_date, ledger.programme_date(clock_timestamp())) - 30 INTO v_oldest
    FROM ledger.business_day AS d WHERE d.flipped_at IS NULL;

    DELETE FROM ledger.idempotency AS i WHERE i.ctid = ANY (ARRAY(
        SELECT o.ctid FROM ledger.idempotency AS o WHERE o.business_date < v_oldest
        LIMIT p_most));
    GET DIAGNOSTICS keys = ROW_COUNT;
    DELETE FROM ledger.used_code AS u WHERE u.ctid = ANY (ARRAY(
        SELECT o.ctid FROM ledger.used_code AS o
        WHERE o.expires_at < clock_timestamp() - interval '30 days'
        LIMIT p_most));
    GET DIAGNOSTICS codes = ROW_COUNT;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION ledger.forget_requests(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.forget_requests(integer) TO peyvand_app;
