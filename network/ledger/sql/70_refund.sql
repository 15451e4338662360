-- Taking back: refunds of purchases that earned, refunds of redemptions, and the reversal of a call
-- whose answer never came.

-- Refunds a purchase in part or whole: by an amount, of whatever is not refunded yet, or by lines.
-- p_lines is [{"line": n, "amount": a}, …]; a line that earned nothing counts as line -1. Whatever came
-- before, the refund of all that was left takes back all points that are left. The entry's amount is
-- what is refunded in all, which the audit holds against taken_back.
CREATE OR REPLACE FUNCTION ledger.refund_earn(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_original bigint,
    p_event ledger.event_facts, p_amount bigint, p_lines jsonb, p_evidence ledger.evidence_facts
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    bought ledger.entry;
    earned_rows ledger.earned_part[];
    shared ledger.earned_part[] := '{}';
    wanted record;
    share record;
    refunded bigint := p_amount;
    debt_before bigint;
    total bigint := 0;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    ELSIF (p_amount IS NULL) = (p_lines IS NULL) THEN
        RAISE EXCEPTION 'a refund is by amount or by lines, exactly one of them'
            USING ERRCODE = 'PV003';
    END IF;
    SELECT e.* INTO bought FROM ledger.entry AS e
    WHERE e.member_id = p_member AND e.sequence = p_original;
    IF NOT FOUND OR bought.merchant_id IS DISTINCT FROM p_event.merchant_id THEN
        PERFORM ledger.refuse('unknown_original', jsonb_build_object('original', p_original));
    ELSIF bought.kind IN ('refund_issuance', 'refund_redemption') THEN
        PERFORM ledger.refuse('refund_of_refund', jsonb_build_object('original', p_original));
    ELSIF bought.kind <> 'issuance' THEN
        PERFORM ledger.refuse('not_refundable', jsonb_build_object('kind', bought.kind));
    END IF;
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.sequence := op.sequence + 1;
    PERFORM ledger.claim_reference(op, p_event.merchant_id, 'refund_issuance',
                                   p_event.merchant_ref);

    SELECT array_agg(e ORDER BY e.part) INTO earned_rows FROM ledger.earned_part AS e
    WHERE e.member_id = p_member AND e.sequence = p_original
      AND e.business_date = bought.business_date;
    IF earned_rows IS NULL THEN
        PERFORM ledger.refuse('not_refundable', jsonb_build_object('kind', bought.kind));
    END IF;
    IF p_lines IS NULL THEN
        PERFORM ledger.check_count('amount', p_amount);
        shared := ledger.share_refund(earned_rows, p_amount);
    ELSE
        FOR wanted IN
            SELECT k.line, sum(k.amount)::bigint AS amount, min(k.amount) AS least
            FROM (SELECT CASE WHEN EXISTS (SELECT FROM unnest(earned_rows) AS e
                                           WHERE e.line = x.line) THEN x.line ELSE -1 END AS line,
                         x.amount
                  FROM jsonb_to_recordset(p_lines) AS x (line integer, amount bigint)) AS k
            GROUP BY k.line ORDER BY k.line
        LOOP
            PERFORM ledger.check_count('amount', wanted.least);
            IF NOT EXISTS (SELECT FROM unnest(earned_rows) AS e WHERE e.line = wanted.line) THEN
                PERFORM ledger.refuse('refund_exceeds_original', jsonb_build_object(
                    'refundable', 0, 'amount', wanted.amount));
            END IF;
            shared := shared || ledger.share_refund(
                (SELECT array_agg(e ORDER BY e.part) FROM unnest(earned_rows) AS e
                 WHERE e.line = wanted.line), wanted.amount);
            refunded := coalesce(refunded, 0) + wanted.amount;
        END LOOP;
        -- Amounts were spread over lines in whole units, their points over issuers in whole points, so
        -- a line may have given back less than its own.
        IF refunded = (SELECT sum(b.base - b.refunded) FROM (
            SELECT DISTINCT e.line, e.base, e.refunded FROM unnest(earned_rows) AS e) AS b)
        THEN
            shared := ledger.share_refund(earned_rows, refunded);
        END IF;
    END IF;

    INSERT INTO ledger.taken_back
        (member_id, sequence, part, issuer_id, base, points, refunded, clawed_back)
    SELECT p_member, p_original, s.part, s.issuer_id, s.base, s.points, s.refunded, s.clawed_back
    FROM unnest(shared) AS s WHERE s.refunded > 0 OR s.clawed_back > 0
    ON CONFLICT (member_id, sequence, part) DO UPDATE
    SET refunded = taken_back.refunded + excluded.refunded,
        clawed_back = taken_back.clawed_back + excluded.clawed_back;
    debt_before := op.debt;
    FOR share IN
        SELECT s.issuer_id, s.lot_id, sum(s.clawed_back)::bigint AS points
        FROM unnest(shared) AS s WHERE s.clawed_back > 0
        GROUP BY s.issuer_id, s.lot_id ORDER BY s.issuer_id, s.lot_id
    LOOP
        op := ledger.claw_back(op, share.issuer_id, share.lot_id, share.points);
        total := total + share.points;
    END LOOP;
    p_event.amount := refunded;
    op := ledger.write_entry(op, 'refund_issuance', p_event, 'merchant:' || p_event.merchant_id,
                             NULL, p_now, total, p_original, bought.business_date);
    RETURN ledger.finish_operation(op, p_claim, p_evidence, jsonb_build_object(
        'points', total - (op.debt - debt_before), 'debt', op.debt - debt_before));
END
$$;

-- Gives p_points of a redemption back to the lots they came from, last taken first. A lot that has
-- lapsed meanwhile continues in a child lot with the grace period; the books keep the day of the
-- original capture as the day of the price.
CREATE OR REPLACE FUNCTION ledger.redeposit(
    op ledger.operation, p_sequence bigint, p_day date, p_points bigint, p_grace_days integer
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    c ledger.consumption;
    l ledger.lot;
    back bigint;
    wanted bigint := p_points;
    child bigint;
BEGIN
    FOR c IN
        SELECT t.* FROM ledger.consumption AS t
        WHERE t.member_id = op.member_id AND t.sequence = p_sequence
          AND t.business_date = p_day AND t.refunded < t.points
        ORDER BY t.part DESC
    LOOP
        EXIT WHEN wanted = 0;
        back := least(wanted, c.points - c.refunded);
        wanted := wanted - back;
        INSERT INTO ledger.redeposited (member_id, sequence, line, points, refunded)
        VALUES (op.member_id, p_sequence, c.part, c.points, back)
        ON CONFLICT (member_id, sequence, line)
        DO UPDATE SET refunded = redeposited.refunded + excluded.refunded;
        SELECT t.* INTO l FROM ledger.lot AS t
        WHERE t.member_id = op.member_id AND t.lot_id = c.lot_id;
        child := NULL;
        IF l.expires_on > op.today THEN
            UPDATE ledger.lot AS t
            SET redeemed = t.redeemed - back, remaining = t.remaining + back, open = true
            WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
            op.due_on := least(op.due_on, l.expires_on);
        ELSE
            UPDATE ledger.lot AS t SET redeemed = t.redeemed - back, moved = t.moved + back
            WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
            op.lots := op.lots + 1;
            child := op.sequence * 1000000 + op.lots;
            INSERT INTO ledger.lot
                (member_id, lot_id, parent_lot_id, issuer_id, campaign_id, terms_id, locked_to,
                 price, active, active_from, expires_on, made_on, granted, remaining)
            VALUES (op.member_id, child, l.lot_id, l.issuer_id, l.campaign_id, l.terms_id,
                    l.locked_to, l.price, true, op.today, op.today + p_grace_days,
                    op.business_date, back, back);
            op.due_on := least(op.due_on, op.today + p_grace_days);
        END IF;
        op := ledger.add_move(op, 'redemption', 'available', l.issuer_id, l.lot_id, l.terms_id,
                              back, c.acceptor_id, c.business_date, child);
        IF op.debt > 0 THEN
            op := ledger.repay_debt(op, l.issuer_id, coalesce(child, l.lot_id), l.terms_id, back);
        END IF;
    END LOOP;
    IF wanted > 0 THEN
        PERFORM ledger.refuse('refund_exceeds_original', jsonb_build_object(
            'refundable', p_points - wanted, 'points', p_points));
    END IF;
    RETURN op;
END
$$;

-- Finds the entry that paid the acceptor: p_original itself, or the capture of that authorisation.
CREATE OR REPLACE FUNCTION ledger.paying_entry(
    op ledger.operation, p_merchant uuid, p_original bigint
) RETURNS ledger.consumption LANGUAGE plpgsql AS $$
DECLARE
    paid ledger.consumption;
    kind_found text;
    facts jsonb := jsonb_build_object('original', p_original);
BEGIN
    paid := ledger.first_slice(op.member_id, coalesce(
        (SELECT h.capture_sequence FROM ledger.hold AS h
         WHERE h.member_id = op.member_id AND h.sequence = p_original), p_original));
    IF paid.acceptor_id = p_merchant THEN
        RETURN paid;
    END IF;
    SELECT e.kind INTO kind_found FROM ledger.entry AS e
    WHERE e.member_id = op.member_id AND e.sequence = p_original AND e.merchant_id = p_merchant;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('unknown_original', facts);
    ELSIF kind_found IN ('refund_issuance', 'refund_redemption') THEN
        PERFORM ledger.refuse('refund_of_refund', facts);
    END IF;
    PERFORM ledger.refuse('not_refundable', jsonb_build_object('kind', kind_found));
    RETURN NULL;
END
$$;

-- Refuses one more refund by amount than a redemption takes: each reckons with all before it, and as
-- they may come to no point, points set no end to them (network.ledger.refunds.MOST_REFUNDS).
CREATE OR REPLACE FUNCTION ledger.check_refunds(op ledger.operation, p_paid ledger.consumption)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    most CONSTANT bigint := 200;
BEGIN
    IF (SELECT count(*) FROM (
            SELECT FROM ledger.entry AS e
            WHERE e.member_id = op.member_id AND e.sequence > p_paid.sequence
              AND e.business_date >= p_paid.business_date
              AND e.original_sequence = p_paid.sequence
              AND e.kind = 'refund_redemption' AND e.amount IS NOT NULL
            LIMIT most) AS earlier) >= most
    THEN
        PERFORM ledger.refuse('too_many_refunds', jsonb_build_object('refunds', most));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION ledger.refund_redeem(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_original bigint,
    p_event ledger.event_facts, p_points bigint, p_grace_days integer,
    p_evidence ledger.evidence_facts
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    paid ledger.consumption;
    repaid bigint;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    -- A refund by amount may come to no point, where earlier ones were rounded up: it counts for later ones.
    IF p_points <> 0 OR p_event.amount IS NULL OR p_points IS NULL THEN
        PERFORM ledger.check_count('points', p_points);
    END IF;
    IF p_grace_days IS NULL OR p_grace_days < 1 THEN
        RAISE EXCEPTION 'a grace period has at least one day' USING ERRCODE = 'PV003';
    END IF;
    paid := ledger.paying_entry(op, p_event.merchant_id, p_original);
    IF p_event.amount IS NOT NULL THEN
        PERFORM ledger.check_refunds(op, paid);
    END IF;
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.repaid := 0;
    op.sequence := op.sequence + 1;
    PERFORM ledger.claim_reference(op, p_event.merchant_id, 'refund_redemption',
                                   p_event.merchant_ref);
    op := ledger.redeposit(op, paid.sequence, paid.business_date, p_points, p_grace_days);
    repaid := op.repaid;
    op := ledger.write_entry(op, 'refund_redemption', p_event,
                             'merchant:' || p_event.merchant_id, NULL, p_now, p_points,
                             paid.sequence, paid.business_date);
    RETURN ledger.finish_operation(op, p_claim, p_evidence, jsonb_build_object(
        'points', p_points, 'repaid', repaid));
END
$$;

-- Undoes whatever p_event.merchant_ref did, or bars the reference if the call is still under way:
-- afterwards no call with that reference can succeed. Voids a hold, refunds what was captured.
CREATE OR REPLACE FUNCTION ledger.reverse(
    p_member uuid, p_now timestamptz, p_wall timestamptz, p_claim ledger.claim_facts,
    p_event ledger.event_facts, p_grace_days integer, p_evidence ledger.evidence_facts
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_for(p_member, p_event.person_id, p_claim, p_now);
    ref ledger.reference;
    h ledger.hold;
    outcome text := 'barred';
    kind text := 'void';
    paid ledger.consumption;
    points bigint := 0;
    original bigint;
    original_date date;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    PERFORM ledger.check_wall(p_wall);
    SELECT r.* INTO ref FROM ledger.reference AS r
    WHERE r.member_id = op.member_id AND r.merchant_id = p_event.merchant_id
      AND r.kind = 'redemption' AND r.merchant_ref = p_event.merchant_ref;
    IF ref.state = 'moved' THEN
        -- Used by a wallet that has moved into this one: what it did is undone there.
        PERFORM ledger.refuse('reference_moved', jsonb_build_object('member_id', ref.moved_from));
    END IF;
    SELECT t.* INTO h FROM ledger.hold AS t
    WHERE t.member_id = op.member_id AND t.sequence = ref.sequence;
    op := ledger.release_lapsed(op, p_wall, p_now, ref.sequence);
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.sequence := op.sequence + 1;
    IF ref.state IS NULL THEN
        INSERT INTO ledger.reference
            (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
        VALUES (op.member_id, p_event.merchant_id, 'redemption', p_event.merchant_ref, 'barred',
                op.sequence, op.business_date);
    ELSIF ref.state <> 'barred' THEN
        UPDATE ledger.reference AS r SET state = 'barred'
        WHERE r.member_id = op.member_id AND r.merchant_id = p_event.merchant_id
          AND r.kind = 'redemption' AND r.merchant_ref = p_event.merchant_ref;
    END IF;

    IF h.state IN ('authorised', 'released') THEN
        points := h.points;
        op := ledger.release_hold(op, h, 'voided');
        original := h.sequence;
        original_date := h.business_date;
        outcome := 'voided';
    ELSIF h.state = 'voided' THEN
        outcome := 'voided';
    ELSIF ref.state IS NOT NULL THEN
        paid := ledger.first_slice(op.member_id, coalesce(h.capture_sequence, ref.sequence));
        IF paid.sequence IS NOT NULL THEN
            original := paid.sequence;
            original_date := paid.business_date;
            SELECT sum(c.points - c.refunded) INTO points FROM ledger.consumption AS c
            WHERE c.member_id = op.member_id AND c.sequence = original
              AND c.business_date = original_date;
            outcome := 'refunded';
            kind := 'refund_redemption';
            op := ledger.redeposit(op, original, original_date, points, p_grace_days);
        END IF;
    END IF;
    points := coalesce(points, 0);
    op := ledger.write_entry(op, kind, p_event, 'merchant:' || p_event.merchant_id, NULL, p_now,
                             points, original, original_date);
    RETURN ledger.finish_operation(op, p_claim, p_evidence, jsonb_build_object(
        'state', outcome, 'points', points) || ledger.posted_to(op, p_member));
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.refund_earn(uuid, timestamptz, ledger.claim_facts, bigint, ledger.event_facts, bigint,
        jsonb, ledger.evidence_facts),
    ledger.refund_redeem(uuid, timestamptz, ledger.claim_facts, bigint, ledger.event_facts,
        bigint, integer, ledger.evidence_facts),
    ledger.reverse(uuid, timestamptz, timestamptz, ledger.claim_facts, ledger.event_facts,
        integer, ledger.evidence_facts)
    TO peyvand_app;
