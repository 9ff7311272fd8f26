-- Anchoring: which head of the log went into which transaction. The signed transactions are stored before they are sent, so
-- that a chain that lost them gets the very same bytes again, in the order of their nonces. Nothing here is a tenant's.

-- An account that sends transactions. next_nonce moves under its row lock, in the transaction that stores what uses it.
CREATE TABLE chain_account (
  chain_id bigint NOT NULL CHECK (chain_id > 0),
  address text NOT NULL CHECK (address ~ '^0x[0-9a-fA-F]{40}$'),
  next_nonce bigint NOT NULL CHECK (next_nonce >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (chain_id, address)
);

-- Every transaction that was ever signed. Variants of one nonce differ in their fee alone; at most one of them is mined.
CREATE TABLE chain_transaction (
  chain_id bigint NOT NULL,
  account text NOT NULL,
  nonce bigint NOT NULL CHECK (nonce >= 0),
  variant smallint NOT NULL DEFAULT 0 CHECK (variant >= 0),
  kind text NOT NULL CHECK (kind IN ('deploy', 'create-log', 'change-signers', 'anchor')),
  raw bytea NOT NULL,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  -- What it was signed from, for a variant with a higher fee.
  recipient text,
  data bytea NOT NULL,
  gas bigint NOT NULL,
  -- Wei; a fixed fee has no tip.
  max_fee numeric(78) NOT NULL,
  max_tip numeric(78),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (chain_id, account, nonce, variant),
  UNIQUE (hash),
  CONSTRAINT chain_transaction_account_fk FOREIGN KEY (chain_id, account) REFERENCES chain_account (chain_id, address)
);
CALL make_append_only('chain_transaction');

-- A registry on a chain with our log in it. head is the hash of the newest link that was signed, mined or not.
CREATE TABLE chain_deployment (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  chain_id bigint NOT NULL,
  account text NOT NULL,
  contract text NOT NULL CHECK (contract ~ '^0x[0-9a-fA-F]{40}$'),
  log_id bytea NOT NULL CHECK (octet_length(log_id) = 32),
  epoch integer NOT NULL CHECK (epoch > 0),
  threshold smallint NOT NULL CHECK (threshold > 0),
  signers text[] NOT NULL CHECK (cardinality(signers) >= threshold),
  head bytea NOT NULL CHECK (octet_length(head) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (chain_id, account, log_id),
  CONSTRAINT chain_deployment_account_fk FOREIGN KEY (chain_id, account) REFERENCES chain_account (chain_id, address)
);

-- A published head on its way into the chain. pending: the node does not have it (any more); sent: the node took it; final:
-- its block will not change any more. tx_hash and the block are those of the variant that was mined; where a recycled
-- development chain has forgotten the receipt, the block is the one at which the contract was read to hold the head.
CREATE TABLE anchor (
  id text PRIMARY KEY CHECK (id ~ '^anc-[0-9a-f]{17}$'),
  deployment_id bigint NOT NULL REFERENCES chain_deployment (id),
  size bigint NOT NULL REFERENCES ledger_checkpoint (size),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  epoch integer NOT NULL CHECK (epoch > 0),
  prev bytea NOT NULL CHECK (octet_length(prev) = 32),
  head bytea NOT NULL CHECK (octet_length(head) = 32),
  nonce bigint NOT NULL CHECK (nonce >= 0),
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'final')),
  tx_hash bytea NOT NULL CHECK (octet_length(tx_hash) = 32),
  block_number bigint CHECK (block_number >= 0),
  block_hash bytea CHECK (octet_length(block_hash) = 32),
  finality text,
  independent_trust boolean,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  final_at timestamptz,
  UNIQUE (deployment_id, size),
  UNIQUE (deployment_id, nonce),
  CHECK ((block_number IS NULL) = (block_hash IS NULL)),
  CHECK (state = 'sent' OR (state = 'final') = (block_number IS NOT NULL)),
  CHECK (state <> 'final' OR (finality IS NOT NULL AND independent_trust IS NOT NULL AND final_at IS NOT NULL))
);
CREATE INDEX anchor_unsettled ON anchor (deployment_id, nonce) WHERE state <> 'final';
CREATE INDEX anchor_final ON anchor (size) WHERE state = 'final';

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['chain_account', 'chain_transaction', 'chain_deployment', 'anchor'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY system_writes ON %I TO freehold_system USING (true) WITH CHECK (true)', target);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO freehold_system', target);
  END LOOP;
  FOREACH target IN ARRAY ARRAY['chain_deployment', 'anchor'] LOOP
    EXECUTE format('CREATE POLICY everybody_reads ON %I FOR SELECT TO freehold_api USING (true)', target);
    EXECUTE format('GRANT SELECT ON %I TO freehold_api', target);
  END LOOP;
END
$$;
-- What was signed stays; only where it stands may change.
GRANT UPDATE (next_nonce) ON chain_account TO freehold_system;
GRANT UPDATE (epoch, threshold, signers, head) ON chain_deployment TO freehold_system;
GRANT UPDATE (state, tx_hash, block_number, block_hash, finality, independent_trust, sent_at, final_at) ON anchor TO freehold_system;
