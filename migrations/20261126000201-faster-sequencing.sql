-- The sequencer inserts a leaf only for an entry that it takes out of ledger_pending in the same statement, nothing deletes
-- entries, and each batch is read back joined with its entries before it commits. So the foreign key held nothing further,
-- and checking it cost as much as storing the leaf (docs/adr/0013).
ALTER TABLE ledger_leaf DROP CONSTRAINT ledger_leaf_entry_fk;
