-- Which databases are merchants' sandboxes. The data lies in them; here stands whose each is.
-- A row without a merchant is a spare, made ahead by whoever may act as the owner.
CREATE TABLE network.sandbox (
    sandbox_id uuid NOT NULL,
    merchant_id uuid,
    schema_digest bytea NOT NULL,
    begun_at timestamptz NOT NULL,
    made_at timestamptz,
    taken_at timestamptz,
    furnished_at timestamptz,
    used_at timestamptz,
    due_at timestamptz,
    discarded_at timestamptz,
    signing_keys jsonb,
    CONSTRAINT pk_sandbox PRIMARY KEY (sandbox_id),
    CONSTRAINT fk_sandbox_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT ck_sandbox_schema_digest CHECK (length(schema_digest) = 32),
    CONSTRAINT ck_sandbox_taken CHECK (
        (merchant_id IS NULL) = (taken_at IS NULL)
        AND (taken_at IS NULL OR made_at IS NOT NULL)
        AND (furnished_at IS NULL OR taken_at IS NOT NULL)
    )
);
CREATE UNIQUE INDEX uq_sandbox_merchant_id ON network.sandbox (merchant_id)
    WHERE discarded_at IS NULL;
CREATE INDEX ix_sandbox_due_at ON network.sandbox (due_at)
    WHERE due_at IS NOT NULL AND discarded_at IS NULL;
GRANT SELECT, INSERT, DELETE ON network.sandbox TO peyvand_app;
GRANT UPDATE
    (merchant_id, schema_digest, made_at, taken_at, furnished_at, used_at, due_at, discarded_at,
     signing_keys)
    ON network.sandbox TO peyvand_app;
