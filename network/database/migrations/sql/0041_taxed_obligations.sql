-- An obligation of VAT says what its tax falls on: the fee per point, and the rate. price is both
-- multiplied and rounded half to even to ten places; others have zero in both.
ALTER TABLE network.obligation ADD COLUMN taxed numeric(20, 10) NOT NULL DEFAULT 0;
ALTER TABLE network.obligation ADD COLUMN vat_rate numeric(20, 10) NOT NULL DEFAULT 0;
