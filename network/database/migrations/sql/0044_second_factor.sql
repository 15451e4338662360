-- What a member adds to a session and a phone that somebody else may hold (network/second_factor).

-- Above so many points the member wants to be asked, where that is less than the installation asks.
ALTER TABLE network.member ADD COLUMN ask_above bigint
    CONSTRAINT ck_member_ask_above CHECK (ask_above >= 0);
GRANT UPDATE (ask_above) ON network.member TO peyvand_app;

-- Decided when the member is asked, like needs_code.
ALTER TABLE network.spend_request ADD COLUMN needs_proof boolean NOT NULL DEFAULT false;

-- A PIN is kept as argon2id of its keyed digest. Wrong tries are counted until a right one, a new
-- PIN, or a sign-in by one-time code.
CREATE TABLE network.member_pin (
    member_id uuid NOT NULL,
    pin_hash text NOT NULL,
    set_at timestamptz NOT NULL,
    misses smallint NOT NULL DEFAULT 0,
    again_at timestamptz,
    CONSTRAINT pk_member_pin PRIMARY KEY (member_id),
    CONSTRAINT fk_member_pin_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_member_pin_pin_hash CHECK (pin_hash LIKE '$argon2id$%'),
    CONSTRAINT ck_member_pin_misses CHECK (misses BETWEEN 0 AND 8)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON network.member_pin TO peyvand_app;

-- A proof is good for one act in one session, up to so many points, and for minutes. What it was
-- used for has its moment; only the code's limit may be shown again until it lapses.
CREATE TABLE network.member_proof (
    proof_id uuid NOT NULL,
    member_id uuid NOT NULL,
    session_id uuid NOT NULL,
    act text NOT NULL,
    subject text NOT NULL,
    points bigint NOT NULL,
    proven_by text NOT NULL,
    proven_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT pk_member_proof PRIMARY KEY (proof_id),
    CONSTRAINT fk_member_proof_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT fk_member_proof_session_id_member_session
        FOREIGN KEY (session_id) REFERENCES network.member_session (session_id) ON DELETE CASCADE,
    CONSTRAINT ck_member_proof_act
        CHECK (act IN ('code', 'request', 'gift', 'pool', 'threshold', 'passkey', 'unlock')),
    CONSTRAINT ck_member_proof_points CHECK (points >= 0),
    CONSTRAINT ck_member_proof_proven_by CHECK (proven_by IN ('pin', 'passkey')),
    CONSTRAINT ck_member_proof_expires_at CHECK (expires_at > proven_at)
);
CREATE INDEX ix_member_proof_session_id_act ON network.member_proof (session_id, act);
CREATE INDEX ix_member_proof_member_id ON network.member_proof (member_id);
CREATE INDEX ix_member_proof_expires_at ON network.member_proof (expires_at);
GRANT SELECT, INSERT, DELETE ON network.member_proof TO peyvand_app;
GRANT UPDATE (used_at) ON network.member_proof TO peyvand_app;
