-- What the next call that spends will find in a wallet: its row, and what is due and not done yet.
-- At midnight lots lapse and others begin, and a hold's life ends at its minute, but rows say so only
-- once a call or the night has come by.

-- What release_lapsed and mature_lots (30_lots.sql) will change, one row for each slice and lot, in
-- their order, because a credit repays what the member owes its issuer until that is paid. The state
-- machine runs both and compares.
CREATE OR REPLACE FUNCTION ledger.changes_due(p_member uuid, p_today date, p_wall timestamptz)
RETURNS TABLE (
    issuer_id uuid, locked_to uuid, available bigint, pending bigint, held bigint, repaid bigint
) LANGUAGE sql STABLE AS $$
    WITH due AS (
        SELECT 1 AS turn, h.sequence AS first, s.part AS second, l.lot_id, l.issuer_id, l.locked_to,
               CASE WHEN l.expires_on > p_today THEN s.points ELSE 0 END AS available,
               0 AS pending, -s.points AS held
        FROM ledger.hold AS h
        JOIN ledger.hold_slice AS s ON s.member_id = p_member AND s.sequence = h.sequence
        JOIN ledger.lot AS l ON l.member_id = p_member AND l.lot_id = s.lot_id
        WHERE h.member_id = p_member AND h.state = 'authorised' AND h.hold_until <= p_wall
        UNION ALL
        SELECT 2, 0, 0, l.lot_id, l.issuer_id, l.locked_to,
               CASE WHEN l.active THEN -l.remaining ELSE 0 END,
               CASE WHEN l.active THEN 0 ELSE -l.remaining END, 0
        FROM ledger.lot AS l
        WHERE l.member_id = p_member AND l.open AND l.expires_on <= p_today
        UNION ALL
        SELECT 3, l.expires_on - date '2000-01-01', 0, l.lot_id, l.issuer_id, l.locked_to,
               l.remaining, -l.remaining, 0
        FROM ledger.lot AS l
        WHERE l.member_id = p_member AND l.open AND NOT l.active AND l.active_from <= p_today
          AND l.expires_on > p_today
    ), credited AS (
        SELECT d.*, sum(greatest(d.available, 0)) OVER (
                   PARTITION BY d.issuer_id ORDER BY d.turn, d.first, d.second, d.lot_id) AS so_far
        FROM due AS d
    )
    SELECT c.issuer_id, c.locked_to, c.available, c.pending, c.held,
           (least(o.points, c.so_far)
            - least(o.points, c.so_far - greatest(c.available, 0)))::bigint
    FROM credited AS c
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(d.points), 0) AS points FROM ledger.debt AS d
        WHERE d.member_id = p_member AND d.issuer_id = c.issuer_id
    ) AS o
$$;

-- spendable is what any merchant may take: available without credit locked to one merchant and
-- without points of suspended issuers, less all debt, never below zero. Of a wallet that nothing can
-- be due in, as its row says, only the row and the lots set apart are read.
CREATE OR REPLACE FUNCTION ledger.wallet_ahead(
    p_member uuid, p_now timestamptz, p_wall timestamptz
) RETURNS TABLE (
    available bigint, pending bigint, held bigint, debt bigint, sequence bigint, status text,
    due_on date, spendable bigint, suspended bigint
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    today date;
    kept bigint;
    change record;
BEGIN
    IF p_now IS NULL OR p_wall IS NULL THEN
        RAISE EXCEPTION 'clock_missing' USING ERRCODE = 'PV003';
    END IF;
    SELECT w.available, w.pending, w.held, w.debt, w.sequence, w.status, w.due_on,
           greatest(d.business_date, ledger.programme_date(p_now)), k.points, k.suspended
    INTO available, pending, held, debt, sequence, status, due_on, today, kept, suspended
    FROM ledger.wallet AS w
    LEFT JOIN ledger.business_day AS d ON d.flipped_at IS NULL
    CROSS JOIN (
        SELECT coalesce(sum(l.remaining), 0) AS points,
               coalesce(sum(l.remaining) FILTER (WHERE s.issuer_id IS NOT NULL), 0) AS suspended
        FROM ledger.lot AS l LEFT JOIN ledger.suspended_issuer AS s ON s.issuer_id = l.issuer_id
        WHERE l.member_id = p_member AND l.open AND l.active
          AND (l.locked_to IS NOT NULL OR s.issuer_id IS NOT NULL)
    ) AS k
    WHERE w.member_id = p_member;
    IF NOT FOUND THEN
        RETURN;
    ELSIF held > 0 OR due_on <= today THEN
        SELECT coalesce(sum(c.available - c.repaid), 0) AS available,
               coalesce(sum(c.pending), 0) AS pending, coalesce(sum(c.held), 0) AS held,
               coalesce(sum(c.repaid), 0) AS repaid,
               coalesce(sum(c.available - c.repaid) FILTER (
                   WHERE c.locked_to IS NOT NULL OR s.issuer_id IS NOT NULL), 0) AS kept,
               coalesce(sum(c.available - c.repaid) FILTER (
                   WHERE s.issuer_id IS NOT NULL), 0) AS suspended
        INTO change
        FROM ledger.changes_due(p_member, today, p_wall) AS c
        LEFT JOIN ledger.suspended_issuer AS s ON s.issuer_id = c.issuer_id;
        available := available + change.available;
        pending := pending + change.pending;
        held := held + change.held;
        debt := debt - change.repaid;
        kept := kept + change.kept;
        suspended := suspended + change.suspended;
    END IF;
    spendable := greatest(0, available - kept - debt);
    RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION ledger.changes_due(uuid, date, timestamptz),
    ledger.wallet_ahead(uuid, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.changes_due(uuid, date, timestamptz),
    ledger.wallet_ahead(uuid, timestamptz, timestamptz) TO peyvand_app;
