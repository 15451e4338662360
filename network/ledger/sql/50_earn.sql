-- Posting a purchase's points in the plain case, in one body; others go to 48_earn_by_steps.sql.
--
-- What a purchase that earns 150 points writes, in this order:
--
--   wallet        available + 150, sequence + 1     the balance; whoever has its row has the wallet
--   idempotency   the key and the answer            the same call again gets this answer
--   reference     the merchant's own name for it    the same receipt is not posted twice
--   lot           granted 150, remaining 150        the points, whose they are, when they lapse
--   entry         kind issuance, earned, digest     the line of the journal, and what refunds go by
--   movement      issuance -> available, 150        the double entry: both accounts, one figure
--   outbox        ledger.issuance                   whoever must be told
--   evidence      the signed request                what was asked for, and by whom
--
-- Points that start later are pending instead of available; the night moves them (mature_lots).

-- The plain purchase, which nearly every one is: nothing of the wallet is due, no debt, a new key,
-- and grants of one kind (p_kind), one for each line of the purchase (p_parts: its number, base and
-- points, as the entry keeps them), so one lot. It writes the same rows as earn_by_steps (a test
-- posts purchases both ways and compares them), with plain variables and one short statement per
-- table, because composite values and nested calls cost more than the writing itself. For the same
-- reason it has few expressions of its own: PL/pgSQL readies each of them anew in every transaction.
-- Whatever is not plain is found before more than the wallet is written; the wallet is put back and
-- the steps run.
CREATE OR REPLACE FUNCTION ledger.earn(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_event ledger.event_facts,
    p_grants jsonb, p_explanation json, p_evidence ledger.evidence_facts,
    p_takings jsonb DEFAULT NULL, p_kind ledger.grant_facts DEFAULT NULL,
    p_parts bigint[] DEFAULT NULL
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    calendar date := ledger.programme_date(p_now);
    active boolean := p_kind.active_from <= calendar;
    account ledger.account := CASE WHEN active THEN 'available'::ledger.account ELSE 'pending' END;
    total bigint := 0;
    based bigint := 0;
    available bigint;
    pending bigint;
    held bigint;
    number bigint;
    day date;
    lot bigint;
    outcome json;
    op ledger.operation;
BEGIN
    -- 1. Is it plain, as far as the call itself says? Then total is what it earns.
    IF p_grants IS NULL AND p_takings IS NULL AND p_kind.campaign_id IS NULL
        AND p_claim.key IS NOT NULL AND p_kind.expires_on > calendar
        AND 0 <= ALL (p_parts) AND array_length(p_parts, 2) = 3
        AND current_setting('transaction_isolation') = 'read committed'
        AND (p_now BETWEEN clock_timestamp() - interval '12 hours'
                       AND clock_timestamp() + interval '5 minutes' OR ledger.check_clock(p_now))
    THEN
        FOR n IN 1 .. array_length(p_parts, 1) LOOP
            based := based + p_parts[n][2];
            total := total + p_parts[n][3];
            -- Each line once, in their order: several funders of one are for the steps.
            IF p_parts[n][1] <> n - 1 THEN
                total := NULL;
                EXIT;
            END IF;
        END LOOP;
    END IF;
    -- 2. Locks the wallet and credits it at once, if nothing of it is due, owed or barred. Lines of
    -- more than the purchase are refused by the steps.
    IF total BETWEEN 1 AND 1000000000000000
        AND based <= coalesce(p_event.base, p_event.amount, based)
    THEN
        UPDATE ledger.wallet AS w
        SET available = w.available + CASE WHEN active THEN total ELSE 0 END,
            pending = w.pending + CASE WHEN active THEN 0 ELSE total END,
            sequence = w.sequence + 1,
            due_on = least(w.due_on, CASE WHEN active THEN p_kind.expires_on
                                          ELSE p_kind.active_from END)
        WHERE w.member_id = p_member AND w.status <> 'closed' AND w.debt = 0
          AND (w.due_on > calendar OR w.due_on IS NULL)
          AND w.available + w.pending + w.held + total <= 1000000000000000000
        RETURNING w.available, w.pending, w.held, w.sequence
        INTO available, pending, held, number;
    END IF;
    -- 3. The open day, read after the statement that locks, so that it is what became of it while
    -- that one waited. Ahead of the call's own date, it may have made more of the wallet due. A
    -- suspended issuer has no day here: the steps refuse its points.
    IF number IS NOT NULL THEN
        SELECT d.business_date INTO day FROM ledger.business_day AS d
        WHERE d.flipped_at IS NULL AND d.business_date <= calendar AND NOT EXISTS (
            SELECT FROM ledger.suspended_issuer AS s WHERE s.issuer_id = p_kind.issuer_id);
    END IF;
    -- 4. The key: a call that waits for it here holds this wallet, and whoever has the key waits
    -- for no wallet and for no key of a single call, so nobody waits in a circle.
    IF day IS NOT NULL THEN
        outcome := format(
            '{"points": %s, "state": "%s", "active_from": %s, "expires_on": %s, "repaid": 0, '
            '"balance": {"available": %s, "pending": %s, "held": %s, "debt": 0}}',
            total, account, to_json(p_kind.active_from), to_json(p_kind.expires_on), available,
            pending, held);
        INSERT INTO ledger.idempotency
            (client_id, key, member_id, fingerprint, sequence, business_date, result)
        VALUES (p_claim.client_id, p_claim.key, p_member, p_claim.fingerprint, number, day, outcome)
        ON CONFLICT (client_id, key) DO NOTHING;
    END IF;
    -- 5. A retry, a day ahead of the call, or not plain: put back; the steps answer or post.
    IF day IS NULL OR NOT FOUND THEN
        IF number IS NOT NULL THEN
            -- A due_on that is too early is right still.
            UPDATE ledger.wallet AS w
            SET available = w.available - CASE WHEN active THEN total ELSE 0 END,
                pending = w.pending - CASE WHEN active THEN 0 ELSE total END,
                sequence = w.sequence - 1
            WHERE w.member_id = p_member;
        END IF;
        RETURN ledger.earn_by_steps(
            p_member, p_now, p_claim, p_event, p_grants, p_explanation, p_evidence, p_takings,
            p_kind, p_parts);
    END IF;

    -- 6. From here on the purchase is posted, or refused for its reference alone.
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

    -- 7. The points: one lot, numbered after its entry.
    lot := number * 1000000 + 1;
    INSERT INTO ledger.lot
        (member_id, lot_id, issuer_id, campaign_id, terms_id, locked_to, price, active,
         active_from, expires_on, made_on, granted, remaining)
    VALUES (p_member, lot, p_kind.issuer_id, p_kind.campaign_id, p_kind.terms_id,
            p_kind.locked_to, p_kind.price, active, p_kind.active_from, p_kind.expires_on, day,
            total, total);

    -- 8. The journal: the entry under its digest, and where the points came from and went. What of
    -- the base earned nothing is a part of its own (line -1), so that its refunds are counted too.
    IF coalesce(p_event.base, p_event.amount, 0) > based THEN
        p_parts := p_parts || ARRAY[-1, coalesce(p_event.base, p_event.amount) - based, 0];
    END IF;
    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref,
         receipt, channel, amount, base, currency, effective_at, recorded_at, actor, explanation,
         earned, digest)
    VALUES
        (p_member, number, day, 'issuance', p_event.merchant_id, p_event.store_id,
         p_event.terminal, nullif(p_event.merchant_ref, ''), p_event.receipt, p_event.channel,
         p_event.amount, p_event.base, p_event.currency, coalesce(p_event.effective_at, p_now),
         p_now,
         'merchant:' || p_event.merchant_id, coalesce(p_explanation, '[]'), p_parts,
         sha256(convert_to(ledger.entry_form(
            p_member, number, day, 'issuance', p_event.merchant_id, p_event.store_id,
            p_event.terminal, nullif(p_event.merchant_ref, ''), p_event.receipt, p_event.channel,
            p_event.amount, p_event.base, p_event.currency, NULL, NULL,
            coalesce(p_event.effective_at, p_now), p_now,
            'merchant:' || p_event.merchant_id, coalesce(p_explanation, '[]'), p_parts)
            || ledger.issuance_form(
                account, p_kind.issuer_id, lot, p_kind.terms_id, total, p_kind.locked_to,
                p_kind.price, p_kind.active_from, p_kind.expires_on),
            'UTF8')));
    INSERT INTO ledger.movement
        (member_id, sequence, line, business_date, source, target, issuer_id, lot_id, terms_id,
         points)
    VALUES (p_member, number, 1, day, 'issuance', account, p_kind.issuer_id, lot, p_kind.terms_id,
            total);
    -- 9. Who is told, and what was signed.
    INSERT INTO network.outbox (topic, member_id, merchant_id, sequence, points)
    VALUES ('ledger.issuance', p_member, p_event.merchant_id, number, total);
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
    ledger.earn(uuid, timestamptz, ledger.claim_facts, ledger.event_facts, jsonb, json,
        ledger.evidence_facts, jsonb, ledger.grant_facts, bigint[])
    TO peyvand_app;
