-- Up to 1,000 earnings of one merchant in one transaction. What a single call does row by row
-- happens here set by set, for the items that are plain: a new key and reference, a wallet without
-- due lots or debt, points of one kind. The others go through ledger.earn one by one, each under a
-- savepoint, so that one item's refusal is its own outcome. All wallets are locked first, in one
-- statement and in the order of member_id; the day is read after that, once.
-- Statements stand on one array of batch_item, whose columns are read far more cheaply than those
-- of as many arrays, and look nothing up, so that no plan depends on what the planner believes about
-- the length of an array. That a key or a reference is taken shows when it is claimed.

-- Reads the items as they came and gives those that can be posted together their sequences and the
-- figures that their wallets will show after each. p_wallets are the locked ones. p_apart names
-- items that must go one by one. An item's grants are of one kind (p_kind, its place in p_kinds),
-- one for each line of the purchase in their order (p_parts: entry.earned as text, since arrays of
-- arrays have one length); any other grants come as JSON and go one by one.
CREATE OR REPLACE FUNCTION ledger.batch_items(
    p_merchant uuid, p_members uuid[], p_keys text[], p_fingerprints bytea[], p_refs text[],
    p_effective timestamptz[], p_stores uuid[], p_terminals text[], p_receipts text[],
    p_channels text[], p_amounts bigint[], p_bases bigint[], p_currencies text[],
    p_explanations text[], p_kinds ledger.grant_facts[], p_kind integer[], p_grants text[],
    p_parts text[], p_wallets ledger.wallet[], p_apart integer[], p_today date
) RETURNS ledger.batch_item[] LANGUAGE sql
RETURN ARRAY(
    SELECT ROW(
        c.member_id, c.number + row_number() OVER so_far, c.points, c.active, p_merchant,
        c.merchant_ref, c.issuer_id, c.terms_id, c.active_from, c.expires_on, c.amount, c.base,
        c.based, c.together, lead(c.place) OVER so_far IS NULL,
        c.available + ledger.total(CASE WHEN c.active THEN c.points ELSE 0 END) OVER so_far,
        c.pending + ledger.total(CASE WHEN c.active THEN 0 ELSE c.points END) OVER so_far, c.held,
        least(c.due_on, min(CASE WHEN c.active THEN c.expires_on ELSE c.active_from END)
                        OVER so_far),
        c.place, c.campaign_id, c.locked_to, c.price,
        -- What of the base earned nothing is a part of its own.
        CASE WHEN c.together AND coalesce(c.base, c.amount, 0) > c.based
             THEN c.earned || ARRAY[-1, coalesce(c.base, c.amount) - c.based, 0]
             ELSE c.earned END,
        c.key, c.fingerprint,
        coalesce(c.effective_at, now()), c.store_id, c.terminal, c.receipt, c.channel,
        c.currency, coalesce(c.explanation::json, '[]'), c.grants::jsonb)::ledger.batch_item
    FROM (
        SELECT i.*, g.earned, k.issuer_id, k.terms_id, k.campaign_id, k.locked_to, k.price, k.active_from,
               k.expires_on, l.points, l.based, w.sequence AS number,
               w.available, w.pending, w.held, w.due_on, k.active_from <= p_today AS active,
               coalesce(i.grants IS NULL AND k.campaign_id IS NULL AND l.plain AND i.merchant_ref <> ''
                        AND l.based <= coalesce(i.base, i.amount, l.based)
                        AND i.place <> ALL (p_apart) AND w.status <> 'closed' AND w.debt = 0
                        AND coalesce(w.due_on > p_today, true) AND k.expires_on > p_today
                        AND w.available + w.pending + w.held < 900000000000000000
                        AND k.issuer_id <> ALL (
                            ARRAY(SELECT s.issuer_id FROM ledger.suspended_issuer AS s)),
                        false) AS together
        FROM ROWS FROM (
            unnest(p_members), unnest(p_keys), unnest(p_fingerprints), unnest(p_refs),
            unnest(p_effective), unnest(p_stores), unnest(p_terminals), unnest(p_receipts),
            unnest(p_channels), unnest(p_amounts), unnest(p_bases), unnest(p_currencies),
            unnest(p_explanations), unnest(p_kind), unnest(p_grants), unnest(p_parts)
        ) WITH ORDINALITY AS i (
            member_id, key, fingerprint, merchant_ref, effective_at, store_id, terminal,
            receipt, channel, amount, base, currency, explanation, kind, grants, parts, place)
        CROSS JOIN LATERAL (SELECT i.parts::bigint[] AS earned OFFSET 0) AS g
        CROSS JOIN LATERAL (
            SELECT ledger.total(x.points) AS points, ledger.total(x.base) AS based,
                   bool_and(x.line = x.n - 1)
                   AND 0 <= ALL (g.earned) AND array_length(g.earned, 2) = 3
                   -- A thousand of these bring no wallet from 9 to beyond 10 times 10^17.
                   AND ledger.total(x.points) BETWEEN 1 AND 100000000000000 AS plain
            FROM (
                SELECT n, g.earned[n][1] AS line, g.earned[n][2] AS base, g.earned[n][3] AS points
                FROM (SELECT generate_subscripts(g.earned, 1) AS n) AS s
            ) AS x
        ) AS l
        LEFT JOIN unnest(p_kinds) WITH ORDINALITY AS k ON k.ordinality = i.kind
        LEFT JOIN unnest(p_wallets) AS w ON w.member_id = i.member_id
    ) AS c
    WINDOW so_far AS (PARTITION BY c.member_id, c.together ORDER BY c.place
                      ROWS UNBOUNDED PRECEDING)
);

