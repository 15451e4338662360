-- Section 1: month ends. What every lot and every debt came to when a month had ended, and the
-- month's head with its signature (network/ledger/sql/87_openings.sql says what the columns are).
CREATE TABLE ledger.opening (
    member_id uuid NOT NULL,
    lot_id bigint NOT NULL,
    issuer_id uuid NOT NULL,
    month date NOT NULL,
    pending bigint NOT NULL,
    available bigint NOT NULL,
    held bigint NOT NULL,
    redeemed bigint NOT NULL,
    expired bigint NOT NULL,
    clawed_back bigint NOT NULL,
    credited bigint NOT NULL,
    issued bigint NOT NULL,
    transferred bigint NOT NULL,
    unmatched bigint NOT NULL,
    debt bigint NOT NULL,
    CONSTRAINT pk_opening PRIMARY KEY (member_id, lot_id, issuer_id, month)
);
-- Rows are written a month at a time, so block ranges find a month for next to nothing.
CREATE INDEX ix_opening_month ON ledger.opening USING brin (month);

CREATE TABLE ledger.month_end (
    month date NOT NULL,
    version smallint NOT NULL,
    seal_head bytea NOT NULL,
    previous_head bytea NOT NULL,
    head bytea NOT NULL,
    openings bigint NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT pk_month_end PRIMARY KEY (month),
    CONSTRAINT ck_month_end_month CHECK (extract(day FROM month) = 1),
    CONSTRAINT ck_month_end_heads CHECK (
        octet_length(head) = 32 AND octet_length(previous_head) = 32
        AND octet_length(seal_head) = 32
    )
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.opening
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.month_end
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
REVOKE ALL ON ledger.opening, ledger.month_end FROM PUBLIC;
GRANT SELECT ON ledger.opening, ledger.month_end TO peyvand_app;

-- Section 2: where whole months go that nothing will touch again (network/ledger/archive.py). The
-- parents are shaped like the ledger's own, so that a month's tables move over as they are.
CREATE SCHEMA ledger_archive;
REVOKE ALL ON SCHEMA ledger_archive FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger_archive TO peyvand_app;
CREATE TABLE ledger_archive.entry (LIKE ledger.entry INCLUDING ALL)
    PARTITION BY RANGE (business_date);
CREATE TABLE ledger_archive.movement (LIKE ledger.movement INCLUDING ALL)
    PARTITION BY RANGE (business_date);
CREATE TRIGGER append_only BEFORE INSERT OR UPDATE OR DELETE ON ledger_archive.entry
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE INSERT OR UPDATE OR DELETE ON ledger_archive.movement
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
REVOKE ALL ON ALL TABLES IN SCHEMA ledger_archive FROM PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger_archive TO peyvand_app;
