-- The night's expiry and activation, set by set: up to p_limit wallets whose due day has come, the
-- longest due first, locked in one statement in the order of member_id. The entries are those that
-- mature_lots would write one wallet at a time; wallets with a debt go that way, because what
-- becomes available there repays it. Returns how many wallets were due: zero says all is done, so
-- a run that was killed and begun again comes to the same total. Nothing is due before the server's
-- own clock says so.
CREATE OR REPLACE FUNCTION ledger.expire_due(p_now timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    calendar date := ledger.programme_date(ledger.moment_reached(p_now));
    guess date;
    day date;
    today date;
    due ledger.wallet[];
    plain uuid[];
    w ledger.wallet;
    op ledger.operation;
    before bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the ledger posts in READ COMMITTED only' USING ERRCODE = 'PV003';
    ELSIF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'a batch has 1 to 1,000 wallets' USING ERRCODE = 'PV003';
    END IF;
    SELECT greatest(d.business_date, calendar) INTO guess
    FROM ledger.business_day AS d WHERE d.flipped_at IS NULL;
    due := ARRAY(
        SELECT t FROM ledger.wallet AS t
        WHERE t.member_id = ANY (ARRAY(SELECT c.member_id FROM ledger.wallet AS c
                                       WHERE c.due_on <= guess ORDER BY c.due_on LIMIT p_limit))
          AND t.due_on <= guess
        ORDER BY t.member_id FOR NO KEY UPDATE);
    SELECT d.business_date INTO STRICT day FROM ledger.business_day AS d
    WHERE d.flipped_at IS NULL;
    today := greatest(day, calendar);

    FOREACH w IN ARRAY due LOOP
        IF w.debt > 0 THEN
            op := ledger.begin_operation(w.member_id, NULL, p_now);
            op.business_date := day;
            op.today := today;
            op := ledger.mature_lots(op, p_now);
            PERFORM ledger.finish_operation(op, NULL, NULL, '{}');
        END IF;
    END LOOP;
    plain := ARRAY(SELECT t.member_id FROM unnest(due) AS t WHERE t.debt = 0);
    PERFORM ledger.mature_together(plain, 'expiry', day, today, p_now);
    PERFORM ledger.mature_together(plain, 'activation', day, today, p_now);
    -- due_on is a lower bound: wallets without a due lot learn their next day here too.
    UPDATE ledger.wallet AS t
    SET due_on = (SELECT min(CASE WHEN l.active THEN l.expires_on ELSE l.active_from END)
                  FROM ledger.lot AS l WHERE l.member_id = t.member_id AND l.open)
    WHERE t.member_id = ANY (plain);
    RETURN cardinality(due);
END
$$;

-- Retires (expiry) or activates the due lots of locked wallets without debt: one entry per wallet,
-- its lines in taking order.
CREATE OR REPLACE FUNCTION ledger.mature_together(
    p_members uuid[], p_kind text, p_day date, p_today date, p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ends boolean := p_kind = 'expiry';
    lots ledger.lot[];
BEGIN
    lots := ARRAY(
        SELECT l FROM ledger.lot AS l
        WHERE l.member_id = ANY (p_members) AND l.open
          AND CASE WHEN ends THEN l.expires_on <= p_today
                   ELSE NOT l.active AND l.active_from <= p_today AND l.expires_on > p_today END
        ORDER BY l.member_id, l.expires_on, l.lot_id);
    IF cardinality(lots) = 0 THEN
        RETURN;
    END IF;

    IF ends THEN
        UPDATE ledger.lot AS l
        SET remaining = 0, expired = l.expired + l.remaining, open = false
        FROM unnest(lots) AS t WHERE l.member_id = t.member_id AND l.lot_id = t.lot_id;
    ELSE
        UPDATE ledger.lot AS l SET active = true
        FROM unnest(lots) AS t WHERE l.member_id = t.member_id AND l.lot_id = t.lot_id;
    END IF;
    UPDATE ledger.wallet AS w
    SET sequence = w.sequence + 1,
        available = w.available + CASE WHEN ends THEN -m.active ELSE m.pending END,
        pending = w.pending - m.pending
    FROM (SELECT t.member_id,
                 coalesce(sum(t.remaining) FILTER (WHERE t.active), 0)::bigint AS active,
                 coalesce(sum(t.remaining) FILTER (WHERE NOT t.active), 0)::bigint AS pending
          FROM unnest(lots) AS t GROUP BY t.member_id) AS m
    WHERE w.member_id = m.member_id;

    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, effective_at, recorded_at, actor, explanation,
         digest)
    SELECT m.member_id, m.sequence, p_day, p_kind, p_now, p_now, 'system', '[]',
           sha256(convert_to(
               ledger.entry_form(
                   m.member_id, m.sequence, p_day, p_kind, NULL, NULL, NULL, NULL, NULL, NULL,
                   NULL, NULL, NULL, NULL, NULL, p_now, p_now, 'system', '[]')
               || m.forms, 'UTF8'))
    FROM (
        SELECT t.member_id, t.sequence, string_agg(
            ledger.movement_form(t.place::integer, t.source, t.target, t.issuer_id, NULL, t.lot_id,
                NULL, t.terms_id, NULL, t.remaining), '' ORDER BY t.place) AS forms
        FROM ledger.matured(lots, ends) AS t GROUP BY t.member_id, t.sequence
    ) AS m;
    INSERT INTO ledger.movement
        (member_id, sequence, line, business_date, source, target, issuer_id, lot_id, terms_id,
         points)
    SELECT t.member_id, t.sequence, t.place, p_day, t.source, t.target, t.issuer_id, t.lot_id,
           t.terms_id, t.remaining
    FROM ledger.matured(lots, ends) AS t;
    INSERT INTO network.outbox (topic, member_id, sequence, points)
    SELECT 'ledger.' || p_kind, t.member_id, t.sequence, sum(t.remaining)
    FROM ledger.matured(lots, ends) AS t GROUP BY t.member_id, t.sequence;
END
$$;

-- The lots of mature_together with the places they have in their wallets' newest entries.
CREATE OR REPLACE FUNCTION ledger.matured(p_lots ledger.lot[], p_ends boolean)
RETURNS TABLE (
    member_id uuid, sequence bigint, place bigint, source ledger.account,
    target ledger.account, issuer_id uuid,
    lot_id bigint, terms_id uuid, remaining bigint
) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT t.member_id,
           (SELECT w.sequence FROM ledger.wallet AS w WHERE w.member_id = t.member_id),
           row_number() OVER (PARTITION BY t.member_id ORDER BY t.expires_on, t.lot_id),
           ledger.account_of(t.active),
           CASE WHEN p_ends THEN 'expiry'::ledger.account ELSE 'available' END,
           t.issuer_id, t.lot_id, t.terms_id, t.remaining
    FROM unnest(p_lots) AS t;
END;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.expire_due(timestamptz, integer) TO peyvand_app;
