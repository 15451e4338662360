-- Points that travel between two wallets. Private helpers first; the functions of
-- 72_shared_wallets.sql stand on them too. What leaves a lot is `moved`; it goes on in a lot of
-- the taker's with the same issuer, terms, price and expiry. The two entries name each other, and
-- their lines to `transfer` are each other's mirror in the same order.

-- Locks two wallets in one statement, the lesser id first, and begins both operations with the
-- same day. The claim is the first wallet's.
CREATE OR REPLACE FUNCTION ledger.begin_pair(
    p_first uuid, p_second uuid, p_claim ledger.claim_facts, p_now timestamptz
) RETURNS ledger.operation[] LANGUAGE plpgsql AS $$
DECLARE
    first ledger.operation;
    second ledger.operation;
BEGIN
    IF p_first = p_second THEN
        PERFORM ledger.refuse('same_wallet');
    END IF;
    PERFORM FROM ledger.wallet AS w WHERE w.member_id = ANY (ARRAY[p_first, p_second])
    ORDER BY w.member_id FOR NO KEY UPDATE;
    first := ledger.begin_operation(p_first, p_claim, p_now);
    second := ledger.begin_operation(p_second, NULL, p_now);
    second.business_date := first.business_date;
    second.today := first.today;
    RETURN ARRAY[first, second];
END
$$;

-- Ends what is due in a wallet before anything else is counted.
CREATE OR REPLACE FUNCTION ledger.retire_due(
    op ledger.operation, p_now timestamptz, p_wall timestamptz
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
BEGIN
    IF op.held > 0 THEN
        op := ledger.release_lapsed(op, p_wall, p_now);
    END IF;
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    RETURN op;
END
$$;

-- The explanation of one half of a movement between wallets: it names the other half.
CREATE OR REPLACE FUNCTION ledger.linked(
    p_rule text, p_reason text, p_points bigint, p_other ledger.operation
) RETURNS json LANGUAGE sql IMMUTABLE
RETURN json_build_array(json_build_object(
    'rule', p_rule, 'fired', true, 'points', p_points, 'reason', p_reason,
    'facts', json_build_object(
        'member_id', (p_other).member_id, 'sequence', (p_other).sequence)));

-- Takes p_points out of a wallet for another: unlocked and spendable ones only, in taking order,
-- none whose issuer is suspended.
CREATE OR REPLACE FUNCTION ledger.give_points(op ledger.operation, p_points bigint)
RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint := p_points;
    taken bigint;
    spendable bigint;
    suspended bigint;
    l record;
BEGIN
    IF op.status = 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    ELSIF op.status = 'spend_locked' THEN
        PERFORM ledger.refuse('spend_locked');
    END IF;
    SELECT coalesce(sum(t.remaining) FILTER (WHERE s.issuer_id IS NULL), 0) - op.debt,
           coalesce(sum(t.remaining) FILTER (WHERE s.issuer_id IS NOT NULL), 0)
    INTO spendable, suspended
    FROM ledger.lot AS t LEFT JOIN ledger.suspended_issuer AS s ON s.issuer_id = t.issuer_id
    WHERE t.member_id = op.member_id AND t.open AND t.active AND t.locked_to IS NULL;
    IF spendable < p_points THEN
        PERFORM ledger.refuse_points('insufficient_points', spendable, suspended, p_points);
    END IF;
    FOR l IN
        SELECT t.lot_id, t.remaining, t.issuer_id, t.terms_id FROM ledger.lot AS t
        WHERE t.member_id = op.member_id AND t.open AND t.active AND t.locked_to IS NULL
          AND t.issuer_id <> ALL (ARRAY(SELECT s.issuer_id FROM ledger.suspended_issuer AS s))
        ORDER BY t.expires_on, t.lot_id
    LOOP
        EXIT WHEN wanted = 0;
        taken := least(wanted, l.remaining);
        UPDATE ledger.lot AS t
        SET remaining = t.remaining - taken, moved = t.moved + taken, open = t.remaining > taken
        WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
        op := ledger.add_move(op, 'available', 'transfer', l.issuer_id, l.lot_id, l.terms_id,
                              taken);
        wanted := wanted - taken;
    END LOOP;
    RETURN op;
END
$$;

-- Continues in the taker's wallet whatever the giver's movements send to `transfer`.
CREATE OR REPLACE FUNCTION ledger.take_over(taker ledger.operation, giver ledger.operation)
RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    m ledger.step;
    l ledger.lot;
    child bigint;
BEGIN
    FOREACH m IN ARRAY giver.moves LOOP
        CONTINUE WHEN m.target <> 'transfer';
        SELECT t.* INTO l FROM ledger.lot AS t
        WHERE t.member_id = giver.member_id AND t.lot_id = m.lot_id;
        taker.lots := taker.lots + 1;
        child := taker.sequence * 1000000 + taker.lots;
        INSERT INTO ledger.lot
            (member_id, lot_id, issuer_id, campaign_id, terms_id, locked_to, price, active,
             active_from, expires_on, made_on, granted, remaining)
        VALUES (taker.member_id, child, l.issuer_id, l.campaign_id, l.terms_id, l.locked_to,
                l.price, l.active, l.active_from, l.expires_on, taker.business_date, m.points,
                m.points);
        taker := ledger.add_move(taker, 'transfer', m.source, l.issuer_id, child, l.terms_id,
                                 m.points);
        taker.due_on := least(taker.due_on,
                              CASE WHEN l.active THEN l.expires_on ELSE l.active_from END);
        IF l.active AND taker.debt > 0 THEN
            taker := ledger.repay_debt(taker, l.issuer_id, child, l.terms_id, m.points);
        END IF;
    END LOOP;
    RETURN taker;
END
$$;

-- Gives points to another member. Both wallets move in one transaction or neither does.
CREATE OR REPLACE FUNCTION ledger.transfer(
    p_member uuid, p_taker uuid, p_now timestamptz, p_wall timestamptz,
    p_claim ledger.claim_facts, p_points bigint, p_actor text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    pair ledger.operation[] := ledger.begin_pair(p_member, p_taker, p_claim, p_now);
    giver ledger.operation := pair[1];
    taker ledger.operation := pair[2];
    repaid bigint;
BEGIN
    IF giver.replay IS NOT NULL THEN
        RETURN giver.replay;
    END IF;
    PERFORM ledger.check_wall(p_wall);
    PERFORM ledger.check_count('points', p_points);
    IF taker.status = 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    END IF;
    giver := ledger.retire_due(giver, p_now, p_wall);
    taker := ledger.retire_due(taker, p_now, p_wall);
    giver.sequence := giver.sequence + 1;
    taker.sequence := taker.sequence + 1;
    taker.repaid := 0;
    giver := ledger.give_points(giver, p_points);
    taker := ledger.take_over(taker, giver);
    repaid := taker.repaid;
    giver := ledger.write_entry(giver, 'transfer', NULL, p_actor,
        ledger.linked('transfer', 'given', p_points, taker), p_now, p_points);
    taker := ledger.write_entry(taker, 'transfer', NULL, p_actor,
        ledger.linked('transfer', 'received', p_points, giver), p_now, p_points);
    PERFORM ledger.finish_operation(taker, NULL, NULL, '{}');
    RETURN ledger.finish_operation(giver, p_claim, NULL, jsonb_build_object(
        'points', p_points, 'taker_sequence', taker.sequence, 'repaid', repaid));
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.transfer(uuid, uuid, timestamptz, timestamptz, ledger.claim_facts, bigint, text)
    TO peyvand_app;
