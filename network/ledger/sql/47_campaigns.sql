-- Campaigns' budgets: opening one, and taking from it as the last part of an earn.
--
-- A slice is locked after everything else that a purchase locks (its wallet, then its key), and
-- whoever waits for a slice holds no later one: a purchase goes through its campaigns in the order
-- of their ids; within one it first takes what is free without waiting, and gives all of that back
-- before it waits, which it then does in the order of slices. So nobody waits in a circle.

-- Makes a campaign's budget, spread evenly over its slices. Once: a budget never changes.
CREATE OR REPLACE FUNCTION ledger.open_campaign(
    p_campaign uuid, p_budget bigint, p_slices integer, p_person_cap bigint, p_day_cap bigint
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    INSERT INTO ledger.campaign (campaign_id, running, budget, slices, person_cap, day_cap)
    VALUES (p_campaign, true, p_budget, p_slices, p_person_cap, p_day_cap);
    INSERT INTO ledger.campaign_slice (campaign_id, slice, budget)
    SELECT p_campaign, n, p_budget / p_slices + CASE WHEN n < p_budget % p_slices THEN 1 ELSE 0 END
    FROM generate_series(0, p_slices - 1) AS n;
END
$$;

-- Pauses a campaign, or lets it run on; what is posted from then on sees it.
CREATE OR REPLACE FUNCTION ledger.run_campaign(p_campaign uuid, p_running boolean)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    UPDATE ledger.campaign AS c SET running = p_running WHERE c.campaign_id = p_campaign;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no campaign % was opened', p_campaign USING ERRCODE = 'PV003';
    END IF;
END
$$;

-- Locks a wallet until the transaction ends, so that a purchase can be priced with a history that
-- does not move (after pricing without the lock turned stale too often). Of a person who shares a
-- wallet, that one.
CREATE OR REPLACE FUNCTION ledger.lock_wallet(p_member uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    found_sequence bigint;
BEGIN
    SELECT w.sequence INTO found_sequence FROM ledger.wallet AS w
    WHERE w.member_id = ledger.home_of(p_member) FOR NO KEY UPDATE;
    RETURN found_sequence;
END
$$;

-- Refuses a price that was reckoned from another history than the wallet has now.
CREATE OR REPLACE FUNCTION ledger.check_history(op ledger.operation, p_takings jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (p_takings ->> 'sequence')::bigint <> op.sequence THEN
        PERFORM ledger.refuse('stale', jsonb_build_object('sequence', op.sequence));
    END IF;
END
$$;

-- Takes what a purchase's grants have of campaigns out of their budgets, and counts it for the
-- person, who is one in a shared wallet too. Refuses with campaign_paused, campaign_exhausted (less
-- than p_takings wants is left of it) or stale (the person has had more of it than the price knew);
-- each names the campaign.
CREATE OR REPLACE FUNCTION ledger.take_from_campaigns(
    op ledger.operation, p_takings jsonb, p_grants jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wanted record;
    known ledger.campaign;
    so_far ledger.campaign_person;
    person uuid := coalesce(op.person_id, op.member_id);
BEGIN
    FOR wanted IN
        SELECT coalesce(t.campaign_id, g.campaign_id) AS campaign_id, t.points, g.granted
        FROM (SELECT x.campaign_id, sum(x.points)::bigint AS points
              FROM jsonb_to_recordset(p_takings -> 'campaigns') AS x (
                  campaign_id uuid, points bigint)
              GROUP BY x.campaign_id) AS t
        FULL JOIN (SELECT x.campaign_id, sum(x.points)::bigint AS granted
                   FROM jsonb_to_recordset(p_grants) AS x (campaign_id uuid, points bigint)
                   WHERE x.campaign_id IS NOT NULL AND x.points <> 0
                   GROUP BY x.campaign_id) AS g USING (campaign_id)
        ORDER BY 1
    LOOP
        IF wanted.points IS DISTINCT FROM wanted.granted THEN
            RAISE EXCEPTION 'campaign % is to give %, but % is granted', wanted.campaign_id,
                wanted.points, wanted.granted USING ERRCODE = 'PV003';
        END IF;
        SELECT c.* INTO known FROM ledger.campaign AS c
        WHERE c.campaign_id = wanted.campaign_id;
        IF known.running IS NOT TRUE THEN
            PERFORM ledger.refuse('campaign_paused', jsonb_build_object(
                'campaign_id', wanted.campaign_id));
        END IF;
        INSERT INTO ledger.campaign_person AS p
            (member_id, campaign_id, points, day, day_points)
        VALUES (person, wanted.campaign_id, wanted.points, op.business_date, wanted.points)
        ON CONFLICT (member_id, campaign_id) DO UPDATE
        SET points = p.points + excluded.points, day = excluded.day,
            day_points = excluded.day_points
                + CASE WHEN p.day = excluded.day THEN p.day_points ELSE 0 END,
            brought_day = CASE WHEN p.day = excluded.day THEN p.brought_day ELSE 0 END
        RETURNING p.* INTO so_far;
        IF so_far.points > known.person_cap OR so_far.day_points > known.day_cap THEN
            PERFORM ledger.refuse('stale', jsonb_build_object(
                'campaign_id', wanted.campaign_id));
        END IF;
        PERFORM ledger.take_budget(
            op, wanted.campaign_id, known.slices, wanted.points,
            coalesce((p_takings -> 'slices' ->> wanted.campaign_id::text)::integer,
                     abs(hashtext(op.member_id::text) % known.slices)));
    END LOOP;
END
$$;

-- Takes p_points of one campaign: whole from one free slice, beginning at the one that is named (of
-- many purchases one that they hold, see 76_earn_in_campaigns.sql, or else the member's own); else
-- from several free ones; else, where only locked slices can make it up, by waiting for them.
CREATE OR REPLACE FUNCTION ledger.take_budget(
    op ledger.operation, p_campaign uuid, p_slices integer, p_points bigint, p_first integer
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number integer;
    wanted bigint := p_points;
BEGIN
    SELECT s.slice INTO number FROM ledger.campaign_slice AS s
    WHERE s.campaign_id = p_campaign AND s.budget - s.taken >= p_points
    ORDER BY (s.slice - p_first + p_slices) % p_slices LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        PERFORM ledger.take_slice(op, p_campaign, number, p_points);
        RETURN;
    END IF;
    BEGIN
        FOR number IN
            SELECT s.slice FROM ledger.campaign_slice AS s
            WHERE s.campaign_id = p_campaign AND s.taken < s.budget
            ORDER BY (s.slice - p_first + p_slices) % p_slices
        LOOP
            PERFORM FROM ledger.campaign_slice AS s
            WHERE s.campaign_id = p_campaign AND s.slice = number
            FOR NO KEY UPDATE SKIP LOCKED;
            IF FOUND THEN
                wanted := wanted - ledger.take_slice(op, p_campaign, number, wanted);
            END IF;
            EXIT WHEN wanted = 0;
        END LOOP;
        IF wanted > 0 THEN
            RAISE EXCEPTION 'too little is free' USING ERRCODE = 'PV005';
        END IF;
        RETURN;
    EXCEPTION WHEN SQLSTATE 'PV005' THEN
        -- Rolled back to before the first of them was locked.
        wanted := p_points;
    END;
    FOR number IN
        SELECT s.slice FROM ledger.campaign_slice AS s
        WHERE s.campaign_id = p_campaign AND s.taken < s.budget ORDER BY s.slice
    LOOP
        wanted := wanted - ledger.take_slice(op, p_campaign, number, wanted);
        EXIT WHEN wanted = 0;
    END LOOP;
    IF wanted > 0 THEN
        PERFORM ledger.refuse('campaign_exhausted', jsonb_build_object(
            'campaign_id', p_campaign, 'left', p_points - wanted, 'points', p_points));
    END IF;
END
$$;

-- Takes up to p_points of a slice, waiting for whoever has it, and says how many it were.
CREATE OR REPLACE FUNCTION ledger.take_slice(
    op ledger.operation, p_campaign uuid, p_slice integer, p_points bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    there bigint;
BEGIN
    SELECT least(s.budget - s.taken, p_points) INTO there FROM ledger.campaign_slice AS s
    WHERE s.campaign_id = p_campaign AND s.slice = p_slice FOR NO KEY UPDATE;
    IF there > 0 THEN
        UPDATE ledger.campaign_slice AS s SET taken = s.taken + there
        WHERE s.campaign_id = p_campaign AND s.slice = p_slice;
        INSERT INTO ledger.campaign_taking
            (member_id, sequence, campaign_id, slice, business_date, points, person_id)
        VALUES (op.member_id, op.sequence, p_campaign, p_slice, op.business_date, there,
                op.person_id);
    END IF;
    RETURN there;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.open_campaign(uuid, bigint, integer, bigint, bigint),
    ledger.run_campaign(uuid, boolean),
    ledger.lock_wallet(uuid)
    TO peyvand_app;
