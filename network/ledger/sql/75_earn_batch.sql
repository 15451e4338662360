-- Up to 1,000 earnings in one transaction. What a single call does row by row happens here set by
-- set, for the items that are plain: a new key and reference, a wallet without due lots or debt,
-- points of one kind. The others go through ledger.earn one by one, each under a savepoint, so that
-- one item's refusal is its own outcome. All wallets are locked first, in one statement and in the
-- order of member_id; the day is read after that, once.
-- Statements stand on arrays of batch_item and look single rows up by their keys, so that no plan
-- depends on what the planner believes about the length of an array. OFFSET 0 keeps a subquery in
-- one piece: flattened, its look-ups would be repeated wherever their result is named.

-- Reads the items as they came: no wallet, no lock. facts are the first grant's, which is like the
-- others where together holds.
CREATE OR REPLACE FUNCTION ledger.batch_items(p_items jsonb) RETURNS ledger.batch_item[]
LANGUAGE sql STABLE
RETURN (
    SELECT array_agg(ROW(
        i.place, i.member_id,
        ROW(i.client_id, i.key, decode(i.fingerprint, 'hex'))::ledger.claim_facts,
        ROW(i.merchant_id, i.merchant_ref, i.effective_at, i.store_id, i.terminal, i.receipt,
            i.channel, i.amount, i.base, i.currency)::ledger.event_facts,
        i.grants, i.explanation,
        jsonb_populate_record(NULL::ledger.grant_facts, i.grants -> 0),
        g.points, g.based, NULL, coalesce(g.plain, false) AND i.merchant_ref <> '', NULL, NULL,
        NULL, NULL, NULL, NULL)::ledger.batch_item ORDER BY i.place)
    FROM ROWS FROM (jsonb_to_recordset(p_items) AS (
             member_id uuid, client_id uuid, key text, fingerprint text, merchant_id uuid,
             merchant_ref text, effective_at timestamptz, store_id uuid, terminal text,
             receipt text, channel text, amount bigint, base bigint, currency text, grants jsonb,
             explanation jsonb)) WITH ORDINALITY AS i (
             member_id, client_id, key, fingerprint, merchant_id, merchant_ref, effective_at,
             store_id, terminal, receipt, channel, amount, base, currency, grants, explanation,
             place)
    CROSS JOIN LATERAL (
        -- Lines are all different where the sum of their bits is the union of them.
        SELECT sum(p.points)::bigint AS points, sum(p.base)::bigint AS based,
               bool_and(p.points BETWEEN 1 AND 1000000000000000 AND p.line BETWEEN 0 AND 61
                        AND p.kind = p.first)
               AND sum(1::bigint << p.line) = bit_or(1::bigint << p.line)
               AND sum(p.points) <= 1000000000000000 AS plain
        FROM (
            SELECT (e.value ->> 'points')::bigint AS points, (e.value ->> 'base')::bigint AS base,
                   (e.value ->> 'line')::integer AS line,
                   e.value - '{points,base,line}'::text[] AS kind,
                   (i.grants -> 0) - '{points,base,line}'::text[] AS first
            FROM jsonb_array_elements(i.grants) AS e OFFSET 0
        ) AS p
    ) AS g
);

