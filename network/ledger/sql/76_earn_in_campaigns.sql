-- Purchases of many members in one transaction, campaigns included: what 75_earn_batch.sql leaves
-- out. The locks are wallets, then slices, and no key at all, over all purchases at once: every
-- wallet in the order of member_id, then of each campaign in the order of ids as many slices as all the
-- purchases want together, and only then the first purchase. From there on nobody is waited for:
-- the slices that are held make up what is wanted, or are all that is left of the budget, and others
-- are taken only while they are free. So two batches never wait in a circle.
-- What a single call does row by row happens here set by set (77_post_in_campaigns.sql), for the
-- purchases that are plain but for their campaigns and that fit into what is held, in their order, even
-- if each before them takes what it wants. The others go through ledger.earn after them, in their
-- order, each under a savepoint, so that one's refusal is its own outcome. Either way a purchase gets
-- what it would have got had all gone one after the other.

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
-- says which, in the order in which they are to be taken from: one that has enough and is free; else
-- several free ones; else it gives those back and waits for slices in their order.
CREATE OR REPLACE FUNCTION ledger.hold_slices(p_campaign uuid, p_points bigint) RETURNS integer[]
LANGUAGE plpgsql AS $$
DECLARE
    held integer[];
    number integer;
    there bigint;
    wanted bigint := p_points;
BEGIN
    SELECT ARRAY[s.slice] INTO held FROM ledger.campaign_slice AS s
    WHERE s.campaign_id = p_campaign AND s.budget - s.taken >= p_points
    ORDER BY s.slice LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        RETURN held;
    END IF;
    BEGIN
        held := '{}';
        FOR number IN
            SELECT s.slice FROM ledger.campaign_slice AS s
            WHERE s.campaign_id = p_campaign AND s.taken < s.budget ORDER BY s.slice
        LOOP
            SELECT s.budget - s.taken INTO there FROM ledger.campaign_slice AS s
            WHERE s.campaign_id = p_campaign AND s.slice = number
            FOR NO KEY UPDATE SKIP LOCKED;
            IF FOUND THEN
                held := held || number;
                wanted := wanted - there;
            END IF;
            EXIT WHEN wanted <= 0;
        END LOOP;
        IF wanted > 0 THEN
            RAISE EXCEPTION 'too little is free' USING ERRCODE = 'PV005';
        END IF;
        RETURN held;
    EXCEPTION WHEN SQLSTATE 'PV005' THEN
        -- Rolled back to before the first of them was locked.
        wanted := p_points;
        held := '{}';
    END;
    FOR number IN
        SELECT s.slice FROM ledger.campaign_slice AS s
        WHERE s.campaign_id = p_campaign AND s.taken < s.budget ORDER BY s.slice
    LOOP
        SELECT s.budget - s.taken INTO there FROM ledger.campaign_slice AS s
        WHERE s.campaign_id = p_campaign AND s.slice = number FOR NO KEY UPDATE;
        held := held || number;
        wanted := wanted - there;
        EXIT WHEN wanted <= 0;
    END LOOP;
    RETURN held;
END
$$;

-- Holds what purchases want of campaigns, in the order of ids; points is what there is of it.
CREATE OR REPLACE FUNCTION ledger.hold_budgets(p_items ledger.campaign_item[])
RETURNS ledger.held_budget[] LANGUAGE plpgsql AS $$
DECLARE
    held ledger.held_budget[] := '{}';
    each ledger.held_budget;
BEGIN
    FOR each.campaign_id, each.wanted IN
        SELECT l.campaign_id, ledger.total(l.points)
        FROM unnest(p_items) AS i CROSS JOIN LATERAL unnest(i.lots) AS l
        WHERE l.campaign_id IS NOT NULL GROUP BY l.campaign_id ORDER BY l.campaign_id
    LOOP
        each.slices := ledger.hold_slices(each.campaign_id, each.wanted);
        SELECT coalesce(sum(s.budget - s.taken), 0) INTO each.points
        FROM ledger.campaign_slice AS s
        WHERE s.campaign_id = each.campaign_id AND s.slice = ANY (each.slices);
        held := held || each;
    END LOOP;
    RETURN held;
