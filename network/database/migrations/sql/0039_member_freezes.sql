-- Members whose spending the network has locked (network/members/freezing.py): they can't unlock it
-- themselves. was_locked is how their own switch stood, or how they have wished it since, for the day on
-- which the network lets go; the audit log keeps who did what.
CREATE TABLE network.member_freeze (
    member_id uuid NOT NULL,
    reason text NOT NULL,
    was_locked boolean NOT NULL,
    frozen_by uuid NOT NULL,
    frozen_at timestamptz NOT NULL,
    CONSTRAINT pk_member_freeze PRIMARY KEY (member_id),
    CONSTRAINT fk_member_freeze_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT fk_member_freeze_frozen_by_operator
        FOREIGN KEY (frozen_by) REFERENCES network.operator (operator_id),
    CONSTRAINT ck_member_freeze_reason CHECK (reason <> '' AND length(reason) <= 300)
);
GRANT SELECT, INSERT, UPDATE (was_locked), DELETE ON network.member_freeze TO peyvand_app;
