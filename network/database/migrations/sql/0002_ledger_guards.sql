-- The second part of migration 0002: guards on the ledger's tables, their partitions, and rights.

-- ---------------------------------------------------------------- guards
-- Rights are the first guard; this is the second, and it also stops the owner's slip of the hand.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of ledger.% is refused: it is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'PV003';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.entry
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.movement
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.evidence
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.seal
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
-- These change in named ways (a count grows, a state moves on), but no row ever goes.
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.wallet
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.lot
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
-- What a lot is never changes, only where its points are: a trigger of columns costs the others nothing.
CREATE TRIGGER attributes_stay BEFORE UPDATE OF member_id, lot_id, parent_lot_id, issuer_id,
    campaign_id, terms_id, locked_to, price, active_from, expires_on, made_on, granted ON ledger.lot
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.taken_back
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.redeposited
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.reference
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.hold
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.hold_slice
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.business_day
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();

-- ---------------------------------------------------------------- statistics
-- No plan depends on what these columns hold, and to sample and sort such values was most of the
-- work of the automatic ANALYZE, which took about a twentieth of the processor under load.
ALTER TABLE ledger.entry
    ALTER COLUMN terminal SET STATISTICS 0,
    ALTER COLUMN receipt SET STATISTICS 0,
    ALTER COLUMN actor SET STATISTICS 0,
    ALTER COLUMN explanation SET STATISTICS 0,
    ALTER COLUMN earned SET STATISTICS 0,
    ALTER COLUMN digest SET STATISTICS 0;
ALTER TABLE ledger.evidence
    ALTER COLUMN signature_base SET STATISTICS 0,
    ALTER COLUMN signature SET STATISTICS 0,
    ALTER COLUMN body SET STATISTICS 0;
ALTER TABLE ledger.idempotency
    ALTER COLUMN fingerprint SET STATISTICS 0,
    ALTER COLUMN result SET STATISTICS 0;

-- ---------------------------------------------------------------- partitions
-- Makes what is missing for the days from p_first to p_last: a month of entries and movements,
-- a day of evidence; statistics that the parent does without, they do without as well (LIKE does not
-- copy that). ATTACH takes a lock that writers do not notice, where CREATE
-- TABLE … PARTITION OF would wait for all of them; the timeout keeps it from queueing others.
CREATE FUNCTION ledger.ensure_partitions(p_first date, p_last date) RETURNS integer
LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
DECLARE
    made integer := 0;
    parent text;
    child text;
    start_on date;
    unit interval;
    bulky name;
BEGIN
    IF p_last < p_first THEN
        RAISE EXCEPTION 'partitions from % to % were asked for', p_first, p_last
            USING ERRCODE = 'PV003';
    END IF;
    PERFORM set_config('lock_timeout', '2s', true);
    FOREACH parent IN ARRAY ARRAY['entry', 'movement', 'evidence'] LOOP
        unit := CASE WHEN parent = 'evidence' THEN interval '1 day' ELSE interval '1 month' END;
        FOR start_on IN
            SELECT g::date FROM generate_series(
                CASE WHEN parent = 'evidence' THEN p_first::timestamp
                     ELSE date_trunc('month', p_first::timestamp) END,
                p_last::timestamp, unit) AS g
        LOOP
            child := parent || '_' || to_char(start_on,
                CASE WHEN parent = 'evidence' THEN 'YYYY_MM_DD' ELSE 'YYYY_MM' END);
            CONTINUE WHEN to_regclass('ledger.' || child) IS NOT NULL;
            EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.%I INCLUDING ALL)', child, parent);
            EXECUTE format('REVOKE ALL ON ledger.%I FROM PUBLIC, peyvand_app', child);
            FOR bulky IN
                SELECT a.attname FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = ('ledger.' || parent)::regclass AND a.attstattarget = 0
            LOOP
                EXECUTE format('ALTER TABLE ledger.%I ALTER COLUMN %I SET STATISTICS 0',
                               child, bulky);
            END LOOP;
            EXECUTE format(
                'ALTER TABLE ledger.%I ATTACH PARTITION ledger.%I FOR VALUES FROM (%L) TO (%L)',
                parent, child, start_on, (start_on + unit)::date);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION ledger.ensure_partitions(date, date) FROM PUBLIC;

-- What a fresh installation needs to take its first call; the schedule keeps months ahead, and a
-- flip makes those of the day it opens.
SELECT ledger.ensure_partitions(current_date - 1, current_date + 7);

-- The day that an installation begins with, once.
CREATE FUNCTION ledger.open_first_day(p_business_date date) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    LOCK TABLE ledger.business_day IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM ledger.business_day) THEN
        RAISE EXCEPTION 'a business day has been opened before; days follow each other by flips'
            USING ERRCODE = 'PV003';
    END IF;
    PERFORM ledger.ensure_partitions(p_business_date, p_business_date + 7);
    INSERT INTO ledger.business_day (business_date, opened_at)
    VALUES (p_business_date, clock_timestamp());
    RETURN p_business_date;
END
$$;

-- ---------------------------------------------------------------- rights
REVOKE ALL ON ALL TABLES IN SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT SELECT ON
    ledger.business_day, ledger.seal, ledger.wallet, ledger.lot, ledger.entry, ledger.movement,
    ledger.posting, ledger.taken_back, ledger.redeposited, ledger.reference,
    ledger.hold, ledger.hold_slice, ledger.debt, ledger.idempotency, ledger.used_code,
    ledger.suspended_issuer
    TO peyvand_app;
-- Bodies of requests name people: the application learns only that evidence exists and by which
-- key it was signed; whoever settles a dispute reads it as the owner.
GRANT SELECT (member_id, sequence, business_date, key_id) ON ledger.evidence TO peyvand_app;
-- It refuses wherever a day was ever opened, so whoever installs may call it as the application.
GRANT EXECUTE ON FUNCTION ledger.open_first_day(date) TO peyvand_app;
