-- Schemas, the application's role, and the installation's one row.
-- The role groups rights; the login that the fronts use is a member of it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'peyvand_app') THEN
        CREATE ROLE peyvand_app NOLOGIN;
    END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS network;
CREATE SCHEMA IF NOT EXISTS ledger;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA network, ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA network, ledger TO peyvand_app;

-- What is applied again when its text changes: the functions of network/ledger/sql/.
CREATE TABLE network.repeatable (
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_repeatable PRIMARY KEY (name)
);
GRANT SELECT ON network.repeatable TO peyvand_app;

-- What the SQL of each numbered migration was when it was applied here (network/database/migrate.py).
CREATE TABLE network.migration (
    revision text NOT NULL,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_migration PRIMARY KEY (revision)
);

-- One row. Programme time is wall time plus clock_offset; only a simulated installation moves it.
-- artificial_clock: callers of the ledger may name any moment (tests; a simulated one may anyway). The
-- application can set neither, so it cannot make a real installation believe in another time.
CREATE TABLE network.installation (
    only_row boolean NOT NULL DEFAULT true,
    simulated boolean NOT NULL DEFAULT false,
    artificial_clock boolean NOT NULL DEFAULT false,
    clock_offset interval NOT NULL DEFAULT interval '0',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_installation PRIMARY KEY (only_row),
    CONSTRAINT ck_installation_one_row CHECK (only_row),
    CONSTRAINT ck_installation_real_time CHECK (simulated OR clock_offset = interval '0')
);
INSERT INTO network.installation DEFAULT VALUES;
GRANT SELECT ON network.installation TO peyvand_app;
GRANT UPDATE (clock_offset) ON network.installation TO peyvand_app;

-- What happened, for whoever must be told: written in the transaction in which it happened, read in
-- the order of event_id, which says when (network/events/queries.py says why that order is right), and
-- gone in the transaction that handed it on. What an entry of the ledger says of itself has columns of
-- its own; payload is for everything else.
CREATE TABLE network.outbox (
    event_id bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    member_id uuid,
    merchant_id uuid,
    sequence bigint,
    points bigint,
    payload jsonb NOT NULL DEFAULT '{}',
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_outbox PRIMARY KEY (event_id)
);
GRANT SELECT, INSERT, DELETE ON network.outbox TO peyvand_app;
