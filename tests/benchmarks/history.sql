-- A ledger's past, filled set by set: purchases, redemptions over several lots, refunds of both,
-- expiries; entries with true digests, and every stored figure as the postings say. The statements
-- are parted by lines of "-- :step"; names with a dollar sign are filled in by history.py.
--
-- A group is one or more purchases of a member, one lot each, and what became of those lots. Most
-- groups live on the last day; the others were bought on earlier days and end later or not at all.
-- A redemption or an expiry takes five lots on average, as where most of what begins also ends.
-- A member shops in the twenty shops of a town and in fifty chains that every town has.

-- :step parties
CREATE SCHEMA made;
CREATE FUNCTION made.uuid_of(p_digit text, p_number bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (p_digit || '0000000-0000-7000-8000-' || lpad(to_hex(p_number), 12, '0'))::uuid;
CREATE FUNCTION made.draw(p_of bigint, p_seed integer, p_below integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(p_of, p_seed) & 9223372036854775807) % p_below;
CREATE FUNCTION made.shop(p_member integer, p_of bigint, p_seed integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN made.draw(p_of, p_seed, 10) = 0 THEN 1 + made.draw(p_of, p_seed + 1, 50)
            ELSE 1 + (p_member % ($merchants / 20)) * 20 + made.draw(p_of, p_seed + 1, 20) END;
INSERT INTO network.merchant (merchant_id, code, name_fa, name_en, kind, status, joined_at)
SELECT $merchant_of(m), 'merchant-' || m, 'فروشگاه ' || m, 'Merchant ' || m, 'grocery', 'active',
       now() - interval '400 days'
FROM generate_series(1, $merchants) AS m;
INSERT INTO network.agreement
    (agreement_id, merchant_id, version, effective_from, issue_price, acceptance_fee, funding,
     currency, proposed_at, approved_at)
SELECT $terms_of(m), $merchant_of(m), 1, DATE '$first' - 30, 1000 - m % 50 + 0.0123456789,
       0.01 + m % 40 * 0.001, 'on_redemption', 'IRR', now(), now()
FROM generate_series(1, $merchants) AS m;
INSERT INTO network.face_value (effective_from, numerator, denominator, currency, set_at)
VALUES (DATE '$first' - 30, 1000, 1, 'IRR', now());

-- :step groups
CREATE UNLOGGED TABLE made.bundle AS
SELECT g AS no, 1 + made.draw(g, 1, $members) AS member, 1 + made.draw(g, 2, 9) AS size,
       CASE WHEN g % 10 > 0 THEN DATE '$last'
            ELSE DATE '$first' + made.draw(g, 3, DATE '$last' - DATE '$first' - 1) END AS earned_on,
       CASE WHEN g % 10 > 0 THEN DATE '$last'
            ELSE DATE '$last' - CASE made.draw(g, 4, 3) WHEN 0 THEN 1 ELSE 0 END END AS ended_on,
       CASE WHEN g % 10 > 0 THEN
                CASE WHEN d < 60 THEN 'redeemed' WHEN d < 68 THEN 'clawed' WHEN d < 73 THEN 'pending'
                     ELSE 'open' END
            ELSE CASE WHEN d < 50 THEN 'redeemed' WHEN d < 75 THEN 'expired' WHEN d < 85 THEN 'due'
                      ELSE 'open' END
       END AS fate, d % 12 = 0 AS undone
FROM (SELECT g, made.draw(g, 5, 100) AS d FROM generate_series(1::bigint, $groups) AS g) AS drawn;

-- :step events
-- place: 1 to 9 the purchases, 10 what ends them, 11 what undoes a redemption.
CREATE UNLOGGED TABLE made.event AS
SELECT member, row_number() OVER (PARTITION BY member ORDER BY day, at, bundle, place) AS sequence,
       bundle, place, kind, day, shop, size, fate,
       (day + interval '9 hours' + at * interval '1 microsecond') AT TIME ZONE 'Asia/Tehran' AS at
FROM (
    SELECT b.member, b.no AS bundle, n AS place, 'issuance' AS kind, b.earned_on AS day,
           made.shop(b.member, b.no * 16 + n, 20) AS shop, b.size, b.fate,
           made.draw(b.no * 16 + n, 6, 1000000000)::bigint * 18 AS at
    FROM made.bundle AS b, generate_series(1, b.size) AS n
    UNION ALL
    SELECT b.member, b.no, 10, CASE b.fate WHEN 'redeemed' THEN 'redemption'
               WHEN 'clawed' THEN 'refund_issuance' ELSE 'expiry' END, b.ended_on,
           made.shop(b.member, CASE b.fate WHEN 'clawed' THEN b.no * 16 + b.size
                                           ELSE b.no * 16 + 10 END, 20),
           b.size, b.fate, 20000000000 + made.draw(b.no, 7, 1000000000)::bigint * 10
    FROM made.bundle AS b WHERE b.fate IN ('redeemed', 'clawed', 'expired')
    UNION ALL
    SELECT b.member, b.no, 11, 'refund_redemption', b.ended_on,
           made.shop(b.member, b.no * 16 + 10, 20), b.size, b.fate,
           35000000000 + made.draw(b.no, 8, 1000000000)::bigint * 10
    FROM made.bundle AS b WHERE b.fate = 'redeemed' AND b.undone
) AS happened;
CREATE UNLOGGED TABLE made.lot AS
SELECT p.member, p.sequence, p.bundle, p.place, p.size, p.day, p.at, p.shop, p.fate, p.granted,
       p.sequence * 1000000 + 1 AS lot_id, e.sequence AS ended, e.day AS ended_on, e.shop AS taker,
       u.sequence AS undone,
       CASE WHEN p.fate <> 'redeemed' THEN 0 WHEN p.place < p.size THEN p.granted
            ELSE p.granted * 3 / 4 END AS taken,
       CASE WHEN u.sequence IS NOT NULL AND p.place = p.size THEN p.granted / 4 ELSE 0 END AS given,
       CASE WHEN p.fate = 'clawed' AND p.place = p.size THEN p.granted / 2 ELSE 0 END AS clawed,
       CASE WHEN p.fate = 'expired' THEN p.granted ELSE 0 END AS expired,
       CASE p.fate WHEN 'expired' THEN e.day WHEN 'due' THEN DATE '$last' + 1
                   ELSE p.day + 365 END AS expires_on
FROM (SELECT *, 20 + made.draw(bundle * 16 + place, 9, 400)::bigint AS granted FROM made.event
      WHERE place < 10) AS p
LEFT JOIN (SELECT * FROM made.event WHERE place = 10) AS e ON e.bundle = p.bundle
LEFT JOIN (SELECT * FROM made.event WHERE place = 11) AS u ON u.bundle = p.bundle;
ANALYZE made.event, made.lot;

-- :step moves
CREATE UNLOGGED TABLE made.moved AS
SELECT member, sequence, slice::integer AS line, day, source::ledger.account AS source,
       target::ledger.account AS target, $merchant_of(shop) AS issuer_id,
       $merchant_of(taker) AS acceptor_id, lot_id, $terms_of(shop) AS terms_id, priced_on, points
FROM (
    SELECT member, sequence, 1 AS slice, day, 'issuance' AS source,
           CASE fate WHEN 'pending' THEN 'pending' ELSE 'available' END AS target, shop,
           NULL::integer AS taker, lot_id, NULL::date AS priced_on, granted AS points
    FROM made.lot
    UNION ALL
    SELECT member, ended, place, ended_on, 'available', 'redemption', shop, taker, lot_id, ended_on,
           taken FROM made.lot WHERE taken > 0
    UNION ALL
    SELECT member, ended, 1, ended_on, 'available', 'clawback', shop, NULL, lot_id, NULL, clawed
    FROM made.lot WHERE clawed > 0
    UNION ALL
    SELECT member, ended, place, ended_on, 'available', 'expiry', shop, NULL, lot_id, NULL, expired
    FROM made.lot WHERE expired > 0
    UNION ALL
    SELECT member, undone, 1, ended_on, 'redemption', 'available', shop, taker, lot_id, ended_on,
           given FROM made.lot WHERE given > 0
) AS moved;

-- :step movements
INSERT INTO ledger.movement
    (member_id, sequence, line, business_date, source, target, issuer_id, acceptor_id, lot_id,
     terms_id, priced_on, points)
SELECT $member_of(member), sequence, line, day, source, target, issuer_id, acceptor_id, lot_id,
       terms_id, priced_on, points
FROM made.moved;

-- :step entries
CREATE UNLOGGED TABLE made.entry AS
SELECT e.*, f.forms
FROM (
    SELECT $member_of(e.member) AS member_id, e.sequence, e.day, e.kind,
           CASE WHEN e.kind <> 'expiry' THEN $merchant_of(e.shop) END AS merchant_id,
           CASE WHEN e.kind <> 'expiry' THEN
               '0190' || md5(e.bundle || '-' || e.place) END AS merchant_ref,
           CASE WHEN e.kind <> 'expiry' THEN 'in_store' END AS channel,
           CASE WHEN e.kind IN ('issuance', 'refund_issuance') THEN
               coalesce(l.granted, l.clawed, o.clawed) * 10000 END AS amount,
           CASE WHEN e.kind <> 'expiry' THEN 'IRR' END AS currency,
           CASE e.kind WHEN 'refund_issuance' THEN o.sequence
                       WHEN 'refund_redemption' THEN o.ended END AS original_sequence,
           CASE e.kind WHEN 'refund_issuance' THEN o.day
                       WHEN 'refund_redemption' THEN o.ended_on END AS original_date,
           e.at, CASE WHEN e.kind = 'expiry' THEN 'system'
                      ELSE 'merchant:' || $merchant_of(e.shop) END AS actor,
           CASE e.kind WHEN 'issuance' THEN $explanation::json ELSE '[]'::json END AS explanation,
           -- Purchases of three lines, of which the first earns nearly all.
           CASE e.kind WHEN 'issuance' THEN
               ARRAY[[0, (l.granted - 2) * 10000, l.granted - 2], [1, 10000, 1],
                     [2, 10000, 1]]::bigint[] END AS earned,
           CASE WHEN l.lot_id IS NOT NULL THEN ledger.lot_form(
               l.lot_id, NULL, NULL, NULL, 1000 - l.shop % 50 + 0.0123456789,
               CASE l.fate WHEN 'pending' THEN l.day + 14 ELSE l.day END, l.expires_on) END AS lot
    FROM made.event AS e
    LEFT JOIN made.lot AS l ON l.bundle = e.bundle AND l.place = e.place
    LEFT JOIN made.lot AS o ON o.bundle = e.bundle AND o.place = e.size AND e.place > 9
) AS e
JOIN (
    SELECT $member_of(member) AS member_id, sequence, string_agg(
        ledger.movement_form(line, source, target, issuer_id, acceptor_id, lot_id, NULL, terms_id,
                             priced_on, points), '' ORDER BY line) AS forms
    FROM made.moved GROUP BY member, sequence
) AS f USING (member_id, sequence);
INSERT INTO ledger.entry
    (member_id, sequence, business_date, kind, merchant_id, merchant_ref, channel, amount, base,
     currency, original_sequence, original_date, effective_at, recorded_at, actor, explanation,
     earned, digest)
SELECT member_id, sequence, day, kind, merchant_id, merchant_ref, channel, amount, amount, currency,
       original_sequence, original_date, at, at, actor, explanation, earned,
       sha256(convert_to(ledger.entry_form(
           member_id, sequence, day, kind, merchant_id, NULL, NULL, merchant_ref, NULL, channel,
           amount, amount, currency, original_sequence, original_date, at, at, actor,
           explanation, earned) || forms || coalesce(lot, ''), 'UTF8'))
FROM made.entry ORDER BY at;

-- :step requests
INSERT INTO ledger.reference
    (member_id, merchant_id, kind, merchant_ref, state, sequence, business_date)
SELECT member_id, merchant_id, kind, merchant_ref, 'used', sequence, day
FROM made.entry WHERE merchant_id IS NOT NULL;
INSERT INTO ledger.idempotency
    (client_id, key, member_id, fingerprint, sequence, business_date, result)
SELECT merchant_id, merchant_ref, member_id, sha256(merchant_ref::bytea), sequence, day,
       jsonb_build_object('points', amount / 10000, 'state', 'available', 'repaid', 0, 'balance',
           jsonb_build_object('available', 0, 'pending', 0, 'held', 0, 'debt', 0))
FROM made.entry WHERE merchant_id IS NOT NULL;

-- :step lots
INSERT INTO ledger.lot
    (member_id, lot_id, issuer_id, terms_id, price, active, open, active_from, expires_on, made_on,
     granted, remaining, redeemed, expired, clawed_back)
SELECT $member_of(member), lot_id, $merchant_of(shop), $terms_of(shop),
       1000 - shop % 50 + 0.0123456789, fate <> 'pending',
       granted + given > taken + clawed + expired,
       CASE fate WHEN 'pending' THEN day + 14 ELSE day END, expires_on, day, granted,
       granted - taken + given - clawed - expired, taken - given, expired, clawed
FROM made.lot ORDER BY at;
INSERT INTO ledger.taken_back
    (member_id, sequence, part, issuer_id, base, points, refunded, clawed_back)
SELECT $member_of(member), sequence, 0, $merchant_of(shop), (granted - 2) * 10000, granted - 2,
       clawed * 10000, clawed
FROM made.lot WHERE clawed > 0;
INSERT INTO ledger.redeposited (member_id, sequence, line, points, refunded)
SELECT $member_of(member), ended, place, taken, given FROM made.lot WHERE given > 0;
INSERT INTO ledger.wallet (member_id, available, pending, sequence, due_on)
SELECT e.member_id, l.available, l.pending, e.last, l.due_on
FROM (SELECT member_id, max(sequence) AS last FROM made.entry GROUP BY member_id) AS e
JOIN (
    SELECT member_id, coalesce(sum(remaining) FILTER (WHERE active), 0) AS available,
           coalesce(sum(remaining) FILTER (WHERE NOT active), 0) AS pending,
           min(CASE WHEN active THEN expires_on ELSE active_from END) FILTER (WHERE open) AS due_on
    FROM ledger.lot GROUP BY member_id
) AS l USING (member_id);

-- :step tidy
DROP SCHEMA made CASCADE;
