-- Which resource an entry is about, so that a resource's history can be found. Says what the body says and proves nothing.

ALTER TABLE ledger_entry ADD COLUMN resource_id text;
CREATE INDEX ledger_entry_resource ON ledger_entry (tenant_id, resource_id) WHERE resource_id IS NOT NULL;
