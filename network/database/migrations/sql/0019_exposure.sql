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
CREATE INDEX ix_proposal_subject_id ON network.proposal (subject_id, proposed_at);
GRANT SELECT, INSERT ON network.proposal TO peyvand_app;
GRANT UPDATE (decided_by, decided_at, approved) ON network.proposal TO peyvand_app;
