-- The purchases of 76_earn_in_campaigns.sql set by set: the same rows as ledger.earn_by_steps and
-- ledger.take_from_campaigns write (a test posts random groups both ways and compares them).

-- Reads the purchases as they came and gives each its sequence and the figures that its wallet will
-- show after it. together is whether it may be posted with others: its grants are in the order in
-- which they are priced (the shop's line by line, then what campaigns add to those lines), all start and end
-- on one day, its wallet is plain and where its price knew it; and so are all others of its member.
CREATE OR REPLACE FUNCTION ledger.campaign_items(
    p_merchant uuid, p_members uuid[], p_refs text[], p_effective timestamptz[],
    p_stores uuid[], p_terminals text[], p_receipts text[], p_channels text[],
    p_amounts bigint[], p_bases bigint[], p_currencies text[], p_explanations text[],
    p_kinds ledger.grant_facts[], p_chosen text[], p_parts text[], p_expected bigint[],
    p_wallets ledger.wallet[], p_apart integer[], p_today date, p_now timestamptz
) RETURNS ledger.campaign_item[] LANGUAGE sql
RETURN ARRAY(
    SELECT ROW(
        c.place, c.member_id, c.number + c.nth, c.points, c.active, c.together, c.lots,
        p_merchant, c.merchant_ref, c.active_from, c.expires_on, c.amount, c.base,
        -- What of the base earned nothing is a part of its own.
        CASE WHEN c.together AND coalesce(c.base, c.amount, 0) > c.based
             THEN c.earned || (ARRAY[-1, coalesce(c.base, c.amount) - c.based, 0, 0])[
                 :array_length(c.earned, 2)]
             ELSE c.earned END,
        lead(c.place) OVER so_far IS NULL,
        c.available + ledger.total(CASE WHEN c.active THEN c.points ELSE 0 END) OVER so_far,
        c.pending + ledger.total(CASE WHEN c.active THEN 0 ELSE c.points END) OVER so_far, c.held,
        least(c.due_on, min(CASE WHEN c.active THEN c.expires_on ELSE c.active_from END)
                        OVER so_far),
        c.expected, coalesce(c.effective_at, p_now), c.store_id, c.terminal, c.receipt, c.channel,
        c.currency, coalesce(c.explanation::json, '[]'))::ledger.campaign_item
    FROM (
        SELECT b.*, bool_and(b.plain AND coalesce(b.expected = b.number + b.nth - 1, true))
                        OVER (PARTITION BY b.member_id) AS together
        FROM (
            SELECT i.*, g.earned, l.points, l.based, k.lots, k.active_from, k.expires_on,
                   k.active_from <= p_today AS active, w.sequence AS number, w.available,
                   w.pending, w.held, w.due_on,
                   row_number() OVER (PARTITION BY i.member_id ORDER BY i.place) AS nth,
                   coalesce(l.plain AND k.plain AND i.merchant_ref <> ''
                            AND l.based <= coalesce(i.base, i.amount, l.based)
                            AND i.place <> ALL (p_apart) AND w.status <> 'closed' AND w.debt = 0
                            AND coalesce(w.due_on > p_today, true)
                            AND w.available + w.pending + w.held < 900000000000000000,
                            false) AS plain
            FROM ROWS FROM (
                unnest(p_members), unnest(p_refs), unnest(p_effective), unnest(p_stores),
                unnest(p_terminals), unnest(p_receipts), unnest(p_channels), unnest(p_amounts),
                unnest(p_bases), unnest(p_currencies), unnest(p_explanations), unnest(p_chosen),
                unnest(p_parts), unnest(p_expected)
            ) WITH ORDINALITY AS i (
                member_id, merchant_ref, effective_at, store_id, terminal, receipt, channel,
                amount, base, currency, explanation, chosen, parts, expected, place)
            CROSS JOIN LATERAL (
                SELECT i.parts::bigint[] AS earned, i.chosen::integer[] AS chosen OFFSET 0) AS g
            CROSS JOIN LATERAL (
                SELECT ledger.total(x.points) AS points,
                       ledger.total(CASE WHEN x.line = x.n - 1 THEN x.base ELSE 0 END) AS based,
                       -- A line's own grant is at its place; what is added to it has its base.
                       bool_and(CASE WHEN x.line < x.n - 1
                                     THEN g.earned[x.line::integer + 1][1] = x.line
                                          AND g.earned[x.line::integer + 1][2] = x.base
                                     ELSE x.line = x.n - 1 END
                                AND coalesce(x.lot BETWEEN 0 AND cardinality(g.chosen)
                                             AND (x.lot = 0) = (x.points = 0), true))
                       AND 0 <= ALL (g.earned)
                       AND array_length(g.earned, 2)
                           = CASE WHEN cardinality(g.chosen) > 1 THEN 4 ELSE 3 END
                       AND ledger.total(x.points) BETWEEN 1 AND 100000000000000 AS plain
                FROM (
                    SELECT n, g.earned[n][1] AS line, g.earned[n][2] AS base,
                           g.earned[n][3] AS points, g.earned[n][4] AS lot
                    FROM (SELECT generate_subscripts(g.earned, 1) AS n) AS s
                ) AS x
            ) AS l
            CROSS JOIN LATERAL (
                SELECT array_agg(ROW(f.issuer_id, f.campaign_id, f.terms_id, f.locked_to, f.price,
                                     f.points, NULL, f.active_from, f.expires_on,
                                     NULL)::ledger.grant_facts ORDER BY f.n) AS lots,
                       min(f.active_from) AS active_from, min(f.expires_on) AS expires_on,
                       count(*) = cardinality(g.chosen) AND min(f.points) >= 1
                       AND min(f.active_from) = max(f.active_from)
                       AND min(f.expires_on) = max(f.expires_on)
                       AND min(f.expires_on) > p_today
                       AND bool_and(f.issuer_id <> ALL (ARRAY(
                           SELECT s.issuer_id FROM ledger.suspended_issuer AS s))) AS plain
                FROM (
                    SELECT u.n, t.issuer_id, t.campaign_id, t.terms_id, t.locked_to, t.price,
                           t.active_from, t.expires_on,
                           (SELECT ledger.total(g.earned[m][3])
                            FROM generate_subscripts(g.earned, 1) AS m
                            WHERE coalesce(g.earned[m][4], 1) = u.n) AS points
                    FROM unnest(g.chosen) WITH ORDINALITY AS u (kind, n)
                    JOIN unnest(p_kinds) WITH ORDINALITY AS t ON t.ordinality = u.kind
                ) AS f
            ) AS k
            LEFT JOIN unnest(p_wallets) AS w ON w.member_id = i.member_id
        ) AS b
    ) AS c
    WINDOW so_far AS (PARTITION BY c.member_id ORDER BY c.place ROWS UNBOUNDED PRECEDING)
);

-- The grants of a purchase as the JSON that any grants may come as.
CREATE OR REPLACE FUNCTION ledger.grants_of_lots(
    p_lots ledger.grant_facts[], p_parts bigint[]
) RETURNS jsonb LANGUAGE sql STABLE
RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'issuer_id', l.issuer_id, 'campaign_id', l.campaign_id, 'terms_id', l.terms_id,
        'locked_to', l.locked_to, 'price', l.price, 'active_from', l.active_from,
        'expires_on', l.expires_on, 'line', p_parts[n][1], 'base', p_parts[n][2],
        'points', p_parts[n][3]) ORDER BY n), '[]')
    FROM generate_subscripts(p_parts, 1) AS n
    LEFT JOIN unnest(p_lots) WITH ORDINALITY AS l ON l.ordinality = coalesce(p_parts[n][4], 1));

