-- Datasets, the migrations that fill them, their segments, and where the shards lie. A tenant's rows say nothing of its
-- plaintext; where a shard lies is the operator's business, and only workers write it.

-- Storage nodes belong to the operator's reserved tenant.
CREATE TABLE storage_node (
  tenant_id text NOT NULL REFERENCES tenant (id) CHECK (tenant_id = 'tnt-00000000000000000'),
  id text PRIMARY KEY,
  name text NOT NULL,
  name_folded text NOT NULL,
  driver text NOT NULL CHECK (driver = 'directory'),
  location text NOT NULL,
  failure_domain text NOT NULL,
  weight integer NOT NULL CHECK (weight BETWEEN 1 AND 10000),
  status text NOT NULL CHECK (status IN ('active', 'draining')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT storage_node_name_unique UNIQUE (tenant_id, name_folded),
  CONSTRAINT storage_node_location_unique UNIQUE (tenant_id, location)
);
CALL secure_tenant_table('storage_node');

CREATE TABLE dataset (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  name text NOT NULL,
  name_folded text NOT NULL,
  -- How its segments are cut: any data_shards of the data_shards + parity_shards bring a segment back.
  data_shards smallint NOT NULL CHECK (data_shards BETWEEN 1 AND 128),
  parity_shards smallint NOT NULL CHECK (parity_shards BETWEEN 1 AND 128),
  next_ordinal integer NOT NULL DEFAULT 0,
  -- The signed document with the dataset key, wrapped to the tenant's age recipients; json keeps its text as it came.
  key_document json,
  key_signer bytea CHECK (length(key_signer) = 32),
  key_check bytea CHECK (length(key_check) = 32),
  manifest_version integer,
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT dataset_name_unique UNIQUE (tenant_id, name_folded)
);
CALL secure_tenant_table('dataset');

CREATE TABLE migration (
  tenant_id text NOT NULL,
  id text PRIMARY KEY,
  dataset_id text NOT NULL,
  state text NOT NULL CHECK (state IN
    ('draft', 'scanning', 'copying', 'syncing', 'verifying', 'ready', 'cutover', 'integrated', 'finalized', 'paused', 'failed')),
  -- Where a paused migration goes on.
  resume_state text,
  -- Why it failed, or what it waits for.
  reason text,
  source text,
  scanned_files bigint NOT NULL DEFAULT 0,
  scanned_bytes bigint NOT NULL DEFAULT 0,
  manifest_version integer,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, dataset_id, id),
  CHECK ((state = 'paused') = (resume_state IS NOT NULL)),
  CONSTRAINT migration_dataset_fk FOREIGN KEY (tenant_id, dataset_id) REFERENCES dataset (tenant_id, id)
);
CREATE INDEX migration_of_dataset ON migration (tenant_id, dataset_id, id);
-- Two clients that fill one dataset at once would each sign a manifest without the other's files.
CREATE UNIQUE INDEX migration_one_active ON migration (tenant_id, dataset_id)
  WHERE state NOT IN ('ready', 'cutover', 'integrated', 'finalized', 'failed');
CALL secure_tenant_table('migration');

