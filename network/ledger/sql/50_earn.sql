-- Posting a purchase's points in the plain case, in one body; the others go to 48_earn_by_steps.sql.

-- The plain purchase, which nearly every one is: nothing of the wallet is due, no debt, a new key,
-- and grants of one kind, so one lot. It writes the same rows as earn_by_steps (a test posts
-- purchases both ways and compares them), with plain variables and one short statement per table,
-- because composite values and nested calls cost more than the writing itself. Whatever is not
-- plain is found before more than the wallet is written; the wallet is put back and the steps run.
CREATE OR REPLACE FUNCTION ledger.earn(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_event ledger.event_facts,
    p_grants jsonb, p_explanation jsonb, p_evidence ledger.evidence_facts,
    p_takings jsonb DEFAULT NULL
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    own CONSTANT text[] := '{points,base,line}';
    calendar date := ledger.programme_date(p_now);
    g jsonb := p_grants -> 0;
    alike jsonb := g - own;
    plain boolean := p_claim.key IS NOT NULL AND p_takings IS NULL
        AND alike ->> 'campaign_id' IS NULL
        AND current_setting('transaction_isolation') = 'read committed';
    issuer uuid := (g ->> 'issuer_id')::uuid;
    terms uuid := (g ->> 'terms_id')::uuid;
    starts date := (g ->> 'active_from')::date;
    expires date := (g ->> 'expires_on')::date;
    active boolean := starts <= calendar;
    account text := CASE WHEN active THEN 'available' ELSE 'pending' END;
    line integer;
    above integer := -1;
    base bigint;
    points bigint;
    lines integer[];
    issuers uuid[];
    agreed uuid[];
    bases bigint[];
    granted bigint[];
    total bigint := 0;
    based bigint := 0;
    wallet record;
    number bigint;
    day date;
    lot bigint;
    outcome jsonb;
    claimed boolean := false;
    op ledger.operation;
BEGIN
    FOR i IN 0 .. jsonb_array_length(p_grants) - 1 LOOP
        g := p_grants -> i;
        line := (g ->> 'line')::integer;
        base := (g ->> 'base')::bigint;
        points := (g ->> 'points')::bigint;
        -- Several funders of one line, or lots of several kinds, are for the steps.
        IF (g - own = alike AND line > above AND base >= 0
            AND points BETWEEN 0 AND 1000000000000000) IS NOT TRUE
        THEN
            plain := false;
            EXIT;
        END IF;
        above := line;
        lines := lines || line;
        bases := bases || base;
        granted := granted || points;
        total := total + points;
        based := based + base;
    END LOOP;
    IF plain AND total BETWEEN 1 AND 1000000000000000 AND expires > calendar THEN
        -- Locks the wallet and credits it at once, if nothing of it is due, owed or barred.
        UPDATE ledger.wallet AS w
        SET available = w.available + CASE WHEN active THEN total ELSE 0 END,
            pending = w.pending + CASE WHEN active THEN 0 ELSE total END,
            sequence = w.sequence + 1,
            due_on = least(w.due_on, CASE WHEN active THEN expires ELSE starts END)
        WHERE w.member_id = p_member AND w.status <> 'closed' AND w.debt = 0
          AND (w.due_on > calendar OR w.due_on IS NULL)
          AND w.available + w.pending + w.held + total <= 1000000000000000000
        RETURNING w.available, w.pending, w.held, w.sequence INTO wallet;
        number := wallet.sequence;
    END IF;
    IF number IS NOT NULL THEN
        outcome := jsonb_build_object(
            'points', total, 'state', account, 'active_from', starts, 'expires_on', expires,
            'repaid', 0, 'balance', jsonb_build_object(
                'available', wallet.available, 'pending', wallet.pending, 'held', wallet.held,
                'debt', 0));
        -- The open day, read after the statement that locks, so that it is what became of it while
        -- that one waited. Ahead of the call's own date, it may have made more of the wallet due.
        -- Then the key: a call that waits for it here holds this wallet, and whoever has the key
        -- waits for no wallet and for no key of a single call, so nobody waits in a circle.
        SELECT d.business_date INTO day FROM ledger.business_day AS d WHERE d.flipped_at IS NULL;
        IF day <= calendar THEN
            INSERT INTO ledger.idempotency
                (client_id, key, member_id, fingerprint, sequence, business_date, result)
            VALUES (p_claim.client_id, p_claim.key, p_member, p_claim.fingerprint, number, day,
                    outcome)
            ON CONFLICT (client_id, key) DO NOTHING;
            claimed := FOUND;
        END IF;
        -- A retry, or a day ahead of the call: put back; the steps answer or post.
        IF NOT claimed THEN
            -- A due_on that is too early is right still.
            UPDATE ledger.wallet AS w
            SET available = w.available - CASE WHEN active THEN total ELSE 0 END,
                pending = w.pending - CASE WHEN active THEN 0 ELSE total END,
                sequence = w.sequence - 1
            WHERE w.member_id = p_member;
        END IF;
    END IF;
    IF NOT claimed THEN
        RETURN ledger.earn_by_steps(
            p_member, p_now, p_claim, p_event, p_grants, p_explanation, p_evidence,
            p_takings);
    END IF;

    -- From here on the purchase is posted, or refused for its reference alone.
    INSERT INTO ledger.reference
        (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
    VALUES (p_member, p_event.merchant_id, 'issuance', p_event.merchant_ref, 'used', number, day)
    ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO NOTHING;
    IF NOT FOUND THEN
        op.member_id := p_member;
        op.sequence := number;
        op.business_date := day;
        PERFORM ledger.claim_reference(op, p_event.merchant_id, 'issuance', p_event.merchant_ref);
    END IF;

    lot := number * 1000000 + 1;
    INSERT INTO ledger.lot
        (member_id, lot_id, issuer_id, campaign_id, terms_id, locked_to, price, active,
         active_from, expires_on, granted, remaining)
    VALUES (p_member, lot, issuer, (alike ->> 'campaign_id')::uuid, terms,
            (alike ->> 'locked_to')::uuid, (alike ->> 'price')::numeric, active, starts, expires,
            total, total);

    issuers := array_fill(issuer, ARRAY[cardinality(lines)]);
    agreed := array_fill(terms, ARRAY[cardinality(lines)]);
    IF coalesce(p_event.base, p_event.amount, 0) > based THEN
        lines := lines || -1;
        issuers := issuers || p_event.merchant_id;
        agreed := agreed || NULL::uuid;
        bases := bases || coalesce(p_event.base, p_event.amount) - based;
        granted := granted || 0::bigint;
    END IF;
    INSERT INTO ledger.earned
        (member_id, sequence, business_date, lines, issuer_ids, lots, terms_ids, bases, points)
    VALUES (p_member, number, day, lines, issuers, array_fill(1, ARRAY[cardinality(lines)]),
            agreed, bases, granted);

    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref,
         receipt, channel, amount, base, currency, effective_at, recorded_at, actor, explanation,
         digest)
    VALUES
        (p_member, number, day, 'issuance', p_event.merchant_id, p_event.store_id,
         p_event.terminal, nullif(p_event.merchant_ref, ''), p_event.receipt, p_event.channel,
         p_event.amount, p_event.base, p_event.currency, coalesce(p_event.effective_at, p_now),
         p_now, 'merchant:' || p_event.merchant_id, coalesce(p_explanation, '[]'),
         sha256(convert_to(ledger.entry_form(
            p_member, number, day, 'issuance', p_event.merchant_id, p_event.store_id,
            p_event.terminal, nullif(p_event.merchant_ref, ''), p_event.receipt, p_event.channel,
            p_event.amount, p_event.base, p_event.currency, NULL, NULL,
            coalesce(p_event.effective_at, p_now), p_now, 'merchant:' || p_event.merchant_id,
            coalesce(p_explanation, '[]')) 
            || ledger.posting_form(1, 'issuance', issuer, NULL, lot, terms, NULL, -total)
            || ledger.posting_form(2, account, issuer, NULL, lot, terms, NULL, total), 'UTF8')));
    INSERT INTO ledger.posting
        (member_id, sequence, line, business_date, account, issuer_id, lot_id, terms_id, points)
    VALUES (p_member, number, 1, day, 'issuance', issuer, lot, terms, -total),
           (p_member, number, 2, day, account, issuer, lot, terms, total);
    INSERT INTO network.outbox (topic, member_id, merchant_id, payload)
    VALUES ('ledger.issuance', p_member, p_event.merchant_id, jsonb_build_object(
        'sequence', number, 'points', total, 'merchant_id', p_event.merchant_id));
    IF p_evidence.key_id IS NOT NULL THEN
        INSERT INTO ledger.evidence
            (member_id, sequence, business_date, key_id, signature_base, signature, body)
        VALUES (p_member, number, day, p_evidence.key_id, p_evidence.signature_base,
                p_evidence.signature, p_evidence.body);
    END IF;
    RETURN ROW(number, day, false, outcome)::ledger.posted;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.earn(uuid, timestamptz, ledger.claim_facts, ledger.event_facts, jsonb, jsonb,
        ledger.evidence_facts, jsonb)
    TO peyvand_app;
