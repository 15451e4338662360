-- Wallets that become one: people who join or leave a shared wallet, and two members merged. The
-- wallet that points elsewhere is closed and says where its points went (moved_to): a caller that
-- looked its member up before the move is refused under the lock and looks again. What it had done
-- before stays under its own id: refunds of it post there, and forward takes the rest along.

-- Follows moved_to to the wallet where a member's points are.
CREATE OR REPLACE FUNCTION ledger.home_of(p_member uuid) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
    home uuid := p_member;
    next uuid;
BEGIN
    LOOP
        SELECT w.moved_to INTO next FROM ledger.wallet AS w WHERE w.member_id = home;
        IF next IS NULL THEN
            RETURN home;
        END IF;
        home := next;
    END LOOP;
END
$$;

-- Where a person's points are, and who the person is there: themselves where they joined a shared
-- wallet, the member they were merged into otherwise.
CREATE OR REPLACE FUNCTION ledger.whereabouts_of(p_person uuid) RETURNS ledger.whereabouts
LANGUAGE plpgsql STABLE AS $$
DECLARE
    place ledger.whereabouts := ROW(p_person, p_person);
    shares boolean := false;
    next record;
BEGIN
    LOOP
        SELECT w.moved_to, s.member_id IS NOT NULL AS joined INTO next
        FROM ledger.wallet AS w
        LEFT JOIN ledger.shared_person AS s ON s.member_id = w.member_id
        WHERE w.member_id = place.home;
        IF next.moved_to IS NULL THEN
            RETURN place;
        END IF;
        shares := shares OR next.joined;
        place.home := next.moved_to;
        IF NOT shares THEN
            place.person := next.moved_to;
        END IF;
    END LOOP;
END
$$;

-- Sends every open lot of a wallet to `transfer`, pending and locked ones too.
CREATE OR REPLACE FUNCTION ledger.give_everything(op ledger.operation) RETURNS ledger.operation
LANGUAGE plpgsql AS $$
DECLARE
    l record;
BEGIN
    FOR l IN
        SELECT t.lot_id, t.remaining, t.issuer_id, t.terms_id, t.active FROM ledger.lot AS t
        WHERE t.member_id = op.member_id AND t.open ORDER BY t.expires_on, t.lot_id
    LOOP
        UPDATE ledger.lot AS t
        SET remaining = 0, moved = t.moved + l.remaining, open = false
        WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
        op := ledger.add_move(op, ledger.account_of(l.active),
                              'transfer', l.issuer_id, l.lot_id, l.terms_id, l.remaining);
    END LOOP;
    RETURN op;
END
$$;

-- Moves all debts of one wallet to another.
CREATE OR REPLACE FUNCTION ledger.move_debts(old ledger.operation, new ledger.operation)
RETURNS ledger.operation[] LANGUAGE plpgsql AS $$
DECLARE
    d record;
BEGIN
    FOR d IN
        SELECT t.issuer_id, t.points FROM ledger.debt AS t
        WHERE t.member_id = old.member_id AND t.points > 0 ORDER BY t.issuer_id
    LOOP
        UPDATE ledger.debt AS t SET points = 0
        WHERE t.member_id = old.member_id AND t.issuer_id = d.issuer_id;
        INSERT INTO ledger.debt AS t (member_id, issuer_id, points)
        VALUES (new.member_id, d.issuer_id, d.points)
        ON CONFLICT (member_id, issuer_id) DO UPDATE SET points = t.points + excluded.points;
        old := ledger.add_move(old, 'receivable', 'debt', d.issuer_id, NULL, NULL, d.points);
        new := ledger.add_move(new, 'debt', 'receivable', d.issuer_id, NULL, NULL, d.points);
    END LOOP;
    RETURN ARRAY[old, new];
END
$$;