-- Finds out, under the locks, which items can be posted together, and gives those their sequences
-- and the figures that their wallets will show after each.
CREATE OR REPLACE FUNCTION ledger.batch_places(p_items ledger.batch_item[], p_today date)
RETURNS ledger.batch_item[] LANGUAGE sql
RETURN (
    SELECT array_agg(ROW(
        d.place, d.member_id, d.claim, d.event, d.grants, d.explanation, d.facts, d.points,
        d.based, d.active, d.together, d.last, d.sequence, d.available, d.pending, d.held,
        d.due_on)::ledger.batch_item)
    FROM (SELECT
        c.*,
        lead(c.place) OVER later IS NULL AS last,
        (c.w).sequence + row_number() OVER so_far AS sequence,
        (c.w).available + sum(CASE WHEN c.active THEN c.points ELSE 0 END) OVER so_far
            AS available,
        (c.w).pending + sum(CASE WHEN c.active THEN 0 ELSE c.points END) OVER so_far
            AS pending,
        (c.w).held,
        least((c.w).due_on, min(c.starts_or_ends) OVER so_far) AS due_on
    FROM (
        SELECT i.place, i.member_id, i.claim, i.event, i.grants, i.explanation, i.facts, i.points,
               i.based, i.w, (i.facts).active_from <= p_today AS active,
               CASE WHEN (i.facts).active_from <= p_today THEN (i.facts).expires_on
                    ELSE (i.facts).active_from END AS starts_or_ends,
               coalesce(i.together AND (i.w).status <> 'closed' AND (i.w).debt = 0
                        AND coalesce((i.w).due_on > p_today, true)
                        AND (i.w).available + (i.w).pending + (i.w).held < 900000000000000000
                        AND NOT i.known AND NOT i.used, false) AS together
        FROM (
            SELECT b.*,
                   (SELECT w FROM ledger.wallet AS w WHERE w.member_id = b.member_id) AS w,
                   (SELECT count(*) > 0 FROM ledger.idempotency AS k
                    WHERE k.client_id = (b.claim).client_id AND k.key = (b.claim).key) AS known,
                   (SELECT count(*) > 0 FROM ledger.reference AS r
                    WHERE r.member_id = b.member_id AND r.merchant_id = (b.event).merchant_id
                      AND r.kind = 'issuance' AND r.merchant_ref = (b.event).merchant_ref) AS used
            FROM unnest(p_items) AS b OFFSET 0
        ) AS i OFFSET 0
    ) AS c
    WINDOW later AS (PARTITION BY c.member_id, c.together ORDER BY c.place),
           so_far AS (PARTITION BY c.member_id, c.together ORDER BY c.place
                      ROWS UNBOUNDED PRECEDING)
    ) AS d
);

-- Posts the items that can be posted together. PV004 where a key or reference of one turned
-- out to be taken (twice in the batch, or by a call with that key for another member): the caller
-- then takes all of it back.
CREATE OR REPLACE FUNCTION ledger.post_together(
    p_items ledger.batch_item[], p_day date, p_now timestamptz
) RETURNS SETOF ledger.batch_outcome LANGUAGE plpgsql AS $$
DECLARE
    outcomes ledger.batch_outcome[];
    claimed bigint;
