-- Suspending an issuer's points, and lifting it: each is what two people agreed on. Calls under way
-- at that moment may still end as they began; every later one meets it under its wallet's lock.

-- The approved proposal behind an act, or it is none: the row says who proposed and who approved,
-- and its CHECK that they are two.
CREATE OR REPLACE FUNCTION ledger.require_approved(p_proposal uuid, p_kind text, p_subject uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM network.proposal AS p
                   WHERE p.proposal_id = p_proposal AND p.kind = p_kind
                     AND p.subject_id = p_subject AND p.approved) THEN
        RAISE EXCEPTION 'no two people agreed on % of %', p_kind, p_subject
            USING ERRCODE = 'PV003';
    END IF;
END
$$;

-- False where the issuer is suspended already.
CREATE OR REPLACE FUNCTION ledger.suspend_issuer(
    p_issuer uuid, p_proposal uuid, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    PERFORM ledger.check_clock(p_now);
    PERFORM ledger.require_approved(p_proposal, 'points.suspend', p_issuer);
    INSERT INTO ledger.suspended_issuer (issuer_id, proposal_id, suspended_at)
    VALUES (p_issuer, p_proposal, p_now)
    ON CONFLICT (issuer_id) DO NOTHING;
    RETURN FOUND;
END
$$;

-- False where the issuer is not suspended.
CREATE OR REPLACE FUNCTION ledger.resume_issuer(p_issuer uuid, p_proposal uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    PERFORM ledger.require_approved(p_proposal, 'points.resume', p_issuer);
    DELETE FROM ledger.suspended_issuer AS s WHERE s.issuer_id = p_issuer;
    RETURN FOUND;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.suspend_issuer(uuid, uuid, timestamptz),
    ledger.resume_issuer(uuid, uuid)
    TO peyvand_app;
