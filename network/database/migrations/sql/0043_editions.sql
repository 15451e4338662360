-- What the gateway prices and checks purchases by is kept by its processes, and read anew when it has
-- another edition. Three parts of it have one each: prices (face values, earning terms, agreements),
-- campaigns (with what keeps their funders from paying) and places (stores and tills). Whatever
-- commits a change of a part, by whichever door, commits another edition of it: triggers see to it,
-- so nobody can forget. An edition is no number: restored from a backup, it is never one that was
-- told of other contents.
CREATE TABLE network.edition (
    only_row boolean NOT NULL DEFAULT true,
    prices text NOT NULL DEFAULT '',
    campaigns text NOT NULL DEFAULT '',
    places text NOT NULL DEFAULT '',
    CONSTRAINT pk_edition PRIMARY KEY (only_row),
    CONSTRAINT ck_edition_one_row CHECK (only_row)
);
INSERT INTO network.edition DEFAULT VALUES;
GRANT SELECT ON network.edition TO peyvand_app;

-- Once for each transaction, and at its end, when it waits for no other lock any more: two that
-- change merchants and prices in another order would otherwise wait for each other. One row has all
-- three for the same reason.
CREATE FUNCTION network.begin_edition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    own CONSTANT text := pg_current_xact_id() || '/' || extract(epoch FROM transaction_timestamp());
BEGIN
    IF TG_ARGV[0] = 'prices' THEN
        UPDATE network.edition SET prices = own WHERE prices <> own;
    ELSIF TG_ARGV[0] = 'campaigns' THEN
        UPDATE network.edition SET campaigns = own WHERE campaigns <> own;
    ELSE
        UPDATE network.edition SET places = own WHERE places <> own;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION network.begin_edition() FROM PUBLIC;

DO $$
DECLARE
    part text;
    name text;
    columns text;
BEGIN
    FOR part, name, columns IN VALUES
        ('prices', 'face_value', ''),
        ('prices', 'earning_terms', ''),
        ('prices', 'category_rate', ''),
        ('prices', 'agreement', ''),
        ('campaigns', 'campaign', ''),
        ('campaigns', 'campaign_funder', ''),
        ('campaigns', 'merchant', 'OF status, leaves_on, issuing'),
        ('places', 'store', ''),
        ('places', 'terminal', '')
    LOOP
        EXECUTE format(
            'CREATE CONSTRAINT TRIGGER edition AFTER INSERT OR UPDATE %s OR DELETE ON network.%I
                 DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION network.begin_edition(%L)', columns, name, part);
        EXECUTE format(
            'CREATE TRIGGER edition_emptied AFTER TRUNCATE ON network.%I
                 FOR EACH STATEMENT EXECUTE FUNCTION network.begin_edition(%L)', name, part);
    END LOOP;
END
$$;
