-- What people decide beside the till: a longer life for a lot, corrections that two operators
-- agreed on, debts written off, accounts closed.

-- Lets p_points of a lot (all of them where NULL) live until a later day, in a child lot.
CREATE OR REPLACE FUNCTION ledger.extend(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_lot bigint, p_points bigint,
    p_expires_on date, p_actor text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    l ledger.lot;
    points bigint;
    child bigint;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    ELSIF op.status = 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    END IF;
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    SELECT t.* INTO l FROM ledger.lot AS t
    WHERE t.member_id = p_member AND t.lot_id = p_lot AND t.open AND t.active;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('unknown_lot', jsonb_build_object('lot', p_lot));
    END IF;
    points := coalesce(p_points, l.remaining);
    PERFORM ledger.check_count('points', points);
    IF points > l.remaining THEN
        PERFORM ledger.refuse('insufficient_points', jsonb_build_object(
            'spendable', l.remaining, 'points', points));
    ELSIF p_expires_on IS NULL OR p_expires_on <= l.expires_on THEN
        PERFORM ledger.refuse('expiry_not_later', jsonb_build_object(
            'expires_on', l.expires_on));
    END IF;
    op.sequence := op.sequence + 1;
    child := op.sequence * 1000000 + 1;
    UPDATE ledger.lot AS t
    SET remaining = t.remaining - points, moved = t.moved + points, open = t.remaining > points
    WHERE t.member_id = p_member AND t.lot_id = p_lot;
    INSERT INTO ledger.lot
        (member_id, lot_id, parent_lot_id, issuer_id, campaign_id, terms_id, locked_to, price,
         active, active_from, expires_on, made_on, granted, remaining)
    VALUES (p_member, child, p_lot, l.issuer_id, l.campaign_id, l.terms_id, l.locked_to, l.price,
            true, l.active_from, p_expires_on, op.business_date, points, points);
    op.lots := 1;
    op := ledger.add_move(op, 'available', 'available', l.issuer_id, p_lot, l.terms_id, points,
                          p_target_lot => child);
    op.due_on := least(op.due_on, p_expires_on);
    op := ledger.write_entry(op, 'extension', NULL, p_actor,
        json_build_array(json_build_object(
            'rule', 'extension', 'fired', true, 'points', points, 'reason', 'extended',
            'facts', json_build_object('from', l.expires_on, 'expires_on', p_expires_on))),
        p_now, points);
    RETURN ledger.finish_operation(op, p_claim, NULL, jsonb_build_object(
        'points', points, 'lot', child, 'expires_on', p_expires_on));
END
$$;

-- Who stands behind a correction: two people, or it is refused.
CREATE OR REPLACE FUNCTION ledger.two_people(p_proposer uuid, p_approver uuid) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF p_proposer IS NULL OR p_approver IS NULL THEN
        RAISE EXCEPTION 'a correction has a proposer and an approver' USING ERRCODE = 'PV003';
    ELSIF p_proposer = p_approver THEN
        PERFORM ledger.refuse('same_person');
    END IF;
    RETURN 'operator:' || p_proposer || ' operator:' || p_approver;
END
$$;

CREATE OR REPLACE FUNCTION ledger.correction(p_rule text, p_points bigint, p_reason text)
RETURNS json LANGUAGE sql IMMUTABLE
RETURN json_build_array(json_build_object(
    'rule', p_rule, 'fired', true, 'points', p_points, 'reason', 'correction',
    'facts', json_build_object('words', p_reason)));

-- Grants points outside a purchase; a debt with their issuer is repaid first. p_grant gives
-- issuer, terms, price, points, expiry and, if any, the one merchant that may take them.
CREATE OR REPLACE FUNCTION ledger.adjust_up(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_grant jsonb,
    p_proposer uuid, p_approver uuid, p_reason text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    people text := ledger.two_people(p_proposer, p_approver);
    g ledger.grant_facts := jsonb_populate_record(NULL::ledger.grant_facts, p_grant);
    repaid bigint;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    ELSIF op.status = 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    END IF;
    PERFORM ledger.check_count('points', g.points);
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.sequence := op.sequence + 1;
    op.repaid := 0;
    op := ledger.grant_lot(op, g, g.points, 'adjustment');
    repaid := op.repaid;
    op := ledger.write_entry(op, 'adjustment', NULL, people,
        ledger.correction('adjust_up', g.points, p_reason), p_now, g.points);
    RETURN ledger.finish_operation(op, p_claim, NULL, jsonb_build_object(
        'points', g.points, 'repaid', repaid));
END
$$;

-- Takes points of one issuer away, from its available lots in taking order; never into debt.
CREATE OR REPLACE FUNCTION ledger.adjust_down(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_issuer uuid,
    p_points bigint, p_proposer uuid, p_approver uuid, p_reason text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    people text := ledger.two_people(p_proposer, p_approver);
    wanted bigint := p_points;
    taken bigint;
    l record;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    PERFORM ledger.check_count('points', p_points);
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.sequence := op.sequence + 1;
    FOR l IN
        SELECT t.lot_id, t.remaining, t.terms_id FROM ledger.lot AS t
        WHERE t.member_id = p_member AND t.open AND t.active AND t.issuer_id = p_issuer
        ORDER BY t.expires_on, t.lot_id
    LOOP
        EXIT WHEN wanted = 0;
        taken := least(wanted, l.remaining);
        UPDATE ledger.lot AS t
        SET remaining = t.remaining - taken, clawed_back = t.clawed_back + taken,
            open = t.remaining > taken
        WHERE t.member_id = p_member AND t.lot_id = l.lot_id;
        op := ledger.add_move(op, 'available', 'adjustment', p_issuer, l.lot_id, l.terms_id,
                              taken);
        wanted := wanted - taken;
    END LOOP;
    IF wanted > 0 THEN
        PERFORM ledger.refuse('insufficient_points', jsonb_build_object(
            'spendable', p_points - wanted, 'points', p_points));
    END IF;
    op := ledger.write_entry(op, 'adjustment', NULL, people,
        ledger.correction('adjust_down', p_points, p_reason), p_now, p_points);
    RETURN ledger.finish_operation(op, p_claim, NULL, jsonb_build_object('points', p_points));
END
$$;

-- Forgives p_points of what a member owes an issuer. A closed wallet's debt can be forgiven too.
CREATE OR REPLACE FUNCTION ledger.write_off(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_issuer uuid,
    p_points bigint, p_proposer uuid, p_approver uuid, p_reason text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    people text := ledger.two_people(p_proposer, p_approver);
    owed bigint;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    PERFORM ledger.check_count('points', p_points);
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.sequence := op.sequence + 1;
    SELECT d.points INTO owed FROM ledger.debt AS d
    WHERE d.member_id = p_member AND d.issuer_id = p_issuer;
    IF p_points > coalesce(owed, 0) THEN
        PERFORM ledger.refuse('write_off_exceeds_debt', jsonb_build_object(
            'debt', coalesce(owed, 0), 'points', p_points));
    END IF;
    UPDATE ledger.debt AS d SET points = d.points - p_points
    WHERE d.member_id = p_member AND d.issuer_id = p_issuer;
    op := ledger.add_move(op, 'receivable', 'debt', p_issuer, NULL, NULL, p_points);
    op := ledger.write_entry(op, 'write_off', NULL, people,
        ledger.correction('write_off', p_points, p_reason), p_now, p_points);
    RETURN ledger.finish_operation(op, p_claim, NULL, jsonb_build_object('points', p_points));
END
$$;

-- Closes a wallet for good: what remains expires, whether available or pending. Refused while a
-- merchant holds points or the member owes some; a debt is repaid or written off first. The entries
-- stay, under an id that no longer leads to a person once the person is erased.
CREATE OR REPLACE FUNCTION ledger.close_account(
    p_member uuid, p_now timestamptz, p_wall timestamptz, p_claim ledger.claim_facts, p_actor text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    l record;
    points bigint;
    done ledger.posted;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    PERFORM ledger.check_wall(p_wall);
    IF op.status = 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    END IF;
    op := ledger.retire_due(op, p_now, p_wall);
    IF op.held > 0 THEN
        PERFORM ledger.refuse('open_holds', jsonb_build_object('held', op.held));
    ELSIF op.debt > 0 THEN
        PERFORM ledger.refuse('open_debt', jsonb_build_object('debt', op.debt));
    END IF;
    op.sequence := op.sequence + 1;
    points := op.available + op.pending;
    FOR l IN
        SELECT t.lot_id, t.remaining, t.issuer_id, t.terms_id, t.active FROM ledger.lot AS t
        WHERE t.member_id = p_member AND t.open ORDER BY t.expires_on, t.lot_id
    LOOP
        UPDATE ledger.lot AS t
        SET remaining = 0, expired = t.expired + l.remaining, open = false
        WHERE t.member_id = p_member AND t.lot_id = l.lot_id;
        op := ledger.add_move(op, ledger.account_of(l.active),
                              'expiry', l.issuer_id, l.lot_id, l.terms_id, l.remaining);
    END LOOP;
    op.due_on := NULL;
    op := ledger.write_entry(op, 'expiry', NULL, p_actor,
        json_build_array(json_build_object(
            'rule', 'closure', 'fired', true, 'points', points, 'reason', 'closed',
            'facts', '{}'::json)),
        p_now, points);
    done := ledger.finish_operation(op, p_claim, NULL, jsonb_build_object('points', points));
    UPDATE ledger.wallet AS w SET status = 'closed' WHERE w.member_id = p_member;
    RETURN done;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.extend(uuid, timestamptz, ledger.claim_facts, bigint, bigint, date, text),
    ledger.adjust_up(uuid, timestamptz, ledger.claim_facts, jsonb, uuid, uuid, text),
    ledger.adjust_down(uuid, timestamptz, ledger.claim_facts, uuid, bigint, uuid, uuid, text),
    ledger.write_off(uuid, timestamptz, ledger.claim_facts, uuid, bigint, uuid, uuid, text),
    ledger.close_account(uuid, timestamptz, timestamptz, ledger.claim_facts, text)
    TO peyvand_app;
