-- Spending in two steps: points are held (authorise), then captured or let go (void).

CREATE OR REPLACE FUNCTION ledger.authorise(
    p_member uuid, p_now timestamptz, p_wall timestamptz, p_claim ledger.claim_facts,
    p_event ledger.event_facts, p_points bigint, p_hold_until timestamptz,
    p_consent ledger.consent_facts, p_evidence ledger.evidence_facts
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_for(p_member, p_event.person_id, p_claim, p_now);
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    op := ledger.begin_spending(op, p_now, p_wall, p_event, p_points, p_consent);
    op := ledger.take_points(op, p_event.merchant_id, p_points, 'held', NULL);
    INSERT INTO ledger.hold
        (member_id, sequence, business_date, merchant_id, merchant_ref, points, hold_until)
    VALUES (op.member_id, op.sequence, op.business_date, p_event.merchant_id,
            p_event.merchant_ref, p_points, p_hold_until);
    INSERT INTO ledger.hold_slice (member_id, sequence, part, lot_id, points)
    SELECT op.member_id, op.sequence, m.place, m.lot_id, m.points
    FROM unnest(op.moves) WITH ORDINALITY AS m
             (source, target, issuer_id, acceptor_id, lot_id, target_lot_id, terms_id, priced_on,
              points, place);
    op := ledger.write_entry(op, 'authorisation', p_event, 'merchant:' || p_event.merchant_id,
                             NULL, p_now, p_points);
    RETURN ledger.finish_operation(op, p_claim, p_evidence, jsonb_build_object(
        'state', 'authorised', 'points', p_points, 'hold_until', p_hold_until)
        || ledger.posted_to(op, p_member));
END
$$;

-- Taking points anew for a hold that ran out is spending again: of a shared wallet only for a person
-- who is still in it, and within their limit.
CREATE OR REPLACE FUNCTION ledger.check_late(op ledger.operation, h ledger.hold, p_points bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SELECT ledger.person_in(e.actor) INTO op.person_id FROM ledger.entry AS e
    WHERE e.member_id = op.member_id AND e.sequence = h.sequence
      AND e.business_date = h.business_date;
    IF op.person_id IS NULL THEN
        RETURN;
    ELSIF (ledger.whereabouts_of(op.person_id)).home <> op.member_id THEN
        PERFORM ledger.refuse('hold_expired', jsonb_build_object('hold_until', h.hold_until));
    END IF;
    PERFORM ledger.check_person(op, p_points);
END
$$;

-- Finds the hold that a capture or void names; refuses one that is not this merchant's or ended.
CREATE OR REPLACE FUNCTION ledger.hold_to_settle(
    op ledger.operation, p_merchant uuid, p_authorisation bigint
) RETURNS ledger.hold LANGUAGE plpgsql AS $$
DECLARE
    h ledger.hold;
    facts jsonb := jsonb_build_object('authorisation', p_authorisation);
BEGIN
    SELECT t.* INTO h FROM ledger.hold AS t
    WHERE t.member_id = op.member_id AND t.sequence = p_authorisation;
    IF NOT FOUND THEN
        -- A redemption captured in the same call has no hold.
        IF (ledger.first_slice(op.member_id, p_authorisation)).acceptor_id = p_merchant THEN
            PERFORM ledger.refuse('already_captured', facts);
        END IF;
        PERFORM ledger.refuse('unknown_original', facts);
    ELSIF h.merchant_id <> p_merchant THEN
        PERFORM ledger.refuse('unknown_original', facts);
    ELSIF h.state = 'captured' THEN
        PERFORM ledger.refuse('already_captured', facts);
    ELSIF h.state = 'voided' THEN
        PERFORM ledger.refuse('already_voided', facts);
    END IF;
    RETURN h;
END
$$;

-- Captures all or part of a hold and releases the rest. Up to 24 hours after the hold's life ended
-- it still succeeds if the points are there, taken anew where they had been released. A capture that
-- names no reference carries that of its authorisation, by which its merchant looks for it.
CREATE OR REPLACE FUNCTION ledger.capture(
    p_member uuid, p_now timestamptz, p_wall timestamptz, p_claim ledger.claim_facts,
    p_authorisation bigint, p_points bigint, p_event ledger.event_facts,
    p_evidence ledger.evidence_facts
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    h ledger.hold;
    s record;
    wanted bigint;
    taken bigint;
    settled bigint;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    PERFORM ledger.check_wall(p_wall);
    h := ledger.hold_to_settle(op, p_event.merchant_id, p_authorisation);
    settled := coalesce(p_points, h.points);
    PERFORM ledger.check_count('points', settled);
    IF settled > h.points THEN
        PERFORM ledger.refuse('capture_exceeds_hold', jsonb_build_object(
            'held', h.points, 'points', settled));
    ELSIF p_wall >= h.hold_until + interval '24 hours' THEN
        PERFORM ledger.refuse('hold_expired', jsonb_build_object('hold_until', h.hold_until));
    END IF;
    op := ledger.release_lapsed(op, p_wall, p_now, p_authorisation);
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.sequence := op.sequence + 1;

    IF h.state = 'released' THEN
        IF op.status <> 'active' THEN
            PERFORM ledger.refuse('hold_expired', jsonb_build_object('hold_until', h.hold_until));
        END IF;
        PERFORM ledger.check_late(op, h, settled);
        op := ledger.take_points(op, p_event.merchant_id, settled, 'redemption',
                                 op.business_date, 'hold_expired');
    ELSE
        wanted := settled;
        FOR s IN
            SELECT t.part, t.lot_id, t.points, l.issuer_id, l.terms_id
            FROM ledger.hold_slice AS t
            JOIN ledger.lot AS l ON l.member_id = p_member AND l.lot_id = t.lot_id
            WHERE t.member_id = p_member AND t.sequence = p_authorisation ORDER BY t.part
        LOOP
            taken := least(wanted, s.points);
            IF taken > 0 THEN
                UPDATE ledger.lot AS l SET held = l.held - taken, redeemed = l.redeemed + taken
                WHERE l.member_id = p_member AND l.lot_id = s.lot_id;
                UPDATE ledger.hold_slice AS t SET captured = taken
                WHERE t.member_id = p_member AND t.sequence = p_authorisation AND t.part = s.part;
                op := ledger.add_move(op, 'held', 'redemption', s.issuer_id, s.lot_id, s.terms_id,
                                      taken, p_event.merchant_id, op.business_date);
                wanted := wanted - taken;
            END IF;
            IF taken < s.points THEN
                op := ledger.release_slice(op, s.lot_id, s.points - taken);
            END IF;
        END LOOP;
    END IF;
    UPDATE ledger.hold AS t
    SET state = 'captured', captured = settled, capture_sequence = op.sequence
    WHERE t.member_id = p_member AND t.sequence = p_authorisation;
    p_event.merchant_ref := coalesce(nullif(p_event.merchant_ref, ''), h.merchant_ref);
    op := ledger.write_entry(op, 'capture', p_event, 'merchant:' || p_event.merchant_id, NULL,
                             p_now, settled, h.sequence, h.business_date);
    RETURN ledger.finish_operation(op, p_claim, p_evidence, jsonb_build_object(
        'state', 'captured', 'authorisation', p_authorisation, 'points', settled,
        'released', CASE WHEN h.state = 'released' THEN 0 ELSE h.points - settled END));
END
$$;

-- Ends a hold before its capture. A hold whose life had run out is marked voided without
-- movements, so that no late capture follows. Without a reference it carries the authorisation's.
CREATE OR REPLACE FUNCTION ledger.void(
    p_member uuid, p_now timestamptz, p_wall timestamptz, p_claim ledger.claim_facts,
    p_authorisation bigint, p_event ledger.event_facts, p_evidence ledger.evidence_facts
) RETURNS ledger.posted
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    op ledger.operation := ledger.begin_operation(p_member, p_claim, p_now);
    h ledger.hold;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    END IF;
    PERFORM ledger.check_wall(p_wall);
    h := ledger.hold_to_settle(op, p_event.merchant_id, p_authorisation);
    op := ledger.release_lapsed(op, p_wall, p_now, p_authorisation);
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.sequence := op.sequence + 1;
    op := ledger.release_hold(op, h, 'voided');
    UPDATE ledger.reference AS r SET state = 'free'
    WHERE r.member_id = p_member AND r.merchant_id = h.merchant_id AND r.kind = 'redemption'
      AND r.merchant_ref = h.merchant_ref AND r.state = 'used';
    p_event.merchant_ref := coalesce(nullif(p_event.merchant_ref, ''), h.merchant_ref);
    op := ledger.write_entry(op, 'void', p_event, 'merchant:' || p_event.merchant_id, NULL, p_now,
                             h.points, h.sequence, h.business_date);
    RETURN ledger.finish_operation(op, p_claim, p_evidence, jsonb_build_object(
        'state', 'voided', 'authorisation', p_authorisation, 'points', h.points));
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.authorise(uuid, timestamptz, timestamptz, ledger.claim_facts, ledger.event_facts,
        bigint, timestamptz, ledger.consent_facts, ledger.evidence_facts),
    ledger.capture(uuid, timestamptz, timestamptz, ledger.claim_facts, bigint, bigint,
        ledger.event_facts, ledger.evidence_facts),
    ledger.void(uuid, timestamptz, timestamptz, ledger.claim_facts, bigint, ledger.event_facts,
        ledger.evidence_facts)
    TO peyvand_app;
