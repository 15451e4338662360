-- Month ends: what every lot and every debt came to when a month had ended, so that figures can be
-- recomputed from there and the months before it can go to the archive.
--
-- A row per lot (lot_id 0: the debt with that issuer) and month, written only where the month
-- before moved something: the opening of a month is the lot's newest row up to that month. Every
-- column is a sum of movements, so a row is the one before it plus a month of movements:
--   pending, available, held   what the lot holds
--   redeemed, expired          what went to an acceptor, what lapsed
--   clawed_back                taken back or corrected away
--   credited                   what the entry that made the lot put in
--   issued                     what came from outside the wallet
--   transferred                what left for another wallet
--   unmatched                  what came from a parent lot less what went on in a child lot
--   debt                       what the member owes the issuer, zero or above
--
-- A month's head is SHA-256 over a tag, the month, the head of the seal of the day before it, the
-- head of the month end before (32 zero bytes for the first), then per member, by member_id, the
-- SHA-256 of the member's rows as lines of JSON. Who verifies it calls the same functions.

-- What the movements of the days from p_first to before p_end came to, per lot and month; month is
-- the month that follows, which they open. A movement counts for its lot; where it goes on in a child
-- lot, its two ends count apart.
CREATE OR REPLACE FUNCTION ledger.lot_months(p_first date, p_end date)
RETURNS TABLE (
    member_id uuid, lot_id bigint, issuer_id uuid, month date, pending bigint, available bigint,
    held bigint, redeemed bigint, expired bigint, clawed_back bigint, credited bigint,
    issued bigint, transferred bigint, unmatched bigint, debt bigint
) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT e.member_id, coalesce(e.lot_id, 0), e.issuer_id, e.month,
           sum(CASE e.target WHEN 'pending' THEN e.points ELSE 0 END
               - CASE e.source WHEN 'pending' THEN e.points ELSE 0 END)::bigint,
           sum(CASE e.target WHEN 'available' THEN e.points ELSE 0 END
               - CASE e.source WHEN 'available' THEN e.points ELSE 0 END)::bigint,
           sum(CASE e.target WHEN 'held' THEN e.points ELSE 0 END
               - CASE e.source WHEN 'held' THEN e.points ELSE 0 END)::bigint,
           sum(CASE e.target WHEN 'redemption' THEN e.points ELSE 0 END
               - CASE e.source WHEN 'redemption' THEN e.points ELSE 0 END)::bigint,
           sum(CASE e.target WHEN 'expiry' THEN e.points ELSE 0 END)::bigint,
           coalesce(sum(e.points) FILTER (WHERE e.target IN ('clawback', 'adjustment')), 0)::bigint,
           coalesce(sum(e.points) FILTER (
               WHERE e.target IN ('pending', 'available') AND e.sequence = e.lot_id / 1000000
           ), 0)::bigint,
           coalesce(sum(e.points) FILTER (
               WHERE e.source IN ('issuance', 'adjustment', 'transfer')), 0)::bigint,
           coalesce(sum(e.points) FILTER (WHERE e.target = 'transfer'), 0)::bigint,
           sum(CASE WHEN e.target IS NULL THEN -e.points WHEN e.source IS NULL THEN e.points
                    ELSE 0 END)::bigint,
           sum(CASE e.source WHEN 'debt' THEN e.points ELSE 0 END
               - CASE e.target WHEN 'debt' THEN e.points ELSE 0 END)::bigint
    FROM (
        SELECT m.member_id, m.lot_id, m.issuer_id, m.sequence, m.source,
               CASE WHEN m.target_lot_id IS NULL THEN m.target END AS target, m.points,
               (date_trunc('month', m.business_date::timestamp) + interval '1 month')::date AS month
        FROM ledger.every_movement AS m
        WHERE m.business_date >= p_first AND m.business_date < p_end
          AND (m.lot_id IS NOT NULL OR m.source = 'debt' OR m.target = 'debt')
        UNION ALL
        SELECT m.member_id, m.target_lot_id, m.issuer_id, m.sequence, NULL, m.target, m.points,
               (date_trunc('month', m.business_date::timestamp) + interval '1 month')::date
        FROM ledger.every_movement AS m
        WHERE m.business_date >= p_first AND m.business_date < p_end
          AND m.target_lot_id IS NOT NULL
    ) AS e
    GROUP BY 1, 2, 3, 4;
END;

CREATE OR REPLACE FUNCTION ledger.opening_form(o ledger.opening) RETURNS text
LANGUAGE sql STABLE
RETURN json_build_array(
    (o).member_id, (o).lot_id, (o).issuer_id, (o).month, (o).pending, (o).available, (o).held,
    (o).redeemed, (o).expired, (o).clawed_back, (o).credited, (o).issued, (o).transferred,
    (o).unmatched, (o).debt)::text || E'\n';

-- The head of a month's openings as the rows are now.
CREATE OR REPLACE FUNCTION ledger.openings_head(
    p_month date, p_seal_head bytea, p_previous_head bytea
) RETURNS bytea LANGUAGE sql STABLE
RETURN sha256(
    convert_to('peyvand.month.v1' || E'\n' || p_month::text || E'\n', 'UTF8')
    || p_seal_head || p_previous_head
    || coalesce((
        SELECT string_agg(m.digest, ''::bytea ORDER BY m.member_id)
        FROM (
            SELECT o.member_id, sha256(convert_to(string_agg(
                       ledger.opening_form(o), '' ORDER BY o.lot_id, o.issuer_id), 'UTF8'))
                       AS digest
            FROM ledger.opening AS o WHERE o.month = p_month GROUP BY o.member_id
        ) AS m), ''::bytea));

