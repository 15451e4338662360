-- Entries and movements of all time, wherever they lie; what refunds may still take back or put back.
CREATE OR REPLACE VIEW ledger.every_entry AS
    SELECT * FROM ledger.entry UNION ALL SELECT * FROM ledger_archive.entry;
CREATE OR REPLACE VIEW ledger.every_movement AS
    SELECT * FROM ledger.movement UNION ALL SELECT * FROM ledger_archive.movement;

-- What a purchase earned, a row per grant (entry.earned), and what refunds have taken back of it. Points
-- are in a lot that says whose they are; a part without points stands for the merchant. The array is
-- taken apart where it stands: a function in FROM is called anew for each purchase, which took five
-- times as long. A purchase is refunded while its month is no archive's, so those are enough.
CREATE OR REPLACE VIEW ledger.earned_part AS
    SELECT e.member_id, e.sequence, e.part, e.business_date, e.line,
           coalesce(l.issuer_id, e.merchant_id) AS issuer_id, l.lot_id, e.base, e.points,
           coalesce(t.refunded, 0) AS refunded, coalesce(t.clawed_back, 0) AS clawed_back
    FROM (
        SELECT p.member_id, p.sequence, p.place - 1 AS part, p.business_date, p.merchant_id,
               p.earned[p.place][1] AS line, p.earned[p.place][2] AS base,
               p.earned[p.place][3] AS points, coalesce(p.earned[p.place][4], 1) AS lot
        FROM (
            SELECT b.*, generate_subscripts(b.earned, 1) AS place FROM ledger.entry AS b
        ) AS p
    ) AS e
    LEFT JOIN ledger.lot AS l ON l.member_id = e.member_id
        AND l.lot_id = e.sequence * 1000000 + e.lot AND e.points > 0
    LEFT JOIN ledger.taken_back AS t ON t.member_id = e.member_id
        AND t.sequence = e.sequence AND t.part = e.part;

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

REVOKE ALL ON ledger.every_entry, ledger.every_movement, ledger.earned_part, ledger.consumption
    FROM PUBLIC;
GRANT SELECT ON ledger.every_entry, ledger.every_movement, ledger.earned_part, ledger.consumption
    TO peyvand_app;
REVOKE ALL ON FUNCTION ledger.first_slice(uuid, bigint) FROM PUBLIC;
