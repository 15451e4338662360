-- Shared wallets as people know them: a family's or a company's pool, who made it, who is invited, and
-- who asks to leave with points. The points are the ledger's; so is who is in a pool
-- (ledger.shared_person), because what a person may spend there is checked where points move.

-- Who stands at the till, where that may be another than whose wallet moves; the ledger follows.
ALTER TYPE ledger.event_facts ADD ATTRIBUTE person_id uuid;
-- The person that a shared wallet's call is of, NULL in a wallet of one's own.
ALTER TYPE ledger.operation ADD ATTRIBUTE person_id uuid;
-- Caps of campaigns are a person's, in a shared wallet too; NULL where the wallet is the person's own.
ALTER TABLE ledger.campaign_taking ADD COLUMN person_id uuid;
-- Where a person's points are (home), and who the person is there.
CREATE TYPE ledger.whereabouts AS (home uuid, person uuid);

-- A person (member_id) who has joined a shared wallet (its entry sequence): until they leave. spend_limit
-- bounds what the person spends there in 30 days; locked is the person's own switch.
CREATE TABLE ledger.shared_person (
    member_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    spend_limit bigint,
    locked boolean NOT NULL,
    sequence bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    CONSTRAINT pk_shared_person PRIMARY KEY (member_id),
    CONSTRAINT ck_shared_person_limit CHECK (spend_limit >= 0)
);
CREATE INDEX ix_shared_person_pool ON ledger.shared_person (pool_id);
REVOKE ALL ON ledger.shared_person FROM PUBLIC, peyvand_app;
GRANT SELECT ON ledger.shared_person TO peyvand_app;

-- pool_id is the shared wallet's id in the ledger.
CREATE TABLE network.pool (
    pool_id uuid NOT NULL,
    kind text NOT NULL,
    owner_id uuid NOT NULL,
    tells_owner boolean NOT NULL,
    made_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT pk_pool PRIMARY KEY (pool_id),
    CONSTRAINT fk_pool_owner_id_member FOREIGN KEY (owner_id)
        REFERENCES network.member (member_id),
    CONSTRAINT ck_pool_kind CHECK (kind IN ('family', 'company'))
);
CREATE INDEX ix_pool_owner_id ON network.pool (owner_id);
GRANT SELECT, INSERT ON network.pool TO peyvand_app;
GRANT UPDATE (tells_owner, ended_at) ON network.pool TO peyvand_app;

-- An invitation is for a phone, whoever has it; the phone itself is sealed with the inviter's key.
CREATE TABLE network.pool_invitation (
    invitation_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    phone_index bytea NOT NULL,
    sealed_phone bytea NOT NULL,
    state text NOT NULL,
    invited_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decided_at timestamptz,
    CONSTRAINT pk_pool_invitation PRIMARY KEY (invitation_id),
    CONSTRAINT fk_pool_invitation_pool_id_pool FOREIGN KEY (pool_id)
        REFERENCES network.pool (pool_id),
    CONSTRAINT ck_pool_invitation_phone_index CHECK (length(phone_index) = 32),
    CONSTRAINT ck_pool_invitation_state
        CHECK (state IN ('open', 'accepted', 'declined', 'withdrawn'))
);
CREATE INDEX ix_pool_invitation_phone_index ON network.pool_invitation (phone_index);
CREATE INDEX ix_pool_invitation_pool_id ON network.pool_invitation (pool_id);
GRANT SELECT, INSERT ON network.pool_invitation TO peyvand_app;
GRANT UPDATE (state, decided_at) ON network.pool_invitation TO peyvand_app;

-- What a person asks to take along; the owner agrees or does not.
CREATE TABLE network.pool_parting (
    parting_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    member_id uuid NOT NULL,
    points bigint NOT NULL,
    state text NOT NULL,
    asked_at timestamptz NOT NULL,
    decided_at timestamptz,
    CONSTRAINT pk_pool_parting PRIMARY KEY (parting_id),
    CONSTRAINT fk_pool_parting_pool_id_pool FOREIGN KEY (pool_id)
        REFERENCES network.pool (pool_id),
    CONSTRAINT fk_pool_parting_member_id_member FOREIGN KEY (member_id)
        REFERENCES network.member (member_id),
    CONSTRAINT ck_pool_parting_points CHECK (points > 0),
    CONSTRAINT ck_pool_parting_state CHECK (state IN ('open', 'agreed', 'declined', 'withdrawn'))
);
CREATE INDEX ix_pool_parting_pool_id ON network.pool_parting (pool_id);
GRANT SELECT, INSERT ON network.pool_parting TO peyvand_app;
GRANT UPDATE (state, decided_at) ON network.pool_parting TO peyvand_app;