-- Writes the openings of p_month from those before it and the month's movements, and returns what
-- is to be signed; ledger.seal_month follows in the same transaction. Refuses, with SQLSTATE PV003
-- and a code as the message:
--   month_not_sealed  the last day of the month before has no seal
--   month_gap         the month end before it has not been written
--   month_sealed      it is written and sealed already
CREATE OR REPLACE FUNCTION ledger.write_openings(p_month date)
RETURNS TABLE (head bytea, openings bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
-- Whole tables meet: a loop would be chosen where rows arrived faster than statistics.
SET enable_nestloop = off SET work_mem = '64MB' AS $$
DECLARE
    v_before date := (p_month::timestamp - interval '1 month')::date;
    v_seal bytea;
    v_previous bytea;
BEGIN
    LOCK TABLE ledger.month_end IN SHARE ROW EXCLUSIVE MODE;
    IF p_month IS NULL OR extract(day FROM p_month) <> 1 THEN
        RAISE EXCEPTION 'a month is named by its first day, not by %', p_month
            USING ERRCODE = 'PV003';
    ELSIF EXISTS (SELECT FROM ledger.month_end AS e WHERE e.month = p_month) THEN
        RAISE EXCEPTION 'month_sealed' USING ERRCODE = 'PV003';
    END IF;
    SELECT s.head INTO v_seal FROM ledger.seal AS s WHERE s.business_date = p_month - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'month_not_sealed' USING ERRCODE = 'PV003';
    END IF;
    SELECT e.head INTO v_previous FROM ledger.month_end AS e WHERE e.month = v_before;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM ledger.business_day AS d WHERE d.business_date < v_before) THEN
            RAISE EXCEPTION 'month_gap' USING ERRCODE = 'PV003';
        END IF;
        v_previous := decode(repeat('00', 32), 'hex');
    END IF;

    INSERT INTO ledger.opening
    SELECT m.member_id, m.lot_id, m.issuer_id, p_month,
           m.pending + coalesce(o.pending, 0), m.available + coalesce(o.available, 0),
           m.held + coalesce(o.held, 0), m.redeemed + coalesce(o.redeemed, 0),
           m.expired + coalesce(o.expired, 0), m.clawed_back + coalesce(o.clawed_back, 0),
           m.credited + coalesce(o.credited, 0), m.issued + coalesce(o.issued, 0),
           m.transferred + coalesce(o.transferred, 0), m.unmatched + coalesce(o.unmatched, 0),
           m.debt + coalesce(o.debt, 0)
    FROM ledger.lot_months(v_before, p_month) AS m
    LEFT JOIN (
        SELECT DISTINCT ON (b.member_id, b.lot_id, b.issuer_id) b.*
        FROM ledger.opening AS b WHERE b.month < p_month
        ORDER BY b.member_id, b.lot_id, b.issuer_id, b.month DESC
    ) AS o USING (member_id, lot_id, issuer_id);
    GET DIAGNOSTICS openings = ROW_COUNT;
    head := ledger.openings_head(p_month, v_seal, v_previous);
    RETURN NEXT;
END
$$;

-- Seals the month end whose openings are written; refuses a head that is not that of the rows.
CREATE OR REPLACE FUNCTION ledger.seal_month(
    p_month date, p_version integer, p_head bytea, p_key_id text, p_signature bytea,
    p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    v_seal bytea;
    v_previous bytea;
BEGIN
    PERFORM ledger.check_clock(p_now);
    SELECT s.head INTO v_seal FROM ledger.seal AS s WHERE s.business_date = p_month - 1;
    SELECT e.head INTO v_previous FROM ledger.month_end AS e
    WHERE e.month = (p_month::timestamp - interval '1 month')::date;
    v_previous := coalesce(v_previous, decode(repeat('00', 32), 'hex'));
    IF ledger.openings_head(p_month, v_seal, v_previous) IS DISTINCT FROM p_head THEN
        RAISE EXCEPTION 'month_head_differs' USING ERRCODE = 'PV003';
    END IF;
    INSERT INTO ledger.month_end
        (month, version, seal_head, previous_head, head, openings, key_id, signature, sealed_at)
    VALUES (p_month, p_version, v_seal, v_previous, p_head,
            (SELECT count(*) FROM ledger.opening AS o WHERE o.month = p_month),
            p_key_id, p_signature, p_now);
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION
    ledger.lot_months(date, date),
    ledger.opening_form(ledger.opening),
    ledger.openings_head(date, bytea, bytea),
    ledger.write_openings(date),
    ledger.seal_month(date, integer, bytea, text, bytea, timestamptz)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.lot_months(date, date),
    ledger.opening_form(ledger.opening),
    ledger.openings_head(date, bytea, bytea),
    ledger.write_openings(date),
    ledger.seal_month(date, integer, bytea, text, bytea, timestamptz)
    TO peyvand_app;