END
$$;

-- One of the purchases by itself: posted, or refused with a code.
CREATE OR REPLACE FUNCTION ledger.try_item(
    i ledger.campaign_item, p_now timestamptz, p_held ledger.held_budget[]
) RETURNS ledger.batch_outcome LANGUAGE plpgsql AS $$
DECLARE
    o ledger.batch_outcome;
    posted ledger.posted;
    taken record;
    wanted record;
    takings jsonb := '[]';
    there bigint;
BEGIN
    o.place := i.place;
    o.member_id := i.member_id;
    SELECT r.state, r.sequence INTO taken FROM ledger.reference AS r
    WHERE r.member_id = i.member_id AND r.merchant_id = i.merchant_id
      AND r.kind = 'issuance' AND r.merchant_ref = i.merchant_ref;
    IF taken.state = 'used' THEN
        o.outcome := 'refused';
        o.code := 'duplicate_reference';
        o.facts := jsonb_build_object('merchant_ref', i.merchant_ref,
                                      'sequence', taken.sequence);
        RETURN o;
    END IF;
    -- Where a budget ends, most of a batch would be posted only to be taken back.
    FOR wanted IN
        SELECT l.campaign_id, ledger.total(l.points) AS points, c.running,
               bool_or(h.wanted > h.points) AS short
        FROM unnest(i.lots) AS l
        LEFT JOIN ledger.campaign AS c USING (campaign_id)
        LEFT JOIN unnest(p_held) AS h USING (campaign_id)
        WHERE l.campaign_id IS NOT NULL GROUP BY l.campaign_id, c.running ORDER BY l.campaign_id
    LOOP
        IF wanted.running IS NOT TRUE THEN
            PERFORM ledger.refuse('campaign_paused', jsonb_build_object(
                'campaign_id', wanted.campaign_id));
        ELSIF wanted.short THEN
            SELECT sum(s.budget - s.taken) INTO there FROM ledger.campaign_slice AS s
            WHERE s.campaign_id = wanted.campaign_id;
            IF there < wanted.points THEN
                PERFORM ledger.refuse('campaign_exhausted', jsonb_build_object(
                    'campaign_id', wanted.campaign_id, 'left', there, 'points', wanted.points));
            END IF;
        END IF;
        takings := takings || jsonb_build_object(
            'campaign_id', wanted.campaign_id, 'points', wanted.points);
    END LOOP;
    -- Without a key: one waited for here, with slices held, could close a circle with a single call.
    posted := ledger.earn(
        i.member_id, p_now, NULL,
        ROW(i.merchant_id, i.merchant_ref, i.effective_at, i.store_id, i.terminal, i.receipt,
            i.channel, i.amount, i.base, i.currency, NULL)::ledger.event_facts,
        ledger.grants_of_lots(i.lots, i.earned), i.explanation, NULL,
        CASE WHEN takings <> '[]' THEN jsonb_build_object(
            'sequence', i.expected, 'campaigns', takings,
            'slices', (SELECT jsonb_object_agg(h.campaign_id, h.slices[1])
                       FROM unnest(p_held) AS h WHERE h.slices <> '{}')) END);
    o.outcome := 'posted';
    o.sequence := posted.sequence;
    o.business_date := posted.business_date;
    o.result := posted.result;
    RETURN o;
EXCEPTION WHEN SQLSTATE 'PV001' OR SQLSTATE 'PV002' THEN
    o.outcome := 'refused';
    GET STACKED DIAGNOSTICS o.code = MESSAGE_TEXT, o.facts = PG_EXCEPTION_DETAIL;
    RETURN o;
END
$$;