BEGIN
    SELECT array_agg(ROW(
        i.place, i.member_id, 'posted', NULL, NULL, i.sequence, p_day,
        jsonb_build_object(
            'points', i.points, 'state', CASE WHEN i.active THEN 'available' ELSE 'pending' END,
            'active_from', (i.facts).active_from, 'expires_on', (i.facts).expires_on, 'repaid', 0,
            'balance', jsonb_build_object('available', i.available, 'pending', i.pending,
                                          'held', i.held, 'debt', 0)))::ledger.batch_outcome)
    INTO outcomes FROM unnest(p_items) AS i;

    -- In the order of keys, so that two batches never wait for each other.
    INSERT INTO ledger.idempotency
        (client_id, key, member_id, fingerprint, sequence, business_date, result)
    SELECT (i.claim).client_id, (i.claim).key, i.member_id, (i.claim).fingerprint, i.sequence,
           p_day, i.result
    FROM ROWS FROM (unnest(p_items), unnest(outcomes)) AS i (
        place, member_id, claim, event, grants, explanation, facts, points, based, active,
        together, last, sequence, available, pending, held, due_on,
        o_place, o_member, outcome, code, o_facts, o_sequence, business_date, result)
    ORDER BY 1, 2
    ON CONFLICT (client_id, key) DO NOTHING;
    GET DIAGNOSTICS claimed = ROW_COUNT;
    IF claimed = cardinality(p_items) THEN
        INSERT INTO ledger.reference
            (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
        SELECT i.member_id, (i.event).merchant_id, 'issuance', (i.event).merchant_ref, 'used',
               i.sequence, p_day
        FROM unnest(p_items) AS i
        ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO NOTHING;
        GET DIAGNOSTICS claimed = ROW_COUNT;
    END IF;
    IF claimed < cardinality(p_items) THEN
        RAISE EXCEPTION 'not all of the batch can be posted together' USING ERRCODE = 'PV004';
    END IF;

    INSERT INTO ledger.lot
        (member_id, lot_id, issuer_id, campaign_id, terms_id, locked_to, price, active,
         active_from, expires_on, granted, remaining)
    SELECT i.member_id, i.sequence * 1000000 + 1, (i.facts).issuer_id, (i.facts).campaign_id,
           (i.facts).terms_id, (i.facts).locked_to, (i.facts).price, i.active,
           (i.facts).active_from, (i.facts).expires_on, i.points, i.points
    FROM unnest(p_items) AS i;
    INSERT INTO ledger.earned
        (member_id, sequence, part, business_date, line, issuer_id, lot_id, terms_id, base, points)
    SELECT i.member_id, i.sequence, g.place - 1, p_day, (g.value ->> 'line')::integer,
           (i.facts).issuer_id, i.sequence * 1000000 + 1, (i.facts).terms_id,
           (g.value ->> 'base')::bigint, (g.value ->> 'points')::bigint
    FROM unnest(p_items) AS i,
         jsonb_array_elements(i.grants) WITH ORDINALITY AS g (value, place);
    INSERT INTO ledger.earned
        (member_id, sequence, part, business_date, line, issuer_id, lot_id, terms_id, base, points)
    SELECT i.member_id, i.sequence, jsonb_array_length(i.grants), p_day, -1,
           (i.event).merchant_id, NULL, NULL,
           coalesce((i.event).base, (i.event).amount) - i.based, 0
    FROM unnest(p_items) AS i
    WHERE coalesce((i.event).base, (i.event).amount, 0) > i.based;

    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref,
         receipt, channel, amount, base, currency, effective_at, recorded_at, actor, explanation,
         digest)
    SELECT i.member_id, i.sequence, p_day, 'issuance', (i.event).merchant_id, (i.event).store_id,
           (i.event).terminal, (i.event).merchant_ref, (i.event).receipt, (i.event).channel,
           (i.event).amount, (i.event).base, (i.event).currency, e.effective, p_now, e.actor,
           e.explanation,
           sha256(convert_to(
               ledger.entry_form(
                   i.member_id, i.sequence, p_day, 'issuance', (i.event).merchant_id,
                   (i.event).store_id, (i.event).terminal, (i.event).merchant_ref,
                   (i.event).receipt, (i.event).channel, (i.event).amount, (i.event).base,
                   (i.event).currency, NULL, NULL, e.effective, p_now, e.actor, e.explanation)
               || ledger.posting_form(1, 'issuance', (i.facts).issuer_id, NULL,
                   i.sequence * 1000000 + 1, (i.facts).terms_id, NULL, -i.points)
               || ledger.posting_form(2, CASE WHEN i.active THEN 'available' ELSE 'pending' END,
                   (i.facts).issuer_id, NULL, i.sequence * 1000000 + 1, (i.facts).terms_id, NULL,
                   i.points), 'UTF8'))
    FROM unnest(p_items) AS i,
         LATERAL (SELECT coalesce((i.event).effective_at, p_now),
                         'merchant:' || (i.event).merchant_id,
                         coalesce(i.explanation, '[]')) AS e (effective, actor, explanation);
    INSERT INTO ledger.posting
        (member_id, sequence, line, business_date, account, issuer_id, lot_id, terms_id, points)
    SELECT i.member_id, i.sequence, side.line, p_day,
           CASE WHEN side.line = 1 THEN 'issuance' WHEN i.active THEN 'available'
                ELSE 'pending' END,
           (i.facts).issuer_id, i.sequence * 1000000 + 1, (i.facts).terms_id,
           CASE side.line WHEN 1 THEN -i.points ELSE i.points END
    FROM unnest(p_items) AS i, (VALUES (1), (2)) AS side (line);
    INSERT INTO network.outbox (topic, member_id, merchant_id, payload)
    SELECT 'ledger.issuance', i.member_id, (i.event).merchant_id, jsonb_build_object(
        'sequence', i.sequence, 'points', i.points, 'merchant_id', (i.event).merchant_id)
    FROM unnest(p_items) AS i;
    UPDATE ledger.wallet AS w
    SET available = i.available, pending = i.pending, sequence = i.sequence, due_on = i.due_on
    FROM unnest(p_items) AS i WHERE w.member_id = i.member_id AND i.last;
    RETURN QUERY SELECT o.* FROM unnest(outcomes) AS o;
