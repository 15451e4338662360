-- Housekeeping: what answered requests leave behind and no retry can ask for any more. A key is
-- kept for 30 days after its business day, a used code for 30 days after no clock accepts it. The
-- dates are the rows' own and the table's and the database's clock, never the caller's, so that
-- nobody who may call this can free a key or a code early. One call goes through p_pages pages of
-- each table from p_page on, so that a night reads each page once; next_page is NULL after the last.
-- No index leads to the old rows: new ones take their places, so block ranges would soon span all days.
CREATE OR REPLACE FUNCTION ledger.forget_requests(p_page bigint, p_pages integer)
RETURNS TABLE (keys bigint, codes bigint, next_page bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    v_oldest date;
    v_first tid := format('(%s,0)', p_page)::tid;
    v_end tid := format('(%s,0)', p_page + p_pages)::tid;
    v_bytes bigint := greatest(pg_relation_size('ledger.idempotency'),
                               pg_relation_size('ledger.used_code'));
BEGIN
    IF p_page IS NULL OR p_pages IS NULL OR p_pages NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'one call goes through 1 to 10000 pages, not %', p_pages
            USING ERRCODE = 'PV003';
    END IF;
    SELECT least(d.business_date, ledger.programme_date(clock_timestamp())) - 30 INTO v_oldest
    FROM ledger.business_day AS d WHERE d.flipped_at IS NULL;

    DELETE FROM ledger.idempotency AS i
    WHERE i.ctid >= v_first AND i.ctid < v_end AND i.business_date < v_oldest;
    GET DIAGNOSTICS keys = ROW_COUNT;
    DELETE FROM ledger.used_code AS u
    WHERE u.ctid >= v_first AND u.ctid < v_end
      AND u.expires_at < clock_timestamp() - interval '30 days';
    GET DIAGNOSTICS codes = ROW_COUNT;
    IF (p_page + p_pages) * current_setting('block_size')::integer < v_bytes THEN
        next_page := p_page + p_pages;
    END IF;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION ledger.forget_requests(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.forget_requests(bigint, integer) TO peyvand_app;
