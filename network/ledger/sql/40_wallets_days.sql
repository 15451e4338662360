-- Wallets, due work, and the business day. Public functions: executed by the application, running
-- as the owner. Every name is qualified, and the search_path is fixed besides: a temporary domain
-- named like a built-in type would otherwise run its owner's code with the ledger's rights. Helpers
-- have none of their own, they inherit it.

CREATE OR REPLACE FUNCTION ledger.open_wallet(p_member uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    INSERT INTO ledger.wallet (member_id) VALUES (p_member) ON CONFLICT (member_id) DO NOTHING;
    RETURN FOUND;
END
$$;

-- Spend lock and closing. A closed wallet stays closed.
CREATE OR REPLACE FUNCTION ledger.set_wallet_status(p_member uuid, p_status text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    before text;
BEGIN
    SELECT w.status INTO before FROM ledger.wallet AS w
    WHERE w.member_id = p_member FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('unknown_wallet');
    ELSIF p_status IS NULL OR p_status NOT IN ('active', 'spend_locked', 'closed') THEN
        RAISE EXCEPTION 'a wallet has no status %', p_status USING ERRCODE = 'PV003';
    ELSIF before = 'closed' AND p_status <> 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    END IF;
    UPDATE ledger.wallet AS w SET status = p_status WHERE w.member_id = p_member;
    RETURN before;
END
$$;

-- Retires and activates a wallet's due lots and ends its lapsed holds; NULL where nothing was due.
CREATE OR REPLACE FUNCTION ledger.mature(
    p_member uuid, p_now timestamptz, p_wall timestamptz
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, NULL, p_now);
    before bigint := op.sequence;
    due_before date := op.due_on;
BEGIN
    PERFORM ledger.check_wall(p_wall);
    IF op.held > 0 THEN
        op := ledger.release_lapsed(op, p_wall, p_now);
    END IF;
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    IF op.sequence = before AND op.due_on IS NOT DISTINCT FROM due_before THEN
        RETURN NULL;
    END IF;
    RETURN ledger.finish_operation(op, NULL, NULL, jsonb_build_object(
        'entries', op.sequence - before));
END
$$;

-- Closes the open day if its cut-off (midnight of the programme's zone) has passed and opens the
-- next one, one day per call and in order, never one that has not ended by the server's own clock; returns the day that was open, or NULL. The caller then
-- waits for the writers that were under way (network/ledger/day.py) and confirms.
CREATE OR REPLACE FUNCTION ledger.flip_day(p_now timestamptz) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    day date;
    calendar date := ledger.programme_date(ledger.moment_reached(p_now));
BEGIN
    SELECT d.business_date INTO day FROM ledger.business_day AS d
    WHERE d.flipped_at IS NULL FOR UPDATE;
    IF NOT FOUND OR calendar <= day THEN
        RETURN NULL;
    END IF;
    -- A schedule that fell behind must not stop the tills.
    PERFORM ledger.ensure_partitions(day + 1, day + 2);
    UPDATE ledger.business_day AS d SET flipped_at = p_now WHERE d.business_date = day;
    INSERT INTO ledger.business_day (business_date, opened_at) VALUES (day + 1, p_now);
    RETURN day;
END
$$;

CREATE OR REPLACE FUNCTION ledger.confirm_closed(p_business_date date, p_now timestamptz)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    PERFORM ledger.check_clock(p_now);
    UPDATE ledger.business_day AS d SET closed_at = p_now
    WHERE d.business_date = p_business_date AND d.flipped_at IS NOT NULL AND d.closed_at IS NULL;
    RETURN FOUND;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.open_wallet(uuid),
    ledger.set_wallet_status(uuid, text),
    ledger.mature(uuid, timestamptz, timestamptz),
    ledger.flip_day(timestamptz),
    ledger.confirm_closed(date, timestamptz)
    TO peyvand_app;