END
$$;

-- p_items is an array of objects with the fields that batch_items reads; the outcomes come in the
-- same order: posted, replayed, or refused with a code. The signed request, one for the batch, is
-- kept once, with the first entry that it posted.
CREATE OR REPLACE FUNCTION ledger.earn_batch(
    p_now timestamptz, p_items jsonb, p_evidence ledger.evidence_facts
) RETURNS SETOF ledger.batch_outcome
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    items ledger.batch_item[];
    i ledger.batch_item;
    o ledger.batch_outcome;
    outcomes ledger.batch_outcome[] := '{}';
    posted ledger.posted;
    first ledger.batch_outcome;
    day date;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the ledger posts in READ COMMITTED only' USING ERRCODE = 'PV003';
    ELSIF jsonb_array_length(p_items) NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'a batch has 1 to 1,000 items' USING ERRCODE = 'PV003';
    END IF;
    items := ledger.batch_items(p_items);
    PERFORM FROM ledger.wallet AS w
    WHERE w.member_id = ANY (ARRAY(SELECT b.member_id FROM unnest(items) AS b))
    ORDER BY w.member_id FOR NO KEY UPDATE;
    SELECT d.business_date INTO STRICT day FROM ledger.business_day AS d
    WHERE d.flipped_at IS NULL;
    items := ledger.batch_places(items, greatest(day, ledger.programme_date(p_now)));

    BEGIN
        outcomes := ARRAY(SELECT t FROM ledger.post_together(
            ARRAY(SELECT b FROM unnest(items) AS b WHERE b.together), day, p_now) AS t);
    EXCEPTION WHEN SQLSTATE 'PV004' THEN
        items := ARRAY(SELECT ROW(b.place, b.member_id, b.claim, b.event, b.grants, b.explanation,
            b.facts, b.points, b.based, b.active, false, b.last, b.sequence, b.available,
            b.pending, b.held, b.due_on)::ledger.batch_item FROM unnest(items) AS b);
    END;

    FOR i IN SELECT b.* FROM unnest(items) AS b WHERE NOT b.together ORDER BY b.place LOOP
        o := NULL;
        o.place := i.place;
        o.member_id := i.member_id;
        BEGIN
            posted := ledger.earn(i.member_id, p_now, i.claim, i.event, i.grants, i.explanation,
                                  NULL);
            o.outcome := CASE WHEN posted.replayed THEN 'replayed' ELSE 'posted' END;
            o.sequence := posted.sequence;
            o.business_date := posted.business_date;
            o.result := posted.result;
        EXCEPTION WHEN SQLSTATE 'PV001' OR SQLSTATE 'PV002' THEN
            o.outcome := 'refused';
            GET STACKED DIAGNOSTICS o.code = MESSAGE_TEXT, o.facts = PG_EXCEPTION_DETAIL;
        END;
        outcomes := outcomes || o;
    END LOOP;

    IF p_evidence.key_id IS NOT NULL THEN
        SELECT t.* INTO first FROM unnest(outcomes) AS t WHERE t.outcome = 'posted'
        ORDER BY t.place LIMIT 1;
        IF FOUND THEN
            INSERT INTO ledger.evidence
                (member_id, sequence, business_date, key_id, signature_base, signature, body)
            VALUES (first.member_id, first.sequence, first.business_date, p_evidence.key_id,
                    p_evidence.signature_base, p_evidence.signature, p_evidence.body);
        END IF;
    END IF;
    RETURN QUERY SELECT t.* FROM unnest(outcomes) AS t ORDER BY t.place;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.earn_batch(timestamptz, jsonb, ledger.evidence_facts)
    TO peyvand_app;