-- The purchases that want what others before them may take: not all can be told together which of
-- them get something. Those of campaigns that are paused, too.
CREATE OR REPLACE FUNCTION ledger.beyond_budgets(
    p_items ledger.campaign_item[], p_held ledger.held_budget[]
) RETURNS integer[] LANGUAGE sql
RETURN ARRAY(
    SELECT DISTINCT t.place
    FROM (
        SELECT i.place, l.campaign_id,
               ledger.total(l.points) OVER (PARTITION BY l.campaign_id ORDER BY i.place) AS so_far
        FROM unnest(p_items) AS i CROSS JOIN LATERAL unnest(i.lots) AS l
        WHERE l.campaign_id IS NOT NULL
    ) AS t
    WHERE t.campaign_id <> ALL (ARRAY(
              SELECT c.campaign_id FROM ledger.campaign AS c
              WHERE c.running AND c.campaign_id = ANY (
                  ARRAY(SELECT h.campaign_id FROM unnest(p_held) AS h))))
       OR t.so_far > (SELECT h.points FROM unnest(p_held) AS h
                      WHERE h.campaign_id = t.campaign_id)
);

-- The purchases that cannot be posted together after all: whose reference is taken or comes twice, and
-- that would have more of a campaign than the person may.
CREATE OR REPLACE FUNCTION ledger.cannot_together(
    p_items ledger.campaign_item[], p_day date
) RETURNS integer[] LANGUAGE sql
RETURN ARRAY(
    SELECT i.place
    FROM (SELECT t.place, t.member_id, t.merchant_id, t.merchant_ref,
                 row_number() OVER (PARTITION BY t.member_id, t.merchant_ref
                                    ORDER BY t.place) AS nth
          FROM unnest(p_items) AS t) AS i
    WHERE i.nth > 1
       OR (SELECT count(*) > 0 FROM ledger.reference AS r
           WHERE r.member_id = i.member_id AND r.merchant_id = i.merchant_id
             AND r.kind = 'issuance' AND r.merchant_ref = i.merchant_ref)
    UNION
    SELECT t.place
    FROM (SELECT i.place, i.member_id, l.campaign_id,
                 ledger.total(l.points) OVER (PARTITION BY i.member_id, l.campaign_id
                                              ORDER BY i.place) AS so_far
          FROM unnest(p_items) AS i CROSS JOIN LATERAL unnest(i.lots) AS l) AS t
    JOIN ledger.campaign AS c ON c.campaign_id = t.campaign_id
    LEFT JOIN ledger.campaign_person AS p
        ON p.member_id = t.member_id AND p.campaign_id = t.campaign_id
    WHERE coalesce(p.points, 0) + t.so_far > c.person_cap
       OR CASE WHEN p.day = p_day THEN p.day_points ELSE 0 END + t.so_far > c.day_cap
);

