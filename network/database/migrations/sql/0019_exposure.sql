-- Section 1: what waits for a second person. kind says what is to be done, subject_id to what, terms
-- what exactly (whole numbers and text): it is done in the transaction that writes the approval.
CREATE TABLE network.proposal (
    proposal_id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    terms jsonb NOT NULL,
    reason text NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    approved boolean,
    CONSTRAINT pk_proposal PRIMARY KEY (proposal_id),
    CONSTRAINT ck_proposal_kind CHECK (kind ~ '^[a-z]+[.][a-z_]+$'),
    CONSTRAINT ck_proposal_reason CHECK (reason <> '' AND length(reason) <= 300),
    CONSTRAINT ck_proposal_decision CHECK (
        num_nonnulls(decided_by, decided_at, approved) IN (0, 3)
    ),
    CONSTRAINT ck_proposal_two_people CHECK (NOT approved OR decided_by <> proposed_by)
);
CREATE UNIQUE INDEX uq_proposal_waiting ON network.proposal (kind, subject_id)
    WHERE decided_at IS NULL;
-- A booking of the bank is a deposit or a reserve, their release, or what an issuer paid after its
-- default, once; a declined proposal frees it.
CREATE UNIQUE INDEX uq_proposal_bank_ref ON network.proposal (upper(terms ->> 'bank_ref'))
    WHERE kind IN ('cover.move', 'default.recover') AND terms ->> 'act' <> 'drawn'
        AND approved IS NOT FALSE;
CREATE INDEX ix_proposal_subject_id ON network.proposal (subject_id, proposed_at);
GRANT SELECT, INSERT ON network.proposal TO peyvand_app;
GRANT UPDATE (decided_by, decided_at, approved) ON network.proposal TO peyvand_app;

-- Section 2: what issuers stand to owe (network/exposure). outstanding sums points of sealed days,
-- so that a measurement adds up the open day only; exposure is the measurement, a row per issuer
-- that is written when it changes. No earn reads or locks any of it: what a merchant may do stands
-- on its own row (merchant.issuing), which changes when a limit is reached or no longer is.
CREATE TABLE network.outstanding (
    issuer_id uuid NOT NULL,
    terms_id uuid NOT NULL,
    points bigint NOT NULL,
    CONSTRAINT pk_outstanding PRIMARY KEY (issuer_id, terms_id)
);
GRANT SELECT, INSERT ON network.outstanding TO peyvand_app;
GRANT UPDATE (points) ON network.outstanding TO peyvand_app;

CREATE TABLE network.exposure_measure (
    only_row boolean NOT NULL DEFAULT true,
    through date,
    measured_at timestamptz,
    took_ms integer,
    CONSTRAINT pk_exposure_measure PRIMARY KEY (only_row),
    CONSTRAINT ck_exposure_measure_only_row CHECK (only_row)
);
INSERT INTO network.exposure_measure DEFAULT VALUES;
GRANT SELECT ON network.exposure_measure TO peyvand_app;
GRANT UPDATE (through, measured_at, took_ms) ON network.exposure_measure TO peyvand_app;

CREATE TABLE network.exposure (
    issuer_id uuid NOT NULL,
    points bigint NOT NULL,
    outstanding bigint NOT NULL,
    unsettled bigint NOT NULL,
    cap bigint,
    deposit bigint NOT NULL,
    reserve bigint NOT NULL,
    standing text NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT pk_exposure PRIMARY KEY (issuer_id),
    CONSTRAINT fk_exposure_issuer_id_merchant FOREIGN KEY (issuer_id)
        REFERENCES network.merchant (merchant_id),
    CONSTRAINT ck_exposure_standing CHECK (standing IN ('within', 'near', 'full'))
);
GRANT SELECT, INSERT ON network.exposure TO peyvand_app;
GRANT UPDATE (points, outstanding, unsettled, cap, deposit, reserve, standing, since)
    ON network.exposure TO peyvand_app;

-- Section 3: statements of the bank that say money came in or back, until a second person has
-- approved them.
CREATE TABLE network.bank_file (
    bank_file_id uuid NOT NULL,
    digest bytea NOT NULL,
    lines jsonb NOT NULL,
    uploaded_by uuid NOT NULL,
    uploaded_at timestamptz NOT NULL,
    CONSTRAINT pk_bank_file PRIMARY KEY (bank_file_id),
    CONSTRAINT ck_bank_file_digest CHECK (octet_length(digest) = 32)
);
GRANT SELECT, INSERT ON network.bank_file TO peyvand_app;

-- A line of the bank's that moved nothing when it came, because it stood for something else then (a
-- deposit that was declined since), and that two people let count after all.
CREATE TABLE network.bank_answer_again (
    bank_answer_id uuid NOT NULL,
    outcome text NOT NULL,
    proposal_id uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    CONSTRAINT pk_bank_answer_again PRIMARY KEY (bank_answer_id),
    CONSTRAINT fk_bank_answer_again_bank_answer_id_bank_answer FOREIGN KEY (bank_answer_id)
        REFERENCES network.bank_answer (bank_answer_id),
    CONSTRAINT fk_bank_answer_again_proposal_id_proposal FOREIGN KEY (proposal_id)
        REFERENCES network.proposal (proposal_id),
    CONSTRAINT ck_bank_answer_again_outcome CHECK (outcome IN ('settled', 'returned', 'late'))
);
GRANT SELECT, INSERT ON network.bank_answer_again TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.bank_answer_again
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