-- The client draws a segment's id and seals it into the container, so the id is unique for its tenant only.
CREATE TABLE segment (
  tenant_id text NOT NULL,
  id text NOT NULL,
  dataset_id text NOT NULL,
  migration_id text NOT NULL,
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  kind text NOT NULL CHECK (kind IN ('data', 'tree')),
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  size integer NOT NULL CHECK (size > 0),
  data_shards smallint NOT NULL,
  parity_shards smallint NOT NULL,
  -- The RFC 6962 roots of the shards in slot order, 32 bytes each.
  shard_roots bytea NOT NULL CHECK (length(shard_roots) = 32 * (data_shards + parity_shards)),
  wrapped_key bytea NOT NULL,
  -- registered: announced; staged: its ciphertext is on the staging disk; placed: every shard was written and read back.
  state text NOT NULL DEFAULT 'registered' CHECK (state IN ('registered', 'staged', 'placed')),
  reason text,
  -- Raised by whoever starts to place the segment; an older placement can no longer commit.
  placement_epoch integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  placed_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT segment_ordinal_unique UNIQUE (tenant_id, dataset_id, ordinal),
  CONSTRAINT segment_dataset_fk FOREIGN KEY (tenant_id, dataset_id) REFERENCES dataset (tenant_id, id),
  CONSTRAINT segment_migration_fk FOREIGN KEY (tenant_id, dataset_id, migration_id)
    REFERENCES migration (tenant_id, dataset_id, id)
);
CREATE INDEX segment_of_migration ON segment (tenant_id, migration_id, state);
CREATE INDEX segment_unplaced ON segment (state, tenant_id, id) WHERE state <> 'placed';
CALL secure_tenant_table('segment');

CREATE TABLE shard (
  tenant_id text NOT NULL,
  segment_id text NOT NULL,
  slot smallint NOT NULL CHECK (slot >= 0),
  node_id text NOT NULL CONSTRAINT shard_node_fk REFERENCES storage_node (id),
  -- SHA-256 of the shard: its name on the node.
  name bytea NOT NULL CHECK (length(name) = 32),
  size integer NOT NULL CHECK (size > 0),
  placement_epoch integer NOT NULL,
  verified_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, segment_id, slot),
  CONSTRAINT shard_one_a_node UNIQUE (tenant_id, segment_id, node_id),
  CONSTRAINT shard_segment_fk FOREIGN KEY (tenant_id, segment_id) REFERENCES segment (tenant_id, id)
);
CREATE INDEX shard_of_node ON shard (node_id);
CALL secure_tenant_table('shard');
REVOKE INSERT, UPDATE, DELETE ON shard FROM freehold_api;

-- One version of a dataset, as its client signed it. What is committed is what the ledger holds the content root of.
CREATE TABLE manifest (
  tenant_id text NOT NULL,
  dataset_id text NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  migration_id text NOT NULL,
  statement bytea NOT NULL,
  signature bytea NOT NULL CHECK (length(signature) = 64),
  signer bytea NOT NULL CHECK (length(signer) = 32),
  content_root bytea NOT NULL CHECK (length(content_root) = 32),
  ledger_entry_id text,
  submitted_at timestamptz NOT NULL DEFAULT now(),
  committed_at timestamptz,
  PRIMARY KEY (tenant_id, dataset_id, version),
  CHECK ((committed_at IS NULL) = (ledger_entry_id IS NULL)),
  CONSTRAINT manifest_dataset_fk FOREIGN KEY (tenant_id, dataset_id) REFERENCES dataset (tenant_id, id),
  CONSTRAINT manifest_migration_fk FOREIGN KEY (tenant_id, dataset_id, migration_id)
    REFERENCES migration (tenant_id, dataset_id, id)
);
CALL secure_tenant_table('manifest');

-- How many failure domains can take a shard now: a tenant must learn that its data has nowhere to go before it is uploaded.
SET ROLE freehold_system;
CREATE FUNCTION crosstenant.active_failure_domains() RETURNS integer
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$ SELECT count(DISTINCT failure_domain)::integer FROM public.storage_node WHERE status = 'active' $$;
-- Which storage nodes still hold shards of anybody: the operator's deletion of a node asks for the number alone.
CREATE FUNCTION crosstenant.shards_on_node(node text) RETURNS bigint
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$ SELECT count(*) FROM public.shard WHERE node_id = node $$;
REVOKE ALL ON FUNCTION crosstenant.active_failure_domains() FROM PUBLIC;
REVOKE ALL ON FUNCTION crosstenant.shards_on_node(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.active_failure_domains() TO freehold_api;
GRANT EXECUTE ON FUNCTION crosstenant.shards_on_node(text) TO freehold_api;
RESET ROLE;
