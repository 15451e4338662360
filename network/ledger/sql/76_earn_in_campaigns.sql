-- Purchases of many members in one transaction, campaigns included: what 75_earn_batch.sql leaves
-- out. The locks are wallets, then slices, and no key at all, over all purchases at once: every
-- wallet in the order of member_id, then of each campaign in the order of ids as many slices as all the
-- purchases want together, and only then the first purchase. From there on nobody is waited for:
-- the slices that are held make up what is wanted, or are all that is left of the budget, and others
-- are taken only while they are free. So two batches never wait in a circle.

-- Locks wallets until the transaction ends, so that purchases can be priced with a history that
-- does not move.
CREATE OR REPLACE FUNCTION ledger.lock_wallets(p_members uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    PERFORM FROM ledger.wallet AS w WHERE w.member_id = ANY (p_members)
    ORDER BY w.member_id FOR NO KEY UPDATE;
END
$$;

-- Holds slices of a campaign that have p_points left together, or all that have anything left, and
-- says which comes first: one that has enough and is free; else several free ones; else it gives
-- those back and waits for slices in their order.
CREATE OR REPLACE FUNCTION ledger.hold_budget(p_campaign uuid, p_points bigint) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    first integer;
    number integer;
    there bigint;
    wanted bigint := p_points;
BEGIN
    SELECT s.slice INTO first FROM ledger.campaign_slice AS s
    WHERE s.campaign_id = p_campaign AND s.budget - s.taken >= p_points
    ORDER BY s.slice LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        RETURN first;
    END IF;
    BEGIN
        FOR number IN
            SELECT s.slice FROM ledger.campaign_slice AS s
            WHERE s.campaign_id = p_campaign AND s.taken < s.budget ORDER BY s.slice
        LOOP
            SELECT s.budget - s.taken INTO there FROM ledger.campaign_slice AS s
            WHERE s.campaign_id = p_campaign AND s.slice = number
            FOR NO KEY UPDATE SKIP LOCKED;
            IF FOUND THEN
                first := coalesce(first, number);
                wanted := wanted - there;
            END IF;
            EXIT WHEN wanted <= 0;
        END LOOP;
        IF wanted > 0 THEN
            RAISE EXCEPTION 'too little is free' USING ERRCODE = 'PV005';
        END IF;
        RETURN first;
    EXCEPTION WHEN SQLSTATE 'PV005' THEN
        -- Rolled back to before the first of them was locked.
        wanted := p_points;
        first := NULL;
    END;
    FOR number IN
        SELECT s.slice FROM ledger.campaign_slice AS s
        WHERE s.campaign_id = p_campaign AND s.taken < s.budget ORDER BY s.slice
    LOOP
        SELECT s.budget - s.taken INTO there FROM ledger.campaign_slice AS s
        WHERE s.campaign_id = p_campaign AND s.slice = number FOR NO KEY UPDATE;
        first := coalesce(first, number);
        wanted := wanted - there;
        EXIT WHEN wanted <= 0;
    END LOOP;
    RETURN first;
END
$$;

-- One of the purchases: posted, or refused because its reference is taken. Any other refusal is
-- raised.
CREATE OR REPLACE FUNCTION ledger.earn_item(
    p_item jsonb, p_place integer, p_now timestamptz, p_slices jsonb
) RETURNS ledger.batch_outcome LANGUAGE plpgsql AS $$
DECLARE
    o ledger.batch_outcome;
    event ledger.event_facts := jsonb_populate_record(NULL::ledger.event_facts, p_item -> 'event');
    posted ledger.posted;
    taken record;
BEGIN
    o.place := p_place;
    o.member_id := p_item ->> 'member';
    SELECT r.state, r.sequence INTO taken FROM ledger.reference AS r
    WHERE r.member_id = o.member_id AND r.merchant_id = event.merchant_id
      AND r.kind = 'issuance' AND r.merchant_ref = event.merchant_ref;
    IF taken.state = 'used' THEN
        o.outcome := 'refused';
        o.code := 'duplicate_reference';
        o.facts := jsonb_build_object('merchant_ref', event.merchant_ref,
                                      'sequence', taken.sequence);
        RETURN o;
    END IF;
    -- Without a key: one waited for here, with slices held, could close a circle with a single call.
    posted := ledger.earn(
        o.member_id, p_now, NULL, event, p_item -> 'grants', (p_item ->> 'explanation')::json, NULL,
        CASE WHEN jsonb_typeof(p_item -> 'takings') = 'object'
             THEN (p_item -> 'takings') || jsonb_build_object('slices', p_slices) END);
    o.outcome := 'posted';
    o.sequence := posted.sequence;
    o.business_date := posted.business_date;
    o.result := posted.result;
    RETURN o;
END
$$;

-- The same, with any refusal as an outcome.
CREATE OR REPLACE FUNCTION ledger.try_item(
    p_item jsonb, p_place integer, p_now timestamptz, p_slices jsonb
) RETURNS ledger.batch_outcome LANGUAGE plpgsql AS $$
DECLARE
    o ledger.batch_outcome;
BEGIN
    RETURN ledger.earn_item(p_item, p_place, p_now, p_slices);
EXCEPTION WHEN SQLSTATE 'PV001' OR SQLSTATE 'PV002' THEN
    o.place := p_place;
    o.member_id := p_item ->> 'member';
    o.outcome := 'refused';
    GET STACKED DIAGNOSTICS o.code = MESSAGE_TEXT, o.facts = PG_EXCEPTION_DETAIL;
    RETURN o;
END
$$;

-- Posts up to 1,000 purchases, each as {"member", "event", "grants", "explanation" as text,
-- "takings" as ledger.earn takes them, or null}; says what became of each, in their order. First as
-- if none were refused; where one is, all are undone and posted once more, each under a savepoint.
CREATE OR REPLACE FUNCTION ledger.earn_in_campaigns(p_now timestamptz, p_items jsonb)
RETURNS SETOF ledger.batch_outcome
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    last integer := jsonb_array_length(p_items) - 1;
    slices jsonb := '{}';
    wanted record;
    outcomes ledger.batch_outcome[] := '{}';
BEGIN
    PERFORM ledger.check_clock(p_now);
    IF last NOT BETWEEN 0 AND 999 THEN
        RAISE EXCEPTION 'a batch has 1 to 1,000 items' USING ERRCODE = 'PV003';
    END IF;
    PERFORM ledger.lock_wallets(ARRAY(
        SELECT (i ->> 'member')::uuid FROM jsonb_array_elements(p_items) AS i));
    FOR wanted IN
        SELECT x.campaign_id, sum(x.points)::bigint AS points
        FROM jsonb_array_elements(p_items) AS i,
             jsonb_to_recordset(i -> 'takings' -> 'campaigns') AS x (
                 campaign_id uuid, points bigint)
        GROUP BY x.campaign_id ORDER BY x.campaign_id
    LOOP
        slices := slices || jsonb_build_object(
            wanted.campaign_id, ledger.hold_budget(wanted.campaign_id, wanted.points));
    END LOOP;
    BEGIN
        FOR n IN 0 .. last LOOP
            outcomes := outcomes || ledger.earn_item(p_items -> n, n + 1, p_now, slices);
        END LOOP;
    EXCEPTION WHEN SQLSTATE 'PV001' OR SQLSTATE 'PV002' THEN
        outcomes := '{}';
        FOR n IN 0 .. last LOOP
            outcomes := outcomes || ledger.try_item(p_items -> n, n + 1, p_now, slices);
        END LOOP;
    END;
    RETURN QUERY SELECT o.* FROM unnest(outcomes) AS o;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.lock_wallets(uuid[]),
    ledger.earn_in_campaigns(timestamptz, jsonb)
    TO peyvand_app;
