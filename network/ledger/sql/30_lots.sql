-- What happens to lots under the wallet's lock. Private helpers: each changes rows of the member's
-- lots and adds the matching movements to op, which the caller then writes as one entry. Whoever
-- changes what remains of a lot says whether it is open still; the lot's CHECK holds them to it.

-- The account on which a lot lies.
CREATE OR REPLACE FUNCTION ledger.account_of(p_active boolean) RETURNS ledger.account
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_active THEN 'available'::ledger.account ELSE 'pending' END;

CREATE OR REPLACE FUNCTION ledger.add_move(
    op ledger.operation, p_source ledger.account, p_target ledger.account, p_issuer uuid,
    p_lot bigint, p_terms uuid, p_points bigint, p_acceptor uuid DEFAULT NULL,
    p_priced_on date DEFAULT NULL, p_target_lot bigint DEFAULT NULL
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
BEGIN
    op.moves := op.moves || ROW(p_source, p_target, p_issuer, p_acceptor, p_lot, p_target_lot,
                                p_terms, p_priced_on, p_points)::ledger.step;
    RETURN op;
END
$$;

-- Points of an issuer were credited to available in lot p_lot: repay what the member owes it.
CREATE OR REPLACE FUNCTION ledger.repay_debt(
    op ledger.operation, p_issuer uuid, p_lot bigint, p_terms uuid, p_credited bigint
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    owed bigint;
    paid bigint;
BEGIN
    SELECT d.points INTO owed FROM ledger.debt AS d
    WHERE d.member_id = op.member_id AND d.issuer_id = p_issuer;
    paid := least(coalesce(owed, 0), p_credited);
    IF paid = 0 THEN
        RETURN op;
    END IF;
    UPDATE ledger.debt AS d SET points = d.points - paid
    WHERE d.member_id = op.member_id AND d.issuer_id = p_issuer;
    UPDATE ledger.lot AS l
    SET remaining = l.remaining - paid, clawed_back = l.clawed_back + paid,
        open = l.remaining > paid
    WHERE l.member_id = op.member_id AND l.lot_id = p_lot;
    op := ledger.add_move(op, 'available', 'clawback', p_issuer, p_lot, p_terms, paid);
    op := ledger.add_move(op, 'receivable', 'debt', p_issuer, NULL, NULL, paid);
    op.repaid := op.repaid + paid;
    RETURN op;
END
$$;

-- Makes a lot of p_points out of an account outside the wallet, pending until active_from. Points
-- that would have lapsed already are refused (a caller's clock is behind the open day), and points
-- of an issuer that is suspended.
CREATE OR REPLACE FUNCTION ledger.grant_lot(
    op ledger.operation, p_grant ledger.grant_facts, p_points bigint, p_source ledger.account
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    new_lot bigint;
    starts boolean := p_grant.active_from <= op.today;
BEGIN
    IF p_grant.expires_on <= op.today THEN
        PERFORM ledger.refuse('grant_lapsed', jsonb_build_object(
            'expires_on', p_grant.expires_on, 'today', op.today));
    ELSIF EXISTS (SELECT FROM ledger.suspended_issuer AS s
                  WHERE s.issuer_id = p_grant.issuer_id) THEN
        PERFORM ledger.refuse('issuer_suspended', jsonb_build_object(
            'issuer_id', p_grant.issuer_id));
    END IF;
    op.lots := op.lots + 1;  -- write_entry begins at zero again
    new_lot := op.sequence * 1000000 + op.lots;
    INSERT INTO ledger.lot
        (member_id, lot_id, issuer_id, campaign_id, terms_id, locked_to, price, active,
         active_from, expires_on, made_on, granted, remaining)
    VALUES (op.member_id, new_lot, p_grant.issuer_id, p_grant.campaign_id, p_grant.terms_id,
            p_grant.locked_to, p_grant.price, starts, p_grant.active_from, p_grant.expires_on,
            op.business_date, p_points, p_points);
    op.moves := op.moves || ROW(
        p_source, ledger.account_of(starts), p_grant.issuer_id, NULL,
        new_lot, NULL, p_grant.terms_id, NULL, p_points)::ledger.step;
    op.due_on := least(op.due_on,
                       CASE WHEN starts THEN p_grant.expires_on ELSE p_grant.active_from END);
    IF starts AND op.debt > 0 THEN
        op := ledger.repay_debt(op, p_grant.issuer_id, new_lot, p_grant.terms_id, p_points);
    END IF;
    RETURN op;
END
$$;

-- Refuses to take p_points where p_spendable (below zero: owed) are there. Where p_suspended more
-- would have sufficed, that is said instead.
CREATE OR REPLACE FUNCTION ledger.refuse_points(
    p_refusal text, p_spendable bigint, p_suspended bigint, p_points bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    facts jsonb := jsonb_build_object('spendable', greatest(p_spendable, 0), 'points', p_points);
BEGIN
    IF p_spendable + p_suspended >= p_points THEN
        PERFORM ledger.refuse('points_suspended',
                              facts || jsonb_build_object('suspended', p_suspended));
    END IF;
    PERFORM ledger.refuse(p_refusal, facts);
END
$$;

-- Takes p_points for an acceptor: credit locked to it first, then the earliest expiry, then the
-- lot's number, without lots whose issuer is suspended. Spendable is what is eligible less all debt;
-- refuses beyond it, in words of its own where suspended points would have sufficed.
CREATE OR REPLACE FUNCTION ledger.take_points(
    op ledger.operation, p_acceptor uuid, p_points bigint, p_target ledger.account, p_priced_on date,
    p_refusal text DEFAULT 'insufficient_points'
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint := p_points;
    taken bigint;
    l record;
    eligible bigint;
    suspended bigint;
BEGIN
    -- Taken first and judged after: a refusal undoes the taking. Where it must fail in any case, the
    -- loop is saved.
    IF p_points <= op.available - op.debt THEN
        FOR l IN
            SELECT t.lot_id, t.remaining, t.issuer_id, t.terms_id FROM ledger.lot AS t
            WHERE t.member_id = op.member_id AND t.open AND t.active
              AND (t.locked_to IS NULL OR t.locked_to = p_acceptor)
              AND t.issuer_id <> ALL (ARRAY(SELECT s.issuer_id FROM ledger.suspended_issuer AS s))
            ORDER BY t.locked_to IS NULL, t.expires_on, t.lot_id
        LOOP
            taken := least(wanted, l.remaining);
            IF p_target = 'held' THEN
                UPDATE ledger.lot AS t
                SET remaining = t.remaining - taken, held = t.held + taken,
                    open = t.remaining > taken
                WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
            ELSE
                UPDATE ledger.lot AS t
                SET remaining = t.remaining - taken, redeemed = t.redeemed + taken,
                    open = t.remaining > taken
                WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
            END IF;
            op.moves := op.moves || ROW('available', p_target, l.issuer_id,
                CASE WHEN p_target = 'held' THEN NULL ELSE p_acceptor END,
                l.lot_id, NULL, l.terms_id, p_priced_on, taken)::ledger.step;
            wanted := wanted - taken;
            EXIT WHEN wanted = 0;
        END LOOP;
    END IF;
    -- Available may hold credit that only another merchant may take, so the sum decides; with a
    -- debt what is eligible must exceed it by the points wanted.
    IF wanted > 0 OR op.debt > 0 THEN
        SELECT coalesce(sum(t.remaining) FILTER (WHERE s.issuer_id IS NULL), 0),
               coalesce(sum(t.remaining) FILTER (WHERE s.issuer_id IS NOT NULL), 0)
        INTO eligible, suspended
        FROM ledger.lot AS t LEFT JOIN ledger.suspended_issuer AS s ON s.issuer_id = t.issuer_id
        WHERE t.member_id = op.member_id AND t.open AND t.active
          AND (t.locked_to IS NULL OR t.locked_to = p_acceptor);
        eligible := eligible + p_points - wanted - op.debt;
        IF eligible < p_points THEN
            PERFORM ledger.refuse_points(p_refusal, eligible, suspended, p_points);
        END IF;
    END IF;
    RETURN op;
END
$$;

-- Gives p_points of a held slice back to their lot; a lot that lapsed meanwhile expires at once.
CREATE OR REPLACE FUNCTION ledger.release_slice(
    op ledger.operation, p_lot bigint, p_points bigint
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    l ledger.lot;
BEGIN
    SELECT t.* INTO l FROM ledger.lot AS t WHERE t.member_id = op.member_id AND t.lot_id = p_lot;
    IF l.expires_on <= op.today THEN
        UPDATE ledger.lot AS t SET held = t.held - p_points, expired = t.expired + p_points
        WHERE t.member_id = op.member_id AND t.lot_id = p_lot;
        RETURN ledger.add_move(op, 'held', 'expiry', l.issuer_id, p_lot, l.terms_id, p_points);
    END IF;
    UPDATE ledger.lot AS t
    SET held = t.held - p_points, remaining = t.remaining + p_points, open = true
    WHERE t.member_id = op.member_id AND t.lot_id = p_lot;
    op := ledger.add_move(op, 'held', 'available', l.issuer_id, p_lot, l.terms_id, p_points);
    op.due_on := least(op.due_on, l.expires_on);
    IF op.debt > 0 THEN
        op := ledger.repay_debt(op, l.issuer_id, p_lot, l.terms_id, p_points);
    END IF;
    RETURN op;
END
$$;

-- Releases every slice of a hold and ends it in p_state; the caller writes the entry.
CREATE OR REPLACE FUNCTION ledger.release_hold(
    op ledger.operation, p_hold ledger.hold, p_state text
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    s record;
BEGIN
    IF p_hold.state = 'authorised' THEN
        FOR s IN
            SELECT h.lot_id, h.points FROM ledger.hold_slice AS h
            WHERE h.member_id = op.member_id AND h.sequence = p_hold.sequence ORDER BY h.part
        LOOP
            op := ledger.release_slice(op, s.lot_id, s.points);
        END LOOP;
    END IF;
    UPDATE ledger.hold AS h SET state = p_state, ended_sequence = op.sequence
    WHERE h.member_id = op.member_id AND h.sequence = p_hold.sequence;
    RETURN op;
END
$$;

-- Ends the holds whose life ran out, but for p_except, which the caller is about to settle.
CREATE OR REPLACE FUNCTION ledger.release_lapsed(
    op ledger.operation, p_wall timestamptz, p_now timestamptz, p_except bigint DEFAULT NULL
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    lapsed ledger.hold;
BEGIN
    FOR lapsed IN
        SELECT h.* FROM ledger.hold AS h
        WHERE h.member_id = op.member_id AND h.state = 'authorised' AND h.hold_until <= p_wall
          AND h.sequence IS DISTINCT FROM p_except
        ORDER BY h.sequence
    LOOP
        op.sequence := op.sequence + 1;
        op := ledger.release_hold(op, lapsed, 'released');
        op := ledger.write_entry(op, 'release', NULL, 'system', NULL, p_now, lapsed.points,
                                 lapsed.sequence, lapsed.business_date);
    END LOOP;
    RETURN op;
END
$$;

-- Retires the wallet's lots that have lapsed and activates those whose time has come, so that a
-- balance never counts lapsed points. One entry for each of the two, held points untouched.
CREATE OR REPLACE FUNCTION ledger.mature_lots(
    op ledger.operation, p_now timestamptz
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    l ledger.lot;
    total bigint := 0;
BEGIN
    op.sequence := op.sequence + 1;
    FOR l IN
        SELECT t.* FROM ledger.lot AS t
        WHERE t.member_id = op.member_id AND t.open AND t.expires_on <= op.today
        ORDER BY t.expires_on, t.lot_id
    LOOP
        UPDATE ledger.lot AS t
        SET remaining = 0, expired = t.expired + l.remaining, open = false
        WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
        op := ledger.add_move(op, ledger.account_of(l.active),
                              'expiry', l.issuer_id, l.lot_id, l.terms_id, l.remaining);
        total := total + l.remaining;
    END LOOP;
    IF total > 0 THEN
        op := ledger.write_entry(op, 'expiry', NULL, 'system', NULL, p_now, total);
        op.sequence := op.sequence + 1;
        total := 0;
    END IF;

    FOR l IN
        SELECT t.* FROM ledger.lot AS t
        WHERE t.member_id = op.member_id AND t.open AND NOT t.active
          AND t.active_from <= op.today
        ORDER BY t.expires_on, t.lot_id
    LOOP
        UPDATE ledger.lot AS t SET active = true
        WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
        op := ledger.add_move(op, 'pending', 'available', l.issuer_id, l.lot_id, l.terms_id,
                              l.remaining);
        IF op.debt > 0 THEN
            op := ledger.repay_debt(op, l.issuer_id, l.lot_id, l.terms_id, l.remaining);
        END IF;
        total := total + l.remaining;
    END LOOP;
    IF total > 0 THEN
        op := ledger.write_entry(op, 'activation', NULL, 'system', NULL, p_now, total);
        op.repaid := 0;
    ELSE
        op.sequence := op.sequence - 1;
    END IF;

    SELECT min(CASE WHEN t.active THEN t.expires_on ELSE t.active_from END) INTO op.due_on
    FROM ledger.lot AS t WHERE t.member_id = op.member_id AND t.open;
    RETURN op;
END
$$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