-- Posts items together. PV004 where a key or a reference of one is taken (twice in the batch, or by
-- an earlier call): the caller then takes all of it back. One event tells of all of them.
CREATE OR REPLACE FUNCTION ledger.post_together(
    p_items ledger.batch_item[], p_keys boolean, p_day date, p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    claims bigint := 0;
    claimed bigint;
BEGIN
    IF p_keys THEN
        SELECT count(i.key) INTO claims FROM unnest(p_items) AS i;
        -- In the order of keys, so that two batches never wait for each other.
        INSERT INTO ledger.idempotency
            (client_id, key, member_id, fingerprint, sequence, business_date, result)
        SELECT i.merchant_id, i.key, i.member_id, i.fingerprint, i.sequence, p_day,
               format(
                   '{"points": %s, "state": "%s", "active_from": %s, "expires_on": %s, '
                   '"repaid": 0, "balance": {"available": %s, "pending": %s, "held": %s, '
                   '"debt": 0}}',
                   i.points, ledger.account_of(i.active), to_json(i.active_from),
                   to_json(i.expires_on), i.available, i.pending, i.held)::json
        FROM unnest(p_items) AS i WHERE i.key IS NOT NULL
        ORDER BY i.key
        ON CONFLICT (client_id, key) DO NOTHING;
        GET DIAGNOSTICS claimed = ROW_COUNT;
    END IF;
    IF claims = 0 OR claimed = claims THEN
        claims := cardinality(p_items);
        INSERT INTO ledger.reference
            (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
        SELECT i.member_id, i.merchant_id, 'issuance', i.merchant_ref, 'used', i.sequence, p_day
        FROM unnest(p_items) AS i
        ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO NOTHING;
        GET DIAGNOSTICS claimed = ROW_COUNT;
    END IF;
    IF claimed < claims THEN
        RAISE EXCEPTION 'not all of the batch can be posted together' USING ERRCODE = 'PV004';
    END IF;

    INSERT INTO ledger.lot
        (member_id, lot_id, issuer_id, campaign_id, terms_id, locked_to, price, active,
         active_from, expires_on, made_on, granted, remaining)
    SELECT i.member_id, i.sequence * 1000000 + 1, i.issuer_id, i.campaign_id, i.terms_id,
           i.locked_to, i.price, i.active, i.active_from, i.expires_on, p_day, i.points, i.points
    FROM unnest(p_items) AS i;
    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref,
         receipt, channel, amount, base, currency, effective_at, recorded_at, actor, explanation,
         earned, digest)
    SELECT i.member_id, i.sequence, p_day, 'issuance', i.merchant_id, i.store_id, i.terminal,
           i.merchant_ref, i.receipt, i.channel, i.amount, i.base, i.currency, i.effective_at,
           p_now, 'merchant:' || i.merchant_id, i.explanation, i.earned,
           sha256(convert_to(
               ledger.entry_form(
                   i.member_id, i.sequence, p_day, 'issuance', i.merchant_id, i.store_id,
                   i.terminal, i.merchant_ref, i.receipt, i.channel, i.amount, i.base, i.currency,
                   NULL, NULL, i.effective_at, p_now, 'merchant:' || i.merchant_id, i.explanation,
                   i.earned)
               || ledger.issuance_form(ledger.account_of(i.active), i.issuer_id,
                   i.sequence * 1000000 + 1, i.terms_id, i.points, i.locked_to, i.price,
                   i.active_from, i.expires_on),
               'UTF8'))
    FROM unnest(p_items) AS i;
    INSERT INTO ledger.movement
        (member_id, sequence, line, business_date, source, target, issuer_id, lot_id, terms_id,
         points)
    SELECT i.member_id, i.sequence, 1, p_day, 'issuance', ledger.account_of(i.active),
           i.issuer_id, i.sequence * 1000000 + 1, i.terms_id, i.points
    FROM unnest(p_items) AS i;
    INSERT INTO network.outbox (topic, merchant_id, payload)
    SELECT 'ledger.issuances', i.merchant_id, jsonb_build_object(
        'members', array_agg(i.member_id)::text, 'sequences', array_agg(i.sequence)::text,
        'points', array_agg(i.points)::text)
    FROM unnest(p_items) AS i GROUP BY i.merchant_id;
    UPDATE ledger.wallet AS w
    SET available = i.available, pending = i.pending, sequence = i.sequence, due_on = i.due_on
    FROM unnest(p_items) AS i WHERE w.member_id = i.member_id AND i.last;
END
$$;

-- Which items must go one by one, because their key or reference is taken or comes twice.
CREATE OR REPLACE FUNCTION ledger.batch_taken(p_items ledger.batch_item[]) RETURNS integer[]
LANGUAGE sql
RETURN ARRAY(
    SELECT t.place FROM (
        SELECT i.place,
               i.key IS NOT NULL AND (
                   row_number() OVER (PARTITION BY i.key ORDER BY i.place) > 1
                   OR (SELECT count(*) > 0 FROM ledger.idempotency AS k
                       WHERE k.client_id = i.merchant_id AND k.key = i.key))
               OR row_number() OVER (PARTITION BY i.member_id, i.merchant_ref
                                     ORDER BY i.place) > 1
               OR (SELECT count(*) > 0 FROM ledger.reference AS r
                   WHERE r.member_id = i.member_id AND r.merchant_id = i.merchant_id
                     AND r.kind = 'issuance' AND r.merchant_ref = i.merchant_ref) AS taken
        FROM unnest(p_items) AS i
    ) AS t WHERE t.taken
);

-- One item by itself: posted, replayed, or refused with a code. An item without a key whose reference
-- is taken needs no attempt: batches are sent again whole, and most of such a batch is this.
CREATE OR REPLACE FUNCTION ledger.earn_apart(
    i ledger.batch_item, p_now timestamptz
) RETURNS ledger.batch_outcome LANGUAGE plpgsql AS $$
DECLARE
    o ledger.batch_outcome;
    posted ledger.posted;
    taken record;
BEGIN
    o.place := i.place;
    o.member_id := i.member_id;
    IF i.key IS NULL THEN
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
    END IF;
    posted := ledger.earn(
        i.member_id, p_now,
        CASE WHEN i.key IS NOT NULL
             THEN ROW(i.merchant_id, i.key, i.fingerprint)::ledger.claim_facts END,
        ROW(i.merchant_id, i.merchant_ref, i.effective_at, i.store_id, i.terminal, i.receipt,
            i.channel, i.amount, i.base, i.currency, NULL)::ledger.event_facts,
        i.grants, i.explanation, NULL, NULL,
        ROW(i.issuer_id, i.campaign_id, i.terms_id, i.locked_to, i.price, NULL, NULL,
            i.active_from, i.expires_on, NULL)::ledger.grant_facts,
        i.earned);
    o.outcome := CASE WHEN posted.replayed THEN 'replayed' ELSE 'posted' END;
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

-- The outcomes come in the order of the items. Those posted together carry their figures in columns;
-- the others a result, as ledger.earn returns it. The evidence, one signed request for the whole
-- batch, is kept by the caller (network.batch_request), in the transaction that this is part of.
CREATE OR REPLACE FUNCTION ledger.earn_batch(
    p_now timestamptz, p_merchant uuid, p_members uuid[], p_keys text[], p_fingerprints bytea[],
    p_refs text[], p_effective timestamptz[], p_stores uuid[], p_terminals text[],
    p_receipts text[], p_channels text[], p_amounts bigint[], p_bases bigint[],
    p_currencies text[], p_explanations text[], p_kinds ledger.grant_facts[], p_kind integer[],
    p_grants text[], p_parts text[]
) RETURNS SETOF ledger.batch_outcome
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    wallets ledger.wallet[];
    items ledger.batch_item[];
    together ledger.batch_item[];
    apart integer[] := '{}';
    mixed boolean;
    i ledger.batch_item;
    o ledger.batch_outcome;
    outcomes ledger.batch_outcome[] := '{}';
    day date;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the ledger posts in READ COMMITTED only' USING ERRCODE = 'PV003';
    ELSIF cardinality(p_members) NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'a batch has 1 to 1,000 items' USING ERRCODE = 'PV003';
    END IF;
    PERFORM ledger.check_clock(p_now);
    -- A row that a statement locks is returned as it was when the lock was had.
    wallets := ARRAY(
        SELECT w FROM ledger.wallet AS w WHERE w.member_id = ANY (p_members)
        ORDER BY w.member_id FOR NO KEY UPDATE);
    SELECT d.business_date INTO STRICT day FROM ledger.business_day AS d
    WHERE d.flipped_at IS NULL;
    -- Once as if every key and reference were new, once more where one was not; a third time only
    -- if another call took one in between. After that, one by one.
    FOR attempt IN 1 .. 4 LOOP
        items := ledger.batch_items(
            p_merchant, p_members, p_keys, p_fingerprints, p_refs, p_effective, p_stores,
            p_terminals, p_receipts, p_channels, p_amounts, p_bases, p_currencies,
            p_explanations, p_kinds, p_kind, p_grants, p_parts, wallets, apart, greatest(day, ledger.programme_date(p_now)));
        together := items;
        mixed := EXISTS (SELECT FROM unnest(items) AS b WHERE NOT b.together);
        IF mixed THEN
            together := ARRAY(SELECT b FROM unnest(items) AS b WHERE b.together);
        END IF;
        BEGIN
            IF cardinality(together) > 0 THEN
                PERFORM ledger.post_together(
                    together, array_remove(p_keys, NULL) <> '{}', day, p_now);
            END IF;
            EXIT;
        EXCEPTION WHEN SQLSTATE 'PV004' THEN
            apart := CASE WHEN attempt < 3 THEN ledger.batch_taken(items)
                          ELSE ARRAY(SELECT generate_series(1, cardinality(p_members))) END;
        END;
    END LOOP;

    IF mixed THEN
        FOR i IN SELECT b.* FROM unnest(items) AS b WHERE NOT b.together ORDER BY b.place LOOP
            outcomes := outcomes || ledger.earn_apart(i, p_now);
        END LOOP;
    END IF;
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
    ledger.earn_batch(timestamptz, uuid, uuid[], text[], bytea[], text[], timestamptz[], uuid[],
        text[], text[], text[], bigint[], bigint[], text[], text[], ledger.grant_facts[],
        integer[], text[], text[])
    TO peyvand_app;
