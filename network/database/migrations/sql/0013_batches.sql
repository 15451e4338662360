-- Batches that merchants send (network/batches): what came, what became of each line, and the signed
-- request, which one row keeps for all of a batch's entries.
CREATE TABLE network.batch (
    batch_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    key_id text NOT NULL,
    lines integer NOT NULL,
    state text NOT NULL,
    posted integer NOT NULL DEFAULT 0,
    known integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL,
    programme_at timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    finished_at timestamptz,
    persons_sealed boolean NOT NULL DEFAULT false,
    CONSTRAINT pk_batch PRIMARY KEY (batch_id),
    CONSTRAINT uq_batch_merchant_id_idempotency_key UNIQUE (merchant_id, idempotency_key),
    CONSTRAINT fk_batch_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT ck_batch_state CHECK (state IN ('waiting', 'working', 'done')),
    CONSTRAINT ck_batch_lines CHECK (
        lines > 0 AND least(posted, known, refused) >= 0 AND posted + known + refused <= lines
    ),
    CONSTRAINT ck_batch_finished CHECK ((state = 'done') = (finished_at IS NOT NULL))
);
-- What is under way: for the schedule, and for the limit of a merchant.
CREATE INDEX ix_batch_under_way ON network.batch (merchant_id, touched_at) WHERE state <> 'done';
CREATE INDEX ix_batch_finished_at ON network.batch (finished_at) WHERE finished_at IS NOT NULL;
-- Batches whose signed body is not yet sealed with the keys of whom it names.
CREATE INDEX ix_batch_unsealed ON network.batch (finished_at)
    WHERE finished_at IS NOT NULL AND NOT persons_sealed;
GRANT SELECT, INSERT, DELETE ON network.batch TO peyvand_app;
GRANT UPDATE (state, posted, known, refused, touched_at, finished_at, persons_sealed)
    ON network.batch TO peyvand_app;

-- Up to 1,000 lines in their order, sealed until they are worked off; results has one value per line,
-- null where the line goes by itself and its result stands in batch_line.
CREATE TABLE network.batch_chunk (
    batch_id uuid NOT NULL,
    number integer NOT NULL,
    first_line integer NOT NULL,
    lines integer NOT NULL,
    state text NOT NULL,
    sealed_lines bytea,
    results jsonb,
    CONSTRAINT pk_batch_chunk PRIMARY KEY (batch_id, number),
    CONSTRAINT fk_batch_chunk_batch_id_batch
        FOREIGN KEY (batch_id) REFERENCES network.batch (batch_id) ON DELETE CASCADE,
    CONSTRAINT ck_batch_chunk_lines CHECK (lines BETWEEN 1 AND 1000 AND first_line > 0),
    CONSTRAINT ck_batch_chunk_state CHECK (
        state IN ('waiting', 'apart', 'done') AND (state = 'waiting') = (results IS NULL)
        AND (state = 'done') = (sealed_lines IS NULL)
    )
);
-- Sealed bytes and a signed body don't grow smaller by trying.
ALTER TABLE network.batch_chunk ALTER sealed_lines SET STORAGE EXTERNAL;
GRANT SELECT, INSERT ON network.batch_chunk TO peyvand_app;
GRANT UPDATE (state, sealed_lines, results) ON network.batch_chunk TO peyvand_app;

CREATE TABLE network.batch_line (
    batch_id uuid NOT NULL,
    line integer NOT NULL,
    result jsonb NOT NULL,
    CONSTRAINT pk_batch_line PRIMARY KEY (batch_id, line),
    CONSTRAINT fk_batch_line_batch_id_batch
        FOREIGN KEY (batch_id) REFERENCES network.batch (batch_id) ON DELETE CASCADE
);
GRANT SELECT, INSERT ON network.batch_line TO peyvand_app;

-- The evidence: outlives the batch's results. Bodies name people, so the application writes them and
-- does not read them; ledger.read_batch_evidence gives one entry's request at a time.
CREATE TABLE network.batch_request (
    batch_id uuid NOT NULL,
    key_id text NOT NULL,
    signature_base bytea NOT NULL,
    signature bytea NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT pk_batch_request PRIMARY KEY (batch_id)
);
ALTER TABLE network.batch_request ALTER body SET STORAGE EXTERNAL;
GRANT INSERT, SELECT (batch_id, key_id) ON network.batch_request TO peyvand_app;

-- Which entries a batch's lines made, a row for those posted together. An entry is found by its
-- merchant and the moment at which it was recorded.
CREATE TABLE network.batch_entries (
    batch_id uuid NOT NULL,
    line integer NOT NULL,
    merchant_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    members uuid[] NOT NULL,
    sequences bigint[] NOT NULL,
    lines integer[] NOT NULL,
    CONSTRAINT pk_batch_entries PRIMARY KEY (batch_id, line),
    CONSTRAINT fk_batch_entries_batch_id_batch_request
        FOREIGN KEY (batch_id) REFERENCES network.batch_request (batch_id),
    CONSTRAINT ck_batch_entries_lines CHECK (
        cardinality(members) > 0 AND cardinality(members) = cardinality(sequences)
        AND cardinality(members) = cardinality(lines)
    )
);
CREATE INDEX ix_batch_entries_recorded_at
    ON network.batch_entries (merchant_id, recorded_at);
GRANT SELECT, INSERT ON network.batch_entries TO peyvand_app;
-- One change there is: a body that was sealed whole (first byte 2) when it came is sealed with the keys
-- of whom it names (first byte 1), once, by ledger.keep_batch_body. The digest in the signature base
-- says whether it is the same.
CREATE TRIGGER append_only BEFORE UPDATE ON network.batch_request
    FOR EACH ROW WHEN (
        (OLD.batch_id, OLD.key_id, OLD.signature_base, OLD.signature)
            IS DISTINCT FROM (NEW.batch_id, NEW.key_id, NEW.signature_base, NEW.signature)
        OR substring(OLD.body FROM 1 FOR 1) <> '\x02'::bytea
        OR substring(NEW.body FROM 1 FOR 1) <> '\x01'::bytea
    ) EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only_kept BEFORE DELETE ON network.batch_request
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON network.batch_entries
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
