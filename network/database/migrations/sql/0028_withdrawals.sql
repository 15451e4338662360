-- Whoever proposed an agreement or a release of payments may take it back while nobody has approved
-- it: the row goes, the audit log keeps what it said. What was approved stays for good.
CREATE FUNCTION network.refuse_withdrawal() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what two people let happen is not taken back' USING ERRCODE = '23514';
END
$$;

CREATE TRIGGER agreement_withdrawn_before_approval
    BEFORE DELETE ON network.agreement
    FOR EACH ROW WHEN (OLD.approved_at IS NOT NULL)
    EXECUTE FUNCTION network.refuse_withdrawal();
GRANT DELETE ON network.agreement TO peyvand_app;

CREATE TRIGGER payment_release_withdrawn_before_approval
    BEFORE DELETE ON network.payment_release
    FOR EACH ROW WHEN (OLD.approved_at IS NOT NULL)
    EXECUTE FUNCTION network.refuse_withdrawal();
GRANT DELETE ON network.payment_release TO peyvand_app;
