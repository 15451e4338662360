-- Spending at once, and what it has in common with holds (61_holds.sql). Private helpers first.

-- Burns the member's rotating code, after the replay check, so that a retry with a used code is
-- still answered. A refusal gives the code back with everything else.
CREATE OR REPLACE FUNCTION ledger.burn_code(
    op ledger.operation, p_consent ledger.consent_facts, p_points bigint, p_wall timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_consent.digest IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO ledger.used_code (member_id, digest, expires_at, sequence)
    VALUES (op.member_id, p_consent.digest, p_consent.expires_at, op.sequence)
    ON CONFLICT (member_id, digest) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('code_used');
    ELSIF p_consent.expires_at <= p_wall THEN
        PERFORM ledger.refuse('code_expired', jsonb_build_object(
            'expired_at', p_consent.expires_at));
    ELSIF p_points > p_consent.points_limit THEN
        PERFORM ledger.refuse('code_limit', jsonb_build_object(
            'limit', p_consent.points_limit, 'points', p_points));
    END IF;
END
$$;

-- What a person has spent of a shared wallet since a day: held or paid, less what came back.
CREATE OR REPLACE FUNCTION ledger.spent_by(p_wallet uuid, p_person uuid, p_since date)
RETURNS bigint LANGUAGE sql STABLE
RETURN (
    SELECT coalesce(sum(CASE h.state
               WHEN 'authorised' THEN h.points
               WHEN 'voided' THEN 0
               WHEN 'released' THEN 0
               ELSE (SELECT sum(c.points - c.refunded) FROM ledger.consumption AS c
                     WHERE c.member_id = p_wallet AND c.business_date >= e.business_date
                       AND c.sequence = coalesce(h.capture_sequence, e.sequence))
           END), 0)::bigint
    FROM ledger.entry AS e
    LEFT JOIN ledger.hold AS h ON h.member_id = p_wallet AND h.sequence = e.sequence
    WHERE e.member_id = p_wallet AND e.business_date >= p_since
      AND e.kind IN ('authorisation', 'redemption') AND ledger.person_in(e.actor) = p_person);

-- Refuses a person of a shared wallet who has locked spending, or would spend more there than the
-- wallet's owner lets them in 30 days. What is left is reckoned from the entries, under the lock.
CREATE OR REPLACE FUNCTION ledger.check_person(op ledger.operation, p_points bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    p ledger.shared_person;
    spent bigint;
BEGIN
    SELECT t.* INTO p FROM ledger.shared_person AS t WHERE t.member_id = op.person_id;
    IF p.locked THEN
        PERFORM ledger.refuse('spend_locked');
    ELSIF p.spend_limit IS NOT NULL THEN
        spent := ledger.spent_by(op.member_id, op.person_id, op.today - 29);
        IF spent + p_points > p.spend_limit THEN
            PERFORM ledger.refuse('person_limit', jsonb_build_object(
                'left', greatest(0, p.spend_limit - spent), 'points', p_points));
        END IF;
    END IF;
END
$$;

-- What authorise and redeem have in common, up to where the points are taken.
CREATE OR REPLACE FUNCTION ledger.begin_spending(
    op ledger.operation, p_now timestamptz, p_wall timestamptz, p_event ledger.event_facts,
    p_points bigint, p_consent ledger.consent_facts
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger.check_wall(p_wall);
    PERFORM ledger.check_count('points', p_points);
    IF op.status = 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    ELSIF op.status = 'spend_locked' THEN
        PERFORM ledger.refuse('spend_locked');
    END IF;
    IF op.held > 0 THEN
        op := ledger.release_lapsed(op, p_wall, p_now);
    END IF;
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    IF op.person_id IS NOT NULL THEN
        PERFORM ledger.check_person(op, p_points);
    END IF;
    op.sequence := op.sequence + 1;
    PERFORM ledger.claim_reference(op, p_event.merchant_id, 'redemption', p_event.merchant_ref);
    PERFORM ledger.burn_code(op, p_consent, p_points, p_wall);
    RETURN op;
END
$$;

-- Any redemption, the plain case of redeem included. To follow one redemption, read this function.
CREATE OR REPLACE FUNCTION ledger.redeem_by_steps(
    p_member uuid, p_now timestamptz, p_wall timestamptz, p_claim ledger.claim_facts,
    p_event ledger.event_facts, p_points bigint, p_consent ledger.consent_facts,
    p_evidence ledger.evidence_facts
) RETURNS ledger.posted LANGUAGE plpgsql AS $$
DECLARE
    op ledger.operation := ledger.begin_for(p_member, p_event.person_id, p_claim, p_now);
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    op := ledger.begin_spending(op, p_now, p_wall, p_event, p_points, p_consent);
    op := ledger.take_points(op, p_event.merchant_id, p_points, 'redemption', op.business_date);
    op := ledger.write_entry(op, 'redemption', p_event, 'merchant:' || p_event.merchant_id, NULL,
                             p_now, p_points);
    RETURN ledger.finish_operation(op, p_claim, p_evidence, jsonb_build_object(
        'state', 'captured', 'points', p_points) || ledger.posted_to(op, p_member));
END
$$;

-- The plain redemption: an active wallet without holds or debt, nothing due, a new key, and a
-- first lot in the taking order that covers all of it. Written like the plain purchase (earn) and
-- with the same rows as redeem_by_steps, to which everything else goes. Spending 40 points writes:
--
--   wallet        available - 40, sequence + 1      the balance; whoever has its row has the wallet
--   lot           remaining - 40, redeemed + 40     the points, out of the lot that lapses first
--   idempotency   the key and the answer            the same call again gets this answer
--   reference     the merchant's own name for it    the same receipt is not posted twice
--   used_code     the member's code                 it consents once
--   entry         kind redemption, digest           the line of the journal
--   movement      available -> redemption, 40       the double entry: both accounts, one figure, whose
--                                                   points (issuer) and who is owed for them (acceptor)
--   outbox        ledger.redemption                 whoever must be told
--   evidence      the signed request                what was asked for, and by whom
CREATE OR REPLACE FUNCTION ledger.redeem(
    p_member uuid, p_now timestamptz, p_wall timestamptz, p_claim ledger.claim_facts,
    p_event ledger.event_facts, p_points bigint, p_consent ledger.consent_facts,
    p_evidence ledger.evidence_facts
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    calendar date := ledger.programme_date(p_now);
    acceptor uuid := p_event.merchant_id;
    available bigint;
    pending bigint;
    number bigint;
    lot bigint;
    issuer uuid;
    terms uuid;
    day date;
    outcome json;
    op ledger.operation;
BEGIN
    -- 1. If the call is plain, and its code good: locks the wallet and takes from it at once.
    IF p_claim.key IS NOT NULL AND p_points BETWEEN 1 AND 1000000000000000
        AND (p_consent.digest IS NULL
             OR p_consent.expires_at > p_wall AND p_points <= p_consent.points_limit)
        AND current_setting('transaction_isolation') = 'read committed'
        AND (p_now BETWEEN clock_timestamp() - interval '12 hours'
                       AND clock_timestamp() + interval '5 minutes' OR ledger.check_clock(p_now))
        AND (p_wall BETWEEN clock_timestamp() - interval '5 minutes'
                        AND clock_timestamp() + interval '5 minutes'
             OR ledger.clock_is_artificial())
    THEN
        UPDATE ledger.wallet AS w
        SET available = w.available - p_points, sequence = w.sequence + 1
        WHERE w.member_id = p_member AND w.status = 'active' AND w.held = 0 AND w.debt = 0
          AND w.available >= p_points AND (w.due_on > calendar OR w.due_on IS NULL)
        RETURNING w.available, w.pending, w.sequence INTO available, pending, number;
    END IF;
    -- 2. Takes from the first lot in the order of ix_lot_open, if that is enough.
    IF FOUND THEN
        UPDATE ledger.lot AS l
        SET remaining = l.remaining - p_points, redeemed = l.redeemed + p_points,
            open = l.remaining > p_points
        WHERE l.member_id = p_member AND l.remaining >= p_points AND l.lot_id = (
            SELECT t.lot_id FROM ledger.lot AS t
            WHERE t.member_id = p_member AND t.open AND t.active
              AND (t.locked_to IS NULL OR t.locked_to = acceptor)
              AND t.issuer_id <> ALL (ARRAY(SELECT s.issuer_id FROM ledger.suspended_issuer AS s))
            ORDER BY t.locked_to IS NULL, t.expires_on, t.lot_id LIMIT 1)
        RETURNING l.lot_id, l.issuer_id, l.terms_id INTO lot, issuer, terms;
    END IF;
    -- 3. The open day and the key, in statements after the one that locks, as in earn.
    IF FOUND THEN
        SELECT d.business_date INTO day FROM ledger.business_day AS d
        WHERE d.flipped_at IS NULL AND d.business_date <= calendar;
    END IF;
    IF FOUND THEN
        outcome := format('{"state": "captured", "points": %s, "balance": {"available": %s, '
                          '"pending": %s, "held": 0, "debt": 0}}', p_points, available, pending);
        INSERT INTO ledger.idempotency
            (client_id, key, member_id, fingerprint, sequence, business_date, result)
        VALUES (p_claim.client_id, p_claim.key, p_member, p_claim.fingerprint, number, day, outcome)
        ON CONFLICT (client_id, key) DO NOTHING;
    END IF;
    -- 4. A retry, a day ahead of the call, or not plain: put back; the steps answer or post.
    IF NOT FOUND THEN
        IF lot IS NOT NULL THEN
            UPDATE ledger.lot AS l
            SET remaining = l.remaining + p_points, redeemed = l.redeemed - p_points, open = true
            WHERE l.member_id = p_member AND l.lot_id = lot;
        END IF;
        IF number IS NOT NULL THEN
            UPDATE ledger.wallet AS w
            SET available = w.available + p_points, sequence = w.sequence - 1
            WHERE w.member_id = p_member;
        END IF;
        RETURN ledger.redeem_by_steps(
            p_member, p_now, p_wall, p_claim, p_event, p_points, p_consent, p_evidence);
    END IF;

    -- 5. From here on the redemption is posted, or refused for its reference or its code.
    INSERT INTO ledger.reference
        (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
    VALUES (p_member, acceptor, 'redemption', p_event.merchant_ref, 'used', number, day)
    ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO NOTHING;
    IF NOT FOUND THEN
        op.member_id := p_member;
        op.sequence := number;
        op.business_date := day;
        PERFORM ledger.claim_reference(op, acceptor, 'redemption', p_event.merchant_ref);
    END IF;
    IF p_consent.digest IS NOT NULL THEN
        INSERT INTO ledger.used_code (member_id, digest, expires_at, sequence)
        VALUES (p_member, p_consent.digest, p_consent.expires_at, number)
        ON CONFLICT (member_id, digest) DO NOTHING;
        IF NOT FOUND THEN
            PERFORM ledger.refuse('code_used');
        END IF;
    END IF;

    -- 6. The journal: the entry under its digest, and where the points came from and went.
    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref,
         receipt, channel, amount, base, currency, effective_at, recorded_at, actor, explanation,
         digest)
    VALUES
        (p_member, number, day, 'redemption', acceptor, p_event.store_id, p_event.terminal,
         nullif(p_event.merchant_ref, ''), p_event.receipt, p_event.channel, p_event.amount,
         p_event.base, p_event.currency, coalesce(p_event.effective_at, p_now), p_now,
         'merchant:' || acceptor, '[]',
         sha256(convert_to(ledger.entry_form(
            p_member, number, day, 'redemption', acceptor, p_event.store_id, p_event.terminal,
            nullif(p_event.merchant_ref, ''), p_event.receipt, p_event.channel, p_event.amount,
            p_event.base, p_event.currency, NULL, NULL, coalesce(p_event.effective_at, p_now),
            p_now, 'merchant:' || acceptor, '[]')
            || ledger.redemption_form(issuer, acceptor, lot, terms, day, p_points),
            'UTF8')));
    INSERT INTO ledger.movement
        (member_id, sequence, line, business_date, source, target, issuer_id, acceptor_id, lot_id,
         terms_id, priced_on, points)
    VALUES
        (p_member, number, 1, day, 'available', 'redemption', issuer, acceptor, lot, terms, day,
         p_points);
    -- 7. Who is told, and what was signed.
    INSERT INTO network.outbox (topic, member_id, merchant_id, sequence, points)
    VALUES ('ledger.redemption', p_member, acceptor, number, p_points);
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
    ledger.redeem(uuid, timestamptz, timestamptz, ledger.claim_facts, ledger.event_facts, bigint,
        ledger.consent_facts, ledger.evidence_facts)
    TO peyvand_app;