-- Adds what a member has had of campaigns to the counts of the member they turned out to be. Who
-- joins or leaves a shared wallet keeps their own counts: caps are a person's, wherever their points
-- are (take_from_campaigns).
CREATE OR REPLACE FUNCTION ledger.add_campaigns(p_from uuid, p_into uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.campaign_person AS n
        (member_id, campaign_id, points, day, day_points, brought, brought_day)
    SELECT p_into, o.campaign_id, o.points, o.day, o.day_points, o.points, o.day_points
    FROM ledger.campaign_person AS o WHERE o.member_id = p_from
    ON CONFLICT (member_id, campaign_id) DO UPDATE
    SET points = n.points + excluded.points,
        brought = n.brought + excluded.points,
        day = greatest(n.day, excluded.day),
        day_points = CASE WHEN n.day > excluded.day THEN n.day_points
                          WHEN n.day < excluded.day THEN excluded.day_points
                          ELSE n.day_points + excluded.day_points END,
        brought_day = CASE WHEN n.day > excluded.day THEN n.brought_day
                           WHEN n.day < excluded.day THEN excluded.day_points
                           ELSE n.brought_day + excluded.day_points END;
END
$$;

-- A code that was used up in one wallet is used up in the other: its owner is the same person.
CREATE OR REPLACE FUNCTION ledger.bring_codes(p_from uuid, p_into uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.used_code (member_id, digest, expires_at, sequence)
    SELECT p_into, c.digest, c.expires_at, c.sequence FROM ledger.used_code AS c
    WHERE c.member_id = p_from
    ON CONFLICT (member_id, digest) DO NOTHING;
END
$$;

-- Moves a whole wallet into another: lots, debts, and the references, so that none of them can be
-- used again under the new one, not even one that a void had freed there (state moved; moved_from
-- is whose it was). Keys need no copy here: begin_operation answers a key of a wallet that moved
-- into the one asked.
CREATE OR REPLACE FUNCTION ledger.move_wallet(
    p_member uuid, p_into uuid, p_now timestamptz, p_wall timestamptz,
    p_claim ledger.claim_facts, p_kind text, p_actor text
) RETURNS ledger.posted LANGUAGE plpgsql AS $$
DECLARE
    pair ledger.operation[] := ledger.begin_pair(p_member, p_into, p_claim, p_now);
    old ledger.operation := pair[1];
    new ledger.operation := pair[2];
    points bigint;
    debt bigint;
    repaid bigint;
    done ledger.posted;
BEGIN
    IF old.replay IS NOT NULL THEN
        RETURN old.replay;
    END IF;
    PERFORM ledger.check_wall(p_wall);
    IF old.status = 'closed' OR new.status = 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    END IF;
    old := ledger.retire_due(old, p_now, p_wall);
    new := ledger.retire_due(new, p_now, p_wall);
    IF old.held > 0 THEN
        PERFORM ledger.refuse('open_holds', jsonb_build_object('held', old.held));
    END IF;
    old.sequence := old.sequence + 1;
    new.sequence := new.sequence + 1;
    new.repaid := 0;
    points := old.available + old.pending;
    debt := old.debt;
    old := ledger.give_everything(old);
    new := ledger.take_over(new, old);
    pair := ledger.move_debts(old, new);
    old := pair[1];
    new := pair[2];
    repaid := new.repaid;
    INSERT INTO ledger.reference AS n
        (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date, moved_from)
    SELECT new.member_id, r.merchant_id, r.kind, r.merchant_ref,
           CASE r.state WHEN 'barred' THEN 'barred' ELSE 'moved' END, new.sequence,
           new.business_date,
           CASE WHEN r.state <> 'barred' THEN coalesce(r.moved_from, p_member) END
    FROM ledger.reference AS r
    WHERE r.member_id = p_member AND r.state <> 'free' AND r.moved_from IS DISTINCT FROM p_into
    ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO UPDATE
    SET state = excluded.state, sequence = excluded.sequence,
        business_date = excluded.business_date, moved_from = excluded.moved_from
    WHERE n.state = 'free';
    PERFORM ledger.bring_codes(p_member, p_into);
    IF p_kind = 'merge' THEN
        PERFORM ledger.add_campaigns(p_member, p_into);
    ELSE
        INSERT INTO ledger.shared_person (member_id, pool_id, locked, sequence, joined_at)
        VALUES (p_member, p_into, old.status = 'spend_locked', new.sequence, p_now);
    END IF;
    old := ledger.write_entry(old, p_kind, NULL, p_actor,
        ledger.linked(p_kind, 'given', points, new), p_now, points);
    new := ledger.write_entry(new, p_kind, NULL, p_actor,
        ledger.linked(p_kind, 'received', points, old), p_now, points);
    PERFORM ledger.finish_operation(new, NULL, NULL, '{}');
    done := ledger.finish_operation(old, p_claim, NULL, jsonb_build_object(
        'points', points, 'debt', debt, 'taker_sequence', new.sequence, 'repaid', repaid));
    UPDATE ledger.wallet AS w SET status = 'closed', moved_to = p_into
    WHERE w.member_id = p_member;
    RETURN done;
END
$$;

-- A person's wallet joins a shared one: everything moves, and the person's own wallet points there.
CREATE OR REPLACE FUNCTION ledger.join_pool(
    p_member uuid, p_pool uuid, p_now timestamptz, p_wall timestamptz,
    p_claim ledger.claim_facts, p_actor text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    RETURN ledger.move_wallet(p_member, p_pool, p_now, p_wall, p_claim, 'join', p_actor);
END
$$;

-- Two members turn out to be one person: p_member's wallet goes into p_into's, for good.
CREATE OR REPLACE FUNCTION ledger.merge(
    p_member uuid, p_into uuid, p_now timestamptz, p_wall timestamptz,
    p_claim ledger.claim_facts, p_actor text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    RETURN ledger.move_wallet(p_member, p_into, p_now, p_wall, p_claim, 'merge', p_actor);
END
$$;

-- A person leaves a shared wallet with an agreed count of its spendable points, zero too, and has
-- a wallet of their own again. Debts stay with the pool.
CREATE OR REPLACE FUNCTION ledger.leave_pool(
    p_member uuid, p_pool uuid, p_now timestamptz, p_wall timestamptz,
    p_claim ledger.claim_facts, p_points bigint, p_actor text
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    pair ledger.operation[] := ledger.begin_pair(p_member, p_pool, p_claim, p_now);
    person ledger.operation := pair[1];
    pool ledger.operation := pair[2];
    points bigint := coalesce(p_points, 0);
    repaid bigint;
    joined boolean;
    was_locked boolean;
BEGIN
    IF person.replay IS NOT NULL THEN
        RETURN person.replay;
    END IF;
    PERFORM ledger.check_wall(p_wall);
    -- Merged wallets point elsewhere too, but for good; a pool that was merged itself is left where
    -- its points are now.
    SELECT e.kind = 'join' AND w.moved_to IS NOT NULL AND ledger.home_of(p_member) = p_pool
    INTO joined
    FROM ledger.wallet AS w JOIN ledger.entry AS e ON e.member_id = w.member_id
    WHERE w.member_id = p_member AND e.kind IN ('join', 'merge')
    ORDER BY e.sequence DESC LIMIT 1;
    IF joined IS NOT TRUE THEN
        PERFORM ledger.refuse('not_in_pool');
    END IF;
    pool := ledger.retire_due(pool, p_now, p_wall);
    person := ledger.retire_due(person, p_now, p_wall);
    pool.sequence := pool.sequence + 1;
    person.sequence := person.sequence + 1;
    person.repaid := 0;
    IF points <> 0 THEN
        PERFORM ledger.check_count('points', points);
        pool := ledger.give_points(pool, points);
    END IF;
    person := ledger.take_over(person, pool);
    repaid := person.repaid;
    PERFORM ledger.bring_codes(p_pool, p_member);
    -- What the person's purchases and redemptions here were called stays taken where they go.
    INSERT INTO ledger.reference AS n
        (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date, moved_from)
    SELECT p_member, r.merchant_id, r.kind, r.merchant_ref,
           CASE r.state WHEN 'barred' THEN 'barred' ELSE 'moved' END, person.sequence,
           person.business_date, CASE WHEN r.state <> 'barred' THEN p_pool END
    FROM ledger.reference AS r
    JOIN ledger.entry AS e ON e.member_id = p_pool AND e.sequence = r.sequence
                          AND e.business_date = r.business_date
    WHERE r.member_id = p_pool AND r.state IN ('used', 'barred')
      AND ledger.person_in(e.actor) = p_member
    ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO UPDATE
    SET state = excluded.state, sequence = excluded.sequence,
        business_date = excluded.business_date, moved_from = excluded.moved_from
    WHERE n.state = 'free';
    DELETE FROM ledger.shared_person AS s WHERE s.member_id = p_member
    RETURNING s.locked INTO was_locked;
    pool := ledger.write_entry(pool, 'leave', NULL, p_actor,
        ledger.linked('leave', 'given', points, person), p_now, points);
    person := ledger.write_entry(person, 'leave', NULL, p_actor,
        ledger.linked('leave', 'received', points, pool), p_now, points);
    PERFORM ledger.finish_operation(pool, NULL, NULL, '{}');
    UPDATE ledger.wallet AS w
    SET status = CASE WHEN was_locked THEN 'spend_locked' ELSE 'active' END, moved_to = NULL
    WHERE w.member_id = p_member;
    RETURN ledger.finish_operation(person, p_claim, NULL, jsonb_build_object(
        'points', points, 'giver_sequence', pool.sequence, 'repaid', repaid));
END
$$;

-- A person's own switch: their wallet's, or where they share one, theirs alone. Join and leave lock
-- the person's wallet too, so the switch is carried along either before or after.
CREATE OR REPLACE FUNCTION ledger.set_spend_lock(p_member uuid, p_locked boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    own ledger.wallet;
BEGIN
    SELECT w.* INTO own FROM ledger.wallet AS w WHERE w.member_id = p_member FOR NO KEY UPDATE;
    IF own.moved_to IS NULL THEN
        PERFORM ledger.set_wallet_status(
            p_member, CASE WHEN p_locked THEN 'spend_locked' ELSE 'active' END);
        RETURN;
    END IF;
    UPDATE ledger.shared_person AS s SET locked = p_locked WHERE s.member_id = p_member;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('wallet_closed');
    END IF;
END
$$;

-- How much a person may spend of a shared wallet in 30 days, NULL for all of it.
CREATE OR REPLACE FUNCTION ledger.limit_person(p_member uuid, p_pool uuid, p_limit bigint)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    UPDATE ledger.shared_person AS s SET spend_limit = p_limit
    WHERE s.member_id = p_member AND s.pool_id = p_pool;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('not_in_pool');
    END IF;
END
$$;

-- Takes along what later refunds left in a wallet that had moved; NULL where there is nothing.
CREATE OR REPLACE FUNCTION ledger.forward(
    p_member uuid, p_now timestamptz, p_wall timestamptz
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    home uuid := ledger.home_of(p_member);
    pair ledger.operation[];
    old ledger.operation;
    new ledger.operation;
    points bigint;
BEGIN
    PERFORM ledger.check_clock(p_now);
    PERFORM ledger.check_wall(p_wall);
    IF home = p_member THEN
        RETURN NULL;
    END IF;
    pair := ledger.begin_pair(p_member, home, NULL, p_now);
    old := pair[1];
    new := pair[2];
    -- Another move may have come first; the next night looks again.
    IF new.status = 'closed' OR ledger.home_of(p_member) <> home THEN
        RETURN NULL;
    END IF;
    old := ledger.retire_due(old, p_now, p_wall);
    points := old.available + old.pending;
    IF points + old.debt = 0 THEN
        PERFORM ledger.finish_operation(old, NULL, NULL, '{}');
        RETURN NULL;
    END IF;
    new := ledger.retire_due(new, p_now, p_wall);
    old.sequence := old.sequence + 1;
    new.sequence := new.sequence + 1;
    old := ledger.give_everything(old);
    new := ledger.take_over(new, old);
    pair := ledger.move_debts(old, new);
    old := pair[1];
    new := pair[2];
    old := ledger.write_entry(old, 'transfer', NULL, 'system',
        ledger.linked('forward', 'given', points, new), p_now, points);
    new := ledger.write_entry(new, 'transfer', NULL, 'system',
        ledger.linked('forward', 'received', points, old), p_now, points);
    PERFORM ledger.finish_operation(new, NULL, NULL, '{}');
    RETURN ledger.finish_operation(old, NULL, NULL, jsonb_build_object('points', points));
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.join_pool(uuid, uuid, timestamptz, timestamptz, ledger.claim_facts, text),
    ledger.merge(uuid, uuid, timestamptz, timestamptz, ledger.claim_facts, text),
    ledger.leave_pool(uuid, uuid, timestamptz, timestamptz, ledger.claim_facts, bigint, text),
    ledger.forward(uuid, timestamptz, timestamptz),
    ledger.set_spend_lock(uuid, boolean),
    ledger.limit_person(uuid, uuid, bigint),
    ledger.whereabouts_of(uuid),
    ledger.person_in(text),
    ledger.spent_by(uuid, uuid, date)
    TO peyvand_app;
