-- What others can hold an anchor, or a missing one, to: promises of anchors to come, and proofs of those that are final. And
-- entries that are to be anchored without waiting for the interval.

-- A signer's word that a head of at least that many entries will be anchored by the deadline. Kept until an anchor that is
-- final keeps it: those who hold one have their own copy.
CREATE TABLE anchor_promise (
  deployment_id bigint NOT NULL REFERENCES chain_deployment (id),
  size bigint NOT NULL REFERENCES ledger_checkpoint (size) ON DELETE CASCADE,
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  -- Unix seconds.
  deadline bigint NOT NULL CHECK (deadline > 0),
  signer text NOT NULL CHECK (signer ~ '^0x[0-9a-f]{40}$'),
  signature bytea NOT NULL CHECK (octet_length(signature) = 65),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (deployment_id, size)
);

-- The contract's storage in the state of the anchor's block (EIP-1186), or why there is no proof of it. It counts only while
-- the anchor is in that block: after a reorganisation it is made anew.
CREATE TABLE anchor_proof (
  anchor_id text PRIMARY KEY REFERENCES anchor (id) ON DELETE CASCADE,
  block_hash bytea NOT NULL CHECK (octet_length(block_hash) = 32),
  header bytea,
  account_proof bytea[],
  storage_proof bytea[],
  refusal text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (num_nulls(header, account_proof, storage_proof) = CASE WHEN refusal IS NULL THEN 0 ELSE 3 END)
);

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['anchor_promise', 'anchor_proof'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY everybody_reads ON %I FOR SELECT TO freehold_api USING (true)', target);
    EXECUTE format('CREATE POLICY system_writes ON %I TO freehold_system USING (true) WITH CHECK (true)', target);
    EXECUTE format('GRANT SELECT ON %I TO freehold_api', target);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO freehold_system', target);
  END LOOP;
END
$$;

-- Entries whose caller asked for an anchor at once. Gone when they are anchored.
CREATE TABLE anchor_request (
  tenant_id text NOT NULL,
  entry_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, entry_id),
  CONSTRAINT anchor_request_entry_fk FOREIGN KEY (tenant_id, entry_id) REFERENCES ledger_entry (tenant_id, id) ON DELETE CASCADE
);
CALL secure_tenant_table('anchor_request');
REVOKE SELECT, UPDATE, DELETE ON anchor_request FROM freehold_api;
REVOKE UPDATE ON anchor_request FROM freehold_system;
