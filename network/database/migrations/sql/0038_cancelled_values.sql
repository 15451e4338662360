-- What two people approved for a day to come may be cancelled by two people before that day begins
-- (network/programme/cancelling.py). The row goes, so that nothing that reads prices can meet it; the
-- cancellation's proposal keeps what it said, and the audit misses a row that went without one.
CREATE FUNCTION network.only_two_people_cancel() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_row jsonb := to_jsonb(OLD);
BEGIN
    IF OLD.effective_from > (SELECT max(b.business_date) FROM ledger.business_day AS b)
        AND EXISTS (
            SELECT FROM network.proposal AS p
            WHERE p.kind = TG_ARGV[0] AND p.approved
              AND p.subject_id = coalesce(
                  (v_row ->> 'merchant_id')::uuid, '00000000-0000-7000-8000-000000000000')
              AND (p.terms ->> 'effective_from')::date = OLD.effective_from
              AND CASE WHEN v_row ? 'agreement_id'
                       THEN p.terms ->> 'agreement_id' = v_row ->> 'agreement_id'
                       ELSE p.decided_at >= coalesce(v_row ->> 'set_at', v_row ->> 'decided_at')
                           ::timestamptz
                  END
        )
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'what two people let happen is cancelled by two people, before its day begins'
        USING ERRCODE = '23514', CONSTRAINT = 'only_two_people_cancel';
END
$$;

CREATE TRIGGER face_value_cancelled_by_two
    BEFORE DELETE ON network.face_value
    FOR EACH ROW EXECUTE FUNCTION network.only_two_people_cancel('programme.cancel_face_value');
CREATE TRIGGER earning_terms_cancelled_by_two
    BEFORE DELETE ON network.earning_terms
    FOR EACH ROW EXECUTE FUNCTION network.only_two_people_cancel('programme.cancel_terms');
CREATE TRIGGER payment_mode_cancelled_by_two
    BEFORE DELETE ON network.payment_mode
    FOR EACH ROW EXECUTE FUNCTION network.only_two_people_cancel('payments.cancel_mode');
DROP TRIGGER agreement_withdrawn_before_approval ON network.agreement;
CREATE TRIGGER agreement_cancelled_by_two
    BEFORE DELETE ON network.agreement
    FOR EACH ROW WHEN (OLD.approved_at IS NOT NULL)
    EXECUTE FUNCTION network.only_two_people_cancel('agreement.cancel');
GRANT DELETE ON network.face_value, network.earning_terms, network.payment_mode TO peyvand_app;
