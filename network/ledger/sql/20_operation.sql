-- The frame of every operation: begin (lock, then read), claim a reference, write the entry,
-- finish. Private: only the functions of the files that follow call these.
--
-- Order of locks, everywhere: the wallet, the idempotency key, slices of campaigns
-- (47_campaigns.sql). Only 76_earn_in_campaigns.sql holds slices before it posts; it may, because its
-- purchases carry no key. Lots, references and codes are the member's own, so the wallet's lock covers
-- them; the open day is read, never locked. A retry waits for the same wallet and finds the first
-- call's result in begin. A call with that key for another member meets the key's primary key, and
-- whoever has the key waits for no wallet. Here the key is written in finish, with its result,
-- which saves a write; plain earns and redemptions (50_earn.sql, 60_redeem.sql) know their result
-- at once and write it after the day. After 30 days the key is forgotten (86_forget.sql); the
-- merchant's reference is not.

-- Whether callers may name any moment. A function of its own where an expression asks for it: a query
-- within would keep PL/pgSQL from reckoning the expression by itself.
CREATE OR REPLACE FUNCTION ledger.clock_is_artificial() RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM network.installation AS i WHERE i.simulated OR i.artificial_clock);
END
$$;

-- Refuses a moment that is none, more than five minutes ahead of the server's own clock, or further
-- behind it than p_behind. Only the owner declares an installation's clock artificial.
CREATE OR REPLACE FUNCTION ledger.check_moment(p_moment timestamptz, p_behind interval)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    server timestamptz := clock_timestamp();
BEGIN
    IF p_moment IS NULL THEN
        RAISE EXCEPTION 'clock_missing' USING ERRCODE = 'PV003';
    ELSIF p_moment NOT BETWEEN server - p_behind AND server + interval '5 minutes'
        AND NOT EXISTS (SELECT FROM network.installation AS i
                        WHERE i.simulated OR i.artificial_clock)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'PV003',
            MESSAGE = CASE WHEN p_moment > server THEN 'clock_ahead' ELSE 'clock_behind' END,
            DETAIL = json_build_object('now', p_moment, 'server', server)::text;
    END IF;
    RETURN true;
END
$$;

-- True, or refuses what a caller says the time is (p_now): ahead, it would end days and lots that have
-- not ended. What is behind ends nothing too late, since the open day counts, but it is written down and
-- is the day of terms: a night reads its clock once and may work for hours; a clock a day behind is none.
CREATE OR REPLACE FUNCTION ledger.check_clock(p_now timestamptz) RETURNS boolean
LANGUAGE sql
RETURN ledger.check_moment(p_now, interval '12 hours');

-- The same for the time by which holds and codes end (p_wall). They live for minutes, so nothing but the
-- caller says that they have ended, and it is right within minutes both ways.
CREATE OR REPLACE FUNCTION ledger.check_wall(p_wall timestamptz) RETURNS boolean
LANGUAGE sql
RETURN ledger.check_moment(p_wall, interval '5 minutes');

-- The moment by which whoever ends days, or lots of everybody, may go: the caller's, but never one that
-- the server's own clock has not reached, not even within what a clock may be wrong by.
CREATE OR REPLACE FUNCTION ledger.moment_reached(p_now timestamptz) RETURNS timestamptz
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger.check_clock(p_now);
    RETURN CASE WHEN EXISTS (SELECT FROM network.installation AS i
                             WHERE i.simulated OR i.artificial_clock)
                THEN p_now ELSE least(p_now, clock_timestamp()) END;
END
$$;

