-- Entries, movements and earned rows of all time, wherever they lie.
CREATE OR REPLACE VIEW ledger.every_entry AS
    SELECT * FROM ledger.entry UNION ALL SELECT * FROM ledger_archive.entry;
CREATE OR REPLACE VIEW ledger.every_movement AS
    SELECT * FROM ledger.movement UNION ALL SELECT * FROM ledger_archive.movement;
CREATE OR REPLACE VIEW ledger.every_earned AS
    SELECT * FROM ledger.earned UNION ALL SELECT * FROM ledger_archive.earned;
CREATE OR REPLACE VIEW ledger.every_earned_part AS
    SELECT g.member_id, g.sequence, g.part, g.business_date, g.line, g.issuer_id,
           CASE WHEN g.points > 0 THEN g.sequence * 1000000 + g.lot END AS lot_id,
           g.terms_id, g.base, g.points, coalesce(g.refunded, 0) AS refunded,
           coalesce(g.clawed_back, 0) AS clawed_back
    FROM (
        SELECT e.member_id, e.sequence, e.business_date, generate_subscripts(e.lines, 1) - 1 AS part,
               unnest(e.lines) AS line, unnest(e.issuer_ids) AS issuer_id, unnest(e.lots) AS lot,
               unnest(e.terms_ids) AS terms_id, unnest(e.bases) AS base,
               unnest(e.points) AS points, unnest(e.refunded) AS refunded,
               unnest(e.clawed_back) AS clawed_back
        FROM ledger.every_earned AS e
    ) AS g;

-- The slices of lots that redemptions took, in the order taken: the movements that paid an acceptor,
-- and what has been put back of each. Refunds walk them backwards. sequence is the entry that paid (a
-- capture or a redemption). A redemption may be refunded when its month is in the archive.
CREATE OR REPLACE VIEW ledger.consumption AS
    SELECT m.member_id, m.sequence, m.line AS part, m.business_date, m.acceptor_id, m.lot_id,
           m.points::bigint AS points, coalesce(r.refunded, 0) AS refunded
    FROM ledger.every_movement AS m
    LEFT JOIN ledger.redeposited AS r ON r.member_id = m.member_id
        AND r.sequence = m.sequence AND r.line = m.line
    WHERE m.target = 'redemption';

-- The first slice that an entry took, NULL where it took none. A month on its way to the archive, or
-- whose move was interrupted, is in neither place (network/ledger/archive.py), so whoever finds
-- nothing looks whether all months are in theirs before it concludes that there is nothing.
CREATE OR REPLACE FUNCTION ledger.first_slice(p_member uuid, p_sequence bigint)
RETURNS ledger.consumption LANGUAGE plpgsql AS $$
DECLARE
    slice ledger.consumption;
BEGIN
    FOR attempt IN 1 .. 2 LOOP
        SELECT c.* INTO slice FROM ledger.consumption AS c
        WHERE c.member_id = p_member AND c.sequence = p_sequence ORDER BY c.part LIMIT 1;
        EXIT WHEN FOUND;
        IF attempt = 1 AND EXISTS (
            SELECT FROM pg_catalog.pg_class AS m
            WHERE m.relnamespace = 'ledger'::regnamespace AND m.relkind = 'r'
              AND m.relname ~ '^movement_[0-9]{4}_[0-9]{2}$'
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i
                              WHERE i.inhrelid = m.oid AND NOT i.inhdetachpending))
        THEN
            RAISE EXCEPTION 'a month is on its way to the archive; call again'
                USING ERRCODE = 'lock_not_available';
        END IF;
    END LOOP;
    RETURN slice;
END
$$;

REVOKE ALL ON ledger.every_entry, ledger.every_movement, ledger.every_earned,
    ledger.every_earned_part, ledger.consumption FROM PUBLIC;
GRANT SELECT ON ledger.every_entry, ledger.every_movement, ledger.every_earned,
    ledger.every_earned_part, ledger.consumption TO peyvand_app;
REVOKE ALL ON FUNCTION ledger.first_slice(uuid, bigint) FROM PUBLIC;
