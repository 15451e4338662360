-- Housekeeping of the outbox: what was handed on a week ago. The dates are the rows' own and the
-- database's clock, and an event that waits is never forgotten, whoever calls this. event_id says when
-- a row was written (UUIDv7), so the oldest are found by the primary key. p_most bounds one call.
CREATE OR REPLACE FUNCTION ledger.forget_dispatched(p_most integer)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    v_week interval := interval '7 days';
    v_before uuid := uuidv7(-v_week);
    v_gone bigint;
BEGIN
    IF p_most IS NULL OR p_most NOT BETWEEN 1 AND 100000 THEN
        RAISE EXCEPTION 'one call forgets 1 to 100000 rows, not %', p_most USING ERRCODE = 'PV003';
    END IF;
    DELETE FROM network.outbox AS o WHERE o.event_id = ANY (ARRAY(
        SELECT w.event_id FROM network.outbox AS w
        WHERE w.event_id < v_before AND w.dispatched_at < clock_timestamp() - v_week
        ORDER BY w.event_id
        LIMIT p_most));
    GET DIAGNOSTICS v_gone = ROW_COUNT;
    RETURN v_gone;
END
$$;
REVOKE ALL ON FUNCTION ledger.forget_dispatched(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.forget_dispatched(integer) TO peyvand_app;
