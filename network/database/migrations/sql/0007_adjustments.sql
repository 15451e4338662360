-- Section 1: what a batch of earnings is made of, and what became of each.
-- Its columns stand in the order of use: a reader takes a row apart from the left.
CREATE TYPE ledger.batch_item AS (
    member_id uuid, sequence bigint, points bigint, active boolean, merchant_id uuid,
    merchant_ref text, issuer_id uuid, terms_id uuid, active_from date, expires_on date,
    amount bigint, base bigint, based bigint, together boolean, last boolean, available bigint,
    pending bigint, held bigint, due_on date, place integer, campaign_id uuid, locked_to uuid,
    price numeric, earned bigint[], key text, fingerprint bytea,
    effective_at timestamptz, store_id uuid, terminal text, receipt text, channel text,
    currency text, explanation json, grants jsonb
);
CREATE TYPE ledger.batch_outcome AS (
    place integer, member_id uuid, outcome text, code text, facts jsonb, sequence bigint,
    business_date date, result json, points bigint, active boolean, active_from date,
    expires_on date, available bigint, pending bigint, held bigint
);

-- Section 2: corrections that need two people (network/adjustments). The second one's approval and
-- the posting are one unit of work; sequence and business_date name the entry. The issuer may be the
-- network, which is a party like a merchant, so there is no foreign key; its points stand on the row.
CREATE TABLE network.adjustment (
    adjustment_id uuid NOT NULL,
    member_id uuid NOT NULL,
    kind text NOT NULL,
    issuer_id uuid NOT NULL,
    points bigint NOT NULL,
    expires_on date,
    reason text NOT NULL,
    state text NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    sequence bigint,
    business_date date,
    CONSTRAINT pk_adjustment PRIMARY KEY (adjustment_id),
    CONSTRAINT fk_adjustment_proposed_by_operator
        FOREIGN KEY (proposed_by) REFERENCES network.operator (operator_id),
    CONSTRAINT fk_adjustment_decided_by_operator
        FOREIGN KEY (decided_by) REFERENCES network.operator (operator_id),
    CONSTRAINT ck_adjustment_kind CHECK (kind IN ('up', 'down', 'write_off')),
    CONSTRAINT ck_adjustment_points CHECK (points > 0),
    CONSTRAINT ck_adjustment_expires_on CHECK ((kind = 'up') = (expires_on IS NOT NULL)),
    CONSTRAINT ck_adjustment_reason CHECK (reason <> '' AND length(reason) <= 500),
    CONSTRAINT ck_adjustment_state CHECK (state IN ('proposed', 'posted', 'declined')),
    CONSTRAINT ck_adjustment_decided CHECK (
        (state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)
    ),
    CONSTRAINT ck_adjustment_two_people CHECK (state <> 'posted' OR decided_by <> proposed_by),
    CONSTRAINT ck_adjustment_posted CHECK (
        (state = 'posted') = (sequence IS NOT NULL)
        AND (sequence IS NULL) = (business_date IS NULL)
    )
);
CREATE INDEX ix_adjustment_proposed ON network.adjustment (proposed_at) WHERE state = 'proposed';
CREATE INDEX ix_adjustment_member_id ON network.adjustment (member_id, proposed_at);
GRANT SELECT, INSERT ON network.adjustment TO peyvand_app;
GRANT UPDATE (state, decided_by, decided_at, sequence, business_date)
    ON network.adjustment TO peyvand_app;