-- Posts up to 1,000 purchases of one merchant; says what became of each, in their order. p_kinds has
-- each kind of grant once. A purchase names those that it has points of (p_chosen: places in p_kinds,
-- in the order of its grants) and says its grants (p_parts): line, base, points, and with several
-- kinds the place in p_chosen, 0 where there are no points. p_expected is the sequence that a price
-- was reckoned with, NULL where it asks for no history.
CREATE OR REPLACE FUNCTION ledger.earn_in_campaigns(
    p_now timestamptz, p_merchant uuid, p_members uuid[], p_refs text[],
    p_effective timestamptz[], p_stores uuid[], p_terminals text[], p_receipts text[],
    p_channels text[], p_amounts bigint[], p_bases bigint[], p_currencies text[],
    p_explanations text[], p_kinds ledger.grant_facts[], p_chosen text[], p_parts text[],
    p_expected bigint[]
) RETURNS SETOF ledger.batch_outcome
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    wallets ledger.wallet[];
    items ledger.campaign_item[];
    together ledger.campaign_item[];
    held ledger.held_budget[];
    apart integer[] := '{}';
    i ledger.campaign_item;
    outcomes ledger.batch_outcome[] := '{}';
    day date;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the ledger posts in READ COMMITTED only' USING ERRCODE = 'PV003';
    ELSIF cardinality(p_members) NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'a batch has 1 to 1,000 items' USING ERRCODE = 'PV003';
    END IF;
    PERFORM ledger.check_clock(p_now);
    wallets := ARRAY(
        SELECT w FROM ledger.wallet AS w WHERE w.member_id = ANY (p_members)
        ORDER BY w.member_id FOR NO KEY UPDATE);
    SELECT d.business_date INTO STRICT day FROM ledger.business_day AS d
    WHERE d.flipped_at IS NULL;
    -- Once as if every reference were new and every budget had enough; again without those for
    -- which that is not so.
    FOR attempt IN 1 .. 4 LOOP
        items := ledger.campaign_items(
            p_merchant, p_members, p_refs, p_effective, p_stores, p_terminals, p_receipts,
            p_channels, p_amounts, p_bases, p_currencies, p_explanations, p_kinds, p_chosen,
            p_parts, p_expected, wallets, apart, greatest(day, ledger.programme_date(p_now)),
            p_now);
        held := coalesce(held, ledger.hold_budgets(items));
        IF attempt = 1 THEN
            apart := ledger.beyond_budgets(items, held);
            CONTINUE WHEN apart <> '{}';
        END IF;
        together := ARRAY(SELECT b FROM unnest(items) AS b WHERE b.together);
        BEGIN
            IF cardinality(together) > 0 THEN
                PERFORM ledger.post_in_campaigns(together, held, day, p_now);
            END IF;
            EXIT;
        EXCEPTION WHEN SQLSTATE 'PV004' THEN
            apart := CASE WHEN attempt < 3 THEN apart || ledger.cannot_together(items, day)
                          ELSE ARRAY(SELECT generate_series(1, cardinality(p_members))) END;
        END;
    END LOOP;

    FOR i IN SELECT b.* FROM unnest(items) AS b WHERE NOT b.together ORDER BY b.place LOOP
        outcomes := outcomes || ledger.try_item(i, p_now, held);
    END LOOP;
    RETURN QUERY
        SELECT b.place, b.member_id, 'posted', NULL::text, NULL::jsonb, b.sequence, day,
               NULL::json, b.points, b.active, b.active_from, b.expires_on, b.available,
               b.pending, b.held
        FROM unnest(items) AS b WHERE b.together
        UNION ALL SELECT t.* FROM unnest(outcomes) AS t ORDER BY 1;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.lock_wallets(uuid[]),
    ledger.earn_in_campaigns(timestamptz, uuid, uuid[], text[], timestamptz[], uuid[], text[],
        text[], text[], bigint[], bigint[], text[], text[], ledger.grant_facts[], text[], text[],
        bigint[])
    TO peyvand_app;