-- Locks the wallet; then, in a later statement and so with a newer snapshot, reads the open day
-- and what the key stands for. op.replay is set where the same request was answered before.
CREATE OR REPLACE FUNCTION ledger.begin_operation(
    p_member uuid, p_claim ledger.claim_facts, p_now timestamptz
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    op ledger.operation;
    known boolean;
    prior record;
BEGIN
    -- A snapshot older than the lock would see yesterday's day and lots. In READ COMMITTED each
    -- statement of a VOLATILE function takes its own, so none of these may become STABLE.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the ledger posts in READ COMMITTED only' USING ERRCODE = 'PV003';
    ELSIF (p_now BETWEEN clock_timestamp() - interval '12 hours'
                     AND clock_timestamp() + interval '5 minutes') IS NOT TRUE THEN
        PERFORM ledger.check_clock(p_now);
    END IF;
    SELECT w.member_id, w.available, w.pending, w.held, w.debt, w.sequence, w.status, w.due_on
    INTO op.member_id, op.available, op.pending, op.held, op.debt, op.sequence, op.status,
         op.due_on
    FROM ledger.wallet AS w WHERE w.member_id = p_member FOR NO KEY UPDATE;
    known := FOUND;

    SELECT d.business_date, i.member_id, i.fingerprint, i.sequence, i.business_date AS posted_on,
           i.result
    INTO prior
    FROM ledger.business_day AS d
    LEFT JOIN ledger.idempotency AS i ON i.client_id = p_claim.client_id AND i.key = p_claim.key
    WHERE d.flipped_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no business day is open: open_first_day has not run'
            USING ERRCODE = 'PV003';
    END IF;
    op.business_date := prior.business_date;
    op.today := greatest(op.business_date, ledger.programme_date(p_now));
    IF prior.member_id IS NOT NULL THEN
        IF prior.fingerprint IS DISTINCT FROM p_claim.fingerprint THEN
            PERFORM ledger.refuse_conflict();
        ELSIF prior.member_id <> p_member THEN
            op.replay := ledger.replay_moved(p_member, prior.member_id, prior.sequence,
                                             prior.posted_on, prior.result);
        ELSE
            op.replay := ROW(prior.sequence, prior.posted_on, true, prior.result);
        END IF;
    END IF;
    IF NOT known THEN
        PERFORM ledger.refuse('unknown_wallet');
    END IF;
    op.lots := 0;
    op.repaid := 0;
    op.moves := '{}';
    RETURN op;
END
$$;

-- Begins for a person whose points may be elsewhere by now (p_person; where it is NULL, for the
-- wallet itself): in a wallet shared with others, which the person is then named in, or in that of
-- the member they were merged into. Where the points are is read before the lock and again after it,
-- because a join or a leave may have come first: then the caller asks again (wallet_moved). A call
-- that waited for a person's wallet while they joined holds it on; a shared wallet's id is above
-- every person's (network.ids), so even then locks are taken in their order.
CREATE OR REPLACE FUNCTION ledger.begin_for(
    p_member uuid, p_person uuid, p_claim ledger.claim_facts, p_now timestamptz
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    place ledger.whereabouts;
    op ledger.operation;
BEGIN
    IF p_person IS NULL THEN
        RETURN ledger.begin_operation(p_member, p_claim, p_now);
    END IF;
    place := ledger.whereabouts_of(p_person);
    op := ledger.begin_operation(place.home, p_claim, p_now);
    IF op.replay IS NOT NULL THEN
        IF place.home <> p_person THEN
            op.replay.result := jsonb_build_object('member_id', place.home)
                || (op.replay).result::jsonb;
        END IF;
    ELSIF (place.home <> p_person OR op.status = 'closed')
        AND ledger.whereabouts_of(p_person) IS DISTINCT FROM place
    THEN
        PERFORM ledger.refuse('wallet_moved');
    END IF;
    op.person_id := nullif(place.person, place.home);
    RETURN op;
END
$$;

-- What an answer says of the wallet that was posted to, where that is not the one asked for.
CREATE OR REPLACE FUNCTION ledger.posted_to(op ledger.operation, p_asked uuid) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN (op).member_id <> p_asked
            THEN jsonb_build_object('member_id', (op).member_id) ELSE '{}' END;

-- The person whom an entry's actor names beside the merchant, NULL where it names none.
CREATE OR REPLACE FUNCTION ledger.person_in(p_actor text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(p_actor FROM '^merchant:[0-9a-f-]{36} member:([0-9a-f-]{36})$')::uuid;

-- The answer to a key that another wallet used: a conflict, unless that wallet has since moved into
-- this one, or was shared by whoever asks again now from here; then the result says whose entry it
-- names.
CREATE OR REPLACE FUNCTION ledger.replay_moved(
    p_member uuid, p_prior uuid, p_sequence bigint, p_business_date date, p_result json
) RETURNS ledger.posted LANGUAGE plpgsql AS $$
DECLARE
    home uuid;
BEGIN
    IF ledger.home_of(p_prior) <> p_member THEN
        SELECT ledger.home_of(ledger.person_in(e.actor)) INTO home FROM ledger.entry AS e
        WHERE e.member_id = p_prior AND e.sequence = p_sequence
          AND e.business_date = p_business_date;
        IF home IS DISTINCT FROM p_member THEN
            PERFORM ledger.refuse_conflict();
        END IF;
    END IF;
    RETURN ROW(p_sequence, p_business_date, true,
               (p_result::jsonb || jsonb_build_object('member_id', p_prior))::json)::ledger.posted;
END
$$;

CREATE OR REPLACE FUNCTION ledger.refuse_conflict() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'PV002', MESSAGE = 'idempotency_conflict', DETAIL = '{}';
END
$$;

-- Takes a merchant's reference for the entry op.sequence; refuses one in use or barred.
CREATE OR REPLACE FUNCTION ledger.claim_reference(
    op ledger.operation, p_merchant uuid, p_kind text, p_ref text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_state text;
    found_sequence bigint;
    owner uuid;
BEGIN
    INSERT INTO ledger.reference
        (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
    VALUES (op.member_id, p_merchant, p_kind, p_ref, 'used', op.sequence, op.business_date)
    ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO NOTHING;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT r.state, r.sequence, coalesce(r.moved_from, op.member_id)
    INTO found_state, found_sequence, owner FROM ledger.reference AS r
    WHERE r.member_id = op.member_id AND r.merchant_id = p_merchant AND r.kind = p_kind
      AND r.merchant_ref = p_ref;
    IF found_state = 'free' THEN
        UPDATE ledger.reference AS r
        SET state = 'used', sequence = op.sequence, business_date = op.business_date
        WHERE r.member_id = op.member_id AND r.merchant_id = p_merchant AND r.kind = p_kind
          AND r.merchant_ref = p_ref;
    ELSIF found_state = 'barred' THEN
        PERFORM ledger.refuse('reference_barred', jsonb_build_object('merchant_ref', p_ref));
    ELSE
        -- Where it came along with a wallet, the entry is still that wallet's.
        IF found_state = 'moved' THEN
            SELECT r.sequence INTO found_sequence FROM ledger.reference AS r
            WHERE r.member_id = owner AND r.merchant_id = p_merchant AND r.kind = p_kind
              AND r.merchant_ref = p_ref;
        END IF;
        PERFORM ledger.refuse('duplicate_reference', jsonb_build_object(
            'merchant_ref', p_ref, 'sequence', found_sequence, 'member_id', owner));
    END IF;
END
$$;

-- Writes the entry op.sequence with its movements, its digest (which covers the lots it made) and its outbox row, and moves op's
-- figures by them. What a merchant asks of a shared wallet names, after p_actor, the person too: who
-- is there now, or who was when it began.
CREATE OR REPLACE FUNCTION ledger.write_entry(
    op ledger.operation, p_kind text, p_event ledger.event_facts, p_actor text,
    p_explanation json, p_now timestamptz, p_points bigint,
    p_original bigint DEFAULT NULL, p_original_date date DEFAULT NULL, p_earned bigint[] DEFAULT NULL
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    m ledger.step;
    line integer := 0;
    forms text := '';
    effective timestamptz := coalesce(p_event.effective_at, p_now);
    explanation json := coalesce(p_explanation, '[]');
    actor text := p_actor;
    person uuid := op.person_id;
    ref text := nullif(p_event.merchant_ref, '');
BEGIN
    IF p_event.merchant_id IS NOT NULL AND person IS NULL AND p_original IS NOT NULL THEN
        SELECT ledger.person_in(e.actor) INTO person FROM ledger.entry AS e
        WHERE e.member_id = op.member_id AND e.sequence = p_original
          AND e.business_date = p_original_date;
    END IF;
    IF p_event.merchant_id IS NOT NULL AND person IS NOT NULL THEN
        actor := p_actor || ' member:' || person;
    END IF;
    FOREACH m IN ARRAY op.moves LOOP
        line := line + 1;
        forms := forms || ledger.movement_form(
            line, m.source, m.target, m.issuer_id, m.acceptor_id, m.lot_id, m.target_lot_id,
            m.terms_id, m.priced_on, m.points);
        CASE m.source
            WHEN 'available' THEN op.available := op.available - m.points;
            WHEN 'pending' THEN op.pending := op.pending - m.points;
            WHEN 'held' THEN op.held := op.held - m.points;
            WHEN 'debt' THEN op.debt := op.debt + m.points;
            ELSE NULL;
        END CASE;
        CASE m.target
            WHEN 'available' THEN op.available := op.available + m.points;
            WHEN 'pending' THEN op.pending := op.pending + m.points;
            WHEN 'held' THEN op.held := op.held + m.points;
            WHEN 'debt' THEN op.debt := op.debt - m.points;
            ELSE NULL;
        END CASE;
    END LOOP;
    IF op.lots > 0 THEN
        forms := forms || ledger.made_lots(op.member_id, op.sequence);
    END IF;
    IF op.available + op.pending + op.held + op.debt > 1000000000000000000 THEN
        PERFORM ledger.refuse('points_out_of_range', jsonb_build_object(
            'field', 'balance', 'most', 1000000000000000000));
    END IF;

    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref,
         receipt, channel, amount, base, currency, original_sequence, original_date, effective_at,
         recorded_at, actor, explanation, earned, digest)
    VALUES
        (op.member_id, op.sequence, op.business_date, p_kind, p_event.merchant_id,
         p_event.store_id, p_event.terminal, ref, p_event.receipt, p_event.channel,
         p_event.amount, p_event.base, p_event.currency, p_original, p_original_date, effective,
         p_now, actor, explanation, p_earned,
         sha256(convert_to(ledger.entry_form(
            op.member_id, op.sequence, op.business_date, p_kind, p_event.merchant_id,
            p_event.store_id, p_event.terminal, ref, p_event.receipt, p_event.channel,
            p_event.amount, p_event.base, p_event.currency, p_original, p_original_date,
            effective, p_now, actor, explanation, p_earned) || forms, 'UTF8')));

    IF line > 0 THEN
        INSERT INTO ledger.movement
            (member_id, sequence, line, business_date, source, target, issuer_id, acceptor_id,
             lot_id, target_lot_id, terms_id, priced_on, points)
        SELECT op.member_id, op.sequence, moved.place, op.business_date, moved.source,
               moved.target, moved.issuer_id, moved.acceptor_id, moved.lot_id,
               moved.target_lot_id, moved.terms_id, moved.priced_on, moved.points
        FROM unnest(op.moves) WITH ORDINALITY AS moved
                 (source, target, issuer_id, acceptor_id, lot_id, target_lot_id, terms_id,
                  priced_on, points, place);
    END IF;

    INSERT INTO network.outbox (topic, member_id, merchant_id, sequence, points)
    VALUES ('ledger.' || p_kind, op.member_id, p_event.merchant_id, op.sequence, p_points);
    op.moves := '{}';
    op.lots := 0;
    RETURN op;
END
$$;

-- Keeps the signed request, stores the wallet and, last, the key with its result.
CREATE OR REPLACE FUNCTION ledger.finish_operation(
    op ledger.operation, p_claim ledger.claim_facts, p_evidence ledger.evidence_facts,
    p_result jsonb
) RETURNS ledger.posted LANGUAGE plpgsql AS $$
DECLARE
    result json := p_result || jsonb_build_object('balance', jsonb_build_object(
        'available', op.available, 'pending', op.pending, 'held', op.held, 'debt', op.debt));
BEGIN
    IF p_evidence.key_id IS NOT NULL THEN
        INSERT INTO ledger.evidence
            (member_id, sequence, business_date, key_id, signature_base, signature, body)
        VALUES (op.member_id, op.sequence, op.business_date, p_evidence.key_id,
                p_evidence.signature_base, p_evidence.signature, p_evidence.body);
    END IF;
    UPDATE ledger.wallet AS w
    SET available = op.available, pending = op.pending, held = op.held, debt = op.debt,
        sequence = op.sequence, due_on = op.due_on
    WHERE w.member_id = op.member_id;
    IF p_claim.key IS NOT NULL THEN
        INSERT INTO ledger.idempotency
            (client_id, key, member_id, fingerprint, sequence, business_date, result)
        VALUES (p_claim.client_id, p_claim.key, op.member_id, p_claim.fingerprint, op.sequence,
                op.business_date, result)
        ON CONFLICT (client_id, key) DO NOTHING;
        IF NOT FOUND THEN
            PERFORM ledger.refuse_conflict();
        END IF;
    END IF;
    RETURN ROW(op.sequence, op.business_date, false, result)::ledger.posted;
END
$$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
