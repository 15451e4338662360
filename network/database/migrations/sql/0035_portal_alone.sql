-- Since when a merchant takes part through the portal alone, without a key: an approver lets it, once
-- its agreement, its earning terms and a face value are in force (network/portal/alone.py).
ALTER TABLE network.merchant ADD COLUMN portal_since timestamptz;
GRANT UPDATE (portal_since) ON network.merchant TO peyvand_app;
