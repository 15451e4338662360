-- Each night's figure of outstanding points over a Merkle sum tree of the balances as of the closed
-- day (network/proofs/tree.py says what is hashed). What was published stays; the leaves, 40 bytes
-- per member and night, serve the members' own proofs for two months.
CREATE TABLE network.points_proof (
    business_date date NOT NULL,
    root bytea NOT NULL,
    points bigint NOT NULL,
    leaves bigint NOT NULL,
    seal bytea NOT NULL,
    key_id text NOT NULL,
    signed text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_points_proof PRIMARY KEY (business_date),
    CONSTRAINT fk_points_proof_business_date_business_day FOREIGN KEY (business_date)
        REFERENCES ledger.business_day (business_date),
    CONSTRAINT ck_points_proof_figures CHECK (points >= 0 AND leaves >= 0),
    CONSTRAINT ck_points_proof_digests CHECK (
        octet_length(root) = 32 AND octet_length(seal) = 32
    )
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.points_proof
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();

-- The chunks are written before the root above them is known.
CREATE TABLE network.points_proof_chunk (
    business_date date NOT NULL,
    number bigint NOT NULL,
    first_tag bytea NOT NULL,
    points bigint NOT NULL,
    digest bytea NOT NULL,
    leaves bytea NOT NULL,
    CONSTRAINT pk_points_proof_chunk PRIMARY KEY (business_date, number),
    CONSTRAINT fk_points_proof_chunk_business_date_points_proof FOREIGN KEY (business_date)
        REFERENCES network.points_proof (business_date) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT ck_points_proof_chunk_leaves CHECK (octet_length(leaves) % 40 = 0)
);

GRANT SELECT, INSERT ON network.points_proof TO peyvand_app;
GRANT SELECT, INSERT, DELETE ON network.points_proof_chunk TO peyvand_app;
