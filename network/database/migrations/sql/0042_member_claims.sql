-- What a member says of one entry of theirs: that it wasn't them, or that something is wrong with it
-- (network/claims). An operator answers, once. The member may object to the answer, once: that is a
-- row of its own, which somebody else answers. Their words open with the member's own key.
CREATE TABLE network.member_claim (
    claim_id uuid NOT NULL,
    member_id uuid NOT NULL,
    wallet_id uuid NOT NULL,
    sequence bigint NOT NULL,
    kind text NOT NULL,
    sealed_words bytea,
    locked boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    outcome text,
    sealed_answer bytea,
    decided_by uuid,
    decided_at timestamptz,
    objects_to uuid,
    correction_id uuid,
    sealed_why_less bytea,
    CONSTRAINT pk_member_claim PRIMARY KEY (claim_id),
    CONSTRAINT uq_member_claim_objects_to UNIQUE (objects_to),
    CONSTRAINT uq_member_claim_correction_id UNIQUE (correction_id),
    CONSTRAINT fk_member_claim_objects_to_member_claim
        FOREIGN KEY (objects_to) REFERENCES network.member_claim (claim_id),
    CONSTRAINT fk_member_claim_correction_id_adjustment
        FOREIGN KEY (correction_id) REFERENCES network.adjustment (adjustment_id),
    CONSTRAINT fk_member_claim_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT fk_member_claim_decided_by_operator
        FOREIGN KEY (decided_by) REFERENCES network.operator (operator_id),
    CONSTRAINT ck_member_claim_kind CHECK (kind IN ('not_me', 'wrong')),
    CONSTRAINT ck_member_claim_outcome CHECK (outcome IN ('made_good', 'shop', 'explained', 'refused')),
    CONSTRAINT ck_member_claim_correction CHECK (
        (outcome IS NOT DISTINCT FROM 'made_good') = (correction_id IS NOT NULL)
    ),
    CONSTRAINT ck_member_claim_decided CHECK (
        (outcome IS NULL) = (decided_at IS NULL) AND (outcome IS NULL) = (decided_by IS NULL)
    )
);
CREATE UNIQUE INDEX uq_member_claim_first ON network.member_claim (member_id, wallet_id, sequence)
    WHERE objects_to IS NULL;
CREATE INDEX ix_member_claim_waiting ON network.member_claim (opened_at) WHERE outcome IS NULL;
CREATE INDEX ix_member_claim_decided_at ON network.member_claim (decided_at)
    WHERE decided_at IS NOT NULL;

CREATE FUNCTION network.claim_is_answered_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'claim % has been answered', OLD.claim_id USING ERRCODE = 'PV003';
END
$$;
CREATE TRIGGER answered_once BEFORE UPDATE ON network.member_claim
    FOR EACH ROW WHEN (OLD.outcome IS NOT NULL) EXECUTE FUNCTION network.claim_is_answered_once();
REVOKE ALL ON FUNCTION network.claim_is_answered_once() FROM PUBLIC;

CREATE FUNCTION network.claim_is_answered_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_first network.member_claim;
BEGIN
    SELECT * INTO v_first FROM network.member_claim WHERE claim_id = NEW.objects_to;
    IF v_first.outcome IS NULL OR v_first.objects_to IS NOT NULL
       OR v_first.decided_by IS NOT DISTINCT FROM NEW.decided_by THEN
        RAISE EXCEPTION 'objection % is not for them to answer', NEW.claim_id USING ERRCODE = 'PV003';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER answered_by_another BEFORE INSERT OR UPDATE ON network.member_claim
    FOR EACH ROW WHEN (NEW.objects_to IS NOT NULL)
    EXECUTE FUNCTION network.claim_is_answered_by_another();
REVOKE ALL ON FUNCTION network.claim_is_answered_by_another() FROM PUBLIC;

GRANT SELECT, INSERT ON network.member_claim TO peyvand_app;
GRANT UPDATE (outcome, sealed_answer, decided_by, decided_at, correction_id, sealed_why_less)
    ON network.member_claim TO peyvand_app;
