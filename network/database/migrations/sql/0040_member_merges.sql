-- Members who turned out to be another one (network/members/merging.py): the ledger knows where their
-- points went, this is where their phone and cards lead. A person who is merged again takes along who
-- was merged into them, so into_id is always somebody who remains.
CREATE TABLE network.member_merge (
    member_id uuid NOT NULL,
    into_id uuid NOT NULL,
    proposal_id uuid NOT NULL,
    merged_at timestamptz NOT NULL,
    CONSTRAINT pk_member_merge PRIMARY KEY (member_id),
    CONSTRAINT fk_member_merge_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT fk_member_merge_into_id_member
        FOREIGN KEY (into_id) REFERENCES network.member (member_id),
    CONSTRAINT fk_member_merge_proposal_id_proposal
        FOREIGN KEY (proposal_id) REFERENCES network.proposal (proposal_id),
    CONSTRAINT ck_member_merge_another CHECK (member_id <> into_id)
);
CREATE INDEX ix_member_merge_into_id ON network.member_merge (into_id);
GRANT SELECT, INSERT, UPDATE (into_id) ON network.member_merge TO peyvand_app;
