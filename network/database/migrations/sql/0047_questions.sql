-- How members reach a person of the network. Nothing is changed: the newest row holds.
CREATE TABLE network.contact (
    contact_id uuid NOT NULL,
    phone text NOT NULL,
    address_fa text NOT NULL,
    address_en text NOT NULL,
    hours_fa text NOT NULL,
    hours_en text NOT NULL,
    set_by uuid NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_contact PRIMARY KEY (contact_id),
    CONSTRAINT fk_contact_set_by_operator
        FOREIGN KEY (set_by) REFERENCES network.operator (operator_id)
);
GRANT SELECT, INSERT ON network.contact TO peyvand_app;

-- A member's question, whose it is among the operators, and the answer, which is given once. Both are
-- sealed with the member's own key; the row goes with the member.
CREATE TABLE network.member_question (
    question_id uuid NOT NULL,
    member_id uuid NOT NULL,
    sealed_words bytea NOT NULL,
    asked_at timestamptz NOT NULL,
    owner_id uuid,
    taken_at timestamptz,
    sealed_answer bytea,
    answered_by uuid,
    answered_at timestamptz,
    CONSTRAINT pk_member_question PRIMARY KEY (question_id),
    CONSTRAINT fk_member_question_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT fk_member_question_owner_id_operator
        FOREIGN KEY (owner_id) REFERENCES network.operator (operator_id),
    CONSTRAINT fk_member_question_answered_by_operator
        FOREIGN KEY (answered_by) REFERENCES network.operator (operator_id),
    CONSTRAINT ck_member_question_taken CHECK ((owner_id IS NULL) = (taken_at IS NULL)),
    CONSTRAINT ck_member_question_answered CHECK (
        (sealed_answer IS NULL) = (answered_at IS NULL)
        AND (answered_by IS NULL) = (answered_at IS NULL)
    )
);
CREATE INDEX ix_member_question_member_id_asked_at
    ON network.member_question (member_id, asked_at);
CREATE INDEX ix_member_question_waiting ON network.member_question (asked_at)
    WHERE answered_at IS NULL;
CREATE INDEX ix_member_question_answered_at ON network.member_question (answered_at)
    WHERE answered_at IS NOT NULL;

CREATE FUNCTION network.question_is_answered_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'question % has been answered', OLD.question_id USING ERRCODE = 'PV003';
END
$$;
CREATE TRIGGER answered_once BEFORE UPDATE ON network.member_question
    FOR EACH ROW WHEN (OLD.answered_at IS NOT NULL)
    EXECUTE FUNCTION network.question_is_answered_once();
REVOKE ALL ON FUNCTION network.question_is_answered_once() FROM PUBLIC;

GRANT SELECT, INSERT, DELETE ON network.member_question TO peyvand_app;
GRANT UPDATE (owner_id, taken_at, sealed_answer, answered_by, answered_at)
    ON network.member_question TO peyvand_app;