-- What is left in the slices that are held, as stretches: each ends where the next one begins.
CREATE OR REPLACE FUNCTION ledger.held_stretches(p_held ledger.held_budget[])
RETURNS TABLE (campaign_id uuid, slice integer, points bigint, until bigint) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.campaign_id, s.slice, s.budget - s.taken,
           ledger.total(s.budget - s.taken) OVER (
               PARTITION BY s.campaign_id ORDER BY array_position(h.slices, s.slice))
    FROM unnest(p_held) AS h
    JOIN ledger.campaign_slice AS s
        ON s.campaign_id = h.campaign_id AND s.slice = ANY (h.slices) AND s.taken < s.budget;
END;

-- Takes what purchases have of campaigns out of the slices that are held, in the purchases' order, and
-- counts it for the persons. They hold enough (beyond_budgets). PV004 where a person would have more
-- than it may.
CREATE OR REPLACE FUNCTION ledger.take_together(
    p_items ledger.campaign_item[], p_held ledger.held_budget[], p_day date
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    had record;
    known ledger.campaign;
BEGIN
    IF EXISTS (
        SELECT FROM unnest(p_items) AS i CROSS JOIN LATERAL unnest(i.lots) AS l
        WHERE l.campaign_id IS NOT NULL GROUP BY l.campaign_id
        HAVING ledger.total(l.points) > coalesce(
            (SELECT h.points FROM unnest(p_held) AS h WHERE h.campaign_id = l.campaign_id), 0))
    THEN
        RAISE EXCEPTION 'campaigns are to give more than is held' USING ERRCODE = 'PV003';
    END IF;
    FOR had IN
        INSERT INTO ledger.campaign_person AS p
            (member_id, campaign_id, points, day, day_points)
        SELECT i.member_id, l.campaign_id, ledger.total(l.points), p_day, ledger.total(l.points)
        FROM unnest(p_items) AS i CROSS JOIN LATERAL unnest(i.lots) AS l
        WHERE l.campaign_id IS NOT NULL
        GROUP BY l.campaign_id, i.member_id ORDER BY l.campaign_id
        ON CONFLICT (member_id, campaign_id) DO UPDATE
        SET points = p.points + excluded.points, day = excluded.day,
            day_points = excluded.day_points
                + CASE WHEN p.day = excluded.day THEN p.day_points ELSE 0 END,
            brought_day = CASE WHEN p.day = excluded.day THEN p.brought_day ELSE 0 END
        RETURNING p.campaign_id, p.points, p.day_points
    LOOP
        IF known.campaign_id IS DISTINCT FROM had.campaign_id THEN
            SELECT c.* INTO known FROM ledger.campaign AS c
            WHERE c.campaign_id = had.campaign_id;
        END IF;
        IF had.points > known.person_cap OR had.day_points > known.day_cap THEN
            RAISE EXCEPTION 'a person would have more than it may' USING ERRCODE = 'PV004';
        END IF;
    END LOOP;

    -- Purchases and slices as stretches of one budget: a purchase takes of the slices that it covers.
    INSERT INTO ledger.campaign_taking
        (member_id, sequence, campaign_id, slice, business_date, points)
    SELECT t.member_id, t.sequence, t.campaign_id, s.slice, p_day,
           least(t.until, s.until) - greatest(t.until - t.points, s.until - s.points)
    FROM (
        SELECT i.member_id, i.sequence, l.campaign_id, ledger.total(l.points) AS points,
               ledger.total(ledger.total(l.points)) OVER (
                   PARTITION BY l.campaign_id ORDER BY i.place) AS until
        FROM unnest(p_items) AS i CROSS JOIN LATERAL unnest(i.lots) AS l
        WHERE l.campaign_id IS NOT NULL
        GROUP BY i.place, i.member_id, i.sequence, l.campaign_id
    ) AS t
    JOIN ledger.held_stretches(p_held) AS s ON s.campaign_id = t.campaign_id
          AND t.until - t.points < s.until AND s.until - s.points < t.until;
    UPDATE ledger.campaign_slice AS s
    SET taken = s.taken + least(h.until, w.points) - (h.until - h.points)
    FROM ledger.held_stretches(p_held) AS h
    JOIN (
        SELECT l.campaign_id, ledger.total(l.points) AS points
        FROM unnest(p_items) AS i CROSS JOIN LATERAL unnest(i.lots) AS l
        WHERE l.campaign_id IS NOT NULL GROUP BY l.campaign_id
    ) AS w ON w.campaign_id = h.campaign_id AND h.until - h.points < w.points
    WHERE s.campaign_id = h.campaign_id AND s.slice = h.slice;
END
$$;

-- Posts purchases together. PV004 where a reference of one is taken (twice in the batch, or by an
-- earlier call), or a person would have more of a campaign than it may: the caller then takes all of
-- it back. One event tells of all of them.
CREATE OR REPLACE FUNCTION ledger.post_in_campaigns(
    p_items ledger.campaign_item[], p_held ledger.held_budget[], p_day date, p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    claimed bigint;
BEGIN
    INSERT INTO ledger.reference
        (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
    SELECT i.member_id, i.merchant_id, 'issuance', i.merchant_ref, 'used', i.sequence, p_day
    FROM unnest(p_items) AS i
    ON CONFLICT (member_id, merchant_id, kind, merchant_ref) DO NOTHING;
    GET DIAGNOSTICS claimed = ROW_COUNT;
    IF claimed < cardinality(p_items) THEN
        RAISE EXCEPTION 'not all of the batch can be posted together' USING ERRCODE = 'PV004';
    END IF;
    PERFORM ledger.take_together(p_items, p_held, p_day);

    INSERT INTO ledger.lot
        (member_id, lot_id, issuer_id, campaign_id, terms_id, locked_to, price, active,
         active_from, expires_on, made_on, granted, remaining)
    SELECT i.member_id, i.sequence * 1000000 + l.place, l.issuer_id, l.campaign_id, l.terms_id,
           l.locked_to, l.price, i.active, l.active_from, l.expires_on, p_day, l.points, l.points
    FROM unnest(p_items) AS i
    CROSS JOIN LATERAL unnest(i.lots) WITH ORDINALITY AS l (
        issuer_id, campaign_id, terms_id, locked_to, price, points, base, active_from, expires_on,
        line, place);
    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref,
         receipt, channel, amount, base, currency, effective_at, recorded_at, actor, explanation,
         earned, digest)
    SELECT i.member_id, i.sequence, p_day, 'issuance', i.merchant_id, i.store_id, i.terminal,
           i.merchant_ref, i.receipt, i.channel, i.amount, i.base, i.currency, i.effective_at,
           p_now, 'merchant:' || i.merchant_id, i.explanation, i.earned,
           sha256(convert_to(
               ledger.entry_form(
                   i.member_id, i.sequence, p_day, 'issuance', i.merchant_id, i.store_id,
                   i.terminal, i.merchant_ref, i.receipt, i.channel, i.amount, i.base, i.currency,
                   NULL, NULL, i.effective_at, p_now, 'merchant:' || i.merchant_id, i.explanation,
                   i.earned)
               || f.movements || f.lots,
               'UTF8'))
    FROM unnest(p_items) AS i
    CROSS JOIN LATERAL (
        SELECT string_agg(ledger.stored_form(
                   l.place::integer, 'issuance', ledger.account_of(i.active), l.issuer_id, NULL,
                   i.sequence * 1000000 + l.place, NULL, l.terms_id, NULL, l.points),
                   '' ORDER BY l.place) AS movements,
               string_agg(ledger.lot_form(
                   i.sequence * 1000000 + l.place, NULL, l.campaign_id, l.locked_to, l.price,
                   l.active_from, l.expires_on), '' ORDER BY l.place) AS lots
        FROM unnest(i.lots) WITH ORDINALITY AS l (
            issuer_id, campaign_id, terms_id, locked_to, price, points, base, active_from,
            expires_on, line, place)
    ) AS f;
    INSERT INTO ledger.movement
        (member_id, sequence, line, business_date, source, target, issuer_id, lot_id, terms_id,
         points)
    SELECT i.member_id, i.sequence, l.place, p_day, 'issuance', ledger.account_of(i.active),
           l.issuer_id, i.sequence * 1000000 + l.place, l.terms_id, l.points
    FROM unnest(p_items) AS i
    CROSS JOIN LATERAL unnest(i.lots) WITH ORDINALITY AS l (
        issuer_id, campaign_id, terms_id, locked_to, price, points, base, active_from, expires_on,
        line, place);
    INSERT INTO network.outbox (topic, merchant_id, payload)
    SELECT 'ledger.issuances', i.merchant_id, jsonb_build_object(
        'members', array_agg(i.member_id)::text, 'sequences', array_agg(i.sequence)::text,
        'points', array_agg(i.points)::text)
    FROM unnest(p_items) AS i GROUP BY i.merchant_id;
    UPDATE ledger.wallet AS w
    SET available = i.available, pending = i.pending, sequence = i.sequence, due_on = i.due_on
    FROM unnest(p_items) AS i WHERE w.member_id = i.member_id AND i.last;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
