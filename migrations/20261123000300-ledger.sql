-- The ledger. Bodies belong to tenants and are kept apart from the log; the log itself (tiles, checkpoints) names nobody.
-- Nothing here refers to the table tenant: the record of a tenant outlives the tenant.

-- Which log this is. The random part makes two deployments two logs.
CREATE TABLE ledger_log (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  origin text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO ledger_log (origin) VALUES ('freehold/' || replace(gen_random_uuid()::text, '-', ''));

-- One chain a tenant. The sequencer alone moves seq and last_leaf_hash; the view key is sealed under the key-encryption key.
CREATE TABLE ledger_tenant_head (
  tenant_id text PRIMARY KEY CHECK (tenant_id ~ '^tnt-[0-9a-f]{17}$'),
  seq bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
  last_leaf_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(last_leaf_hash) = 32),
  sealed_view_key bytea NOT NULL,
  view_key_commitment text NOT NULL CHECK (view_key_commitment ~ '^[0-9a-f]{64}$'),
  created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CALL secure_tenant_table('ledger_tenant_head');
REVOKE INSERT, UPDATE, DELETE ON ledger_tenant_head FROM freehold_api;
GRANT INSERT (tenant_id, sealed_view_key, view_key_commitment) ON ledger_tenant_head TO freehold_api;
REVOKE DELETE ON ledger_tenant_head FROM freehold_system;

-- What happened, as the bytes that were hashed. Never json: its text does not come back as it went in.
CREATE TABLE ledger_entry (
  tenant_id text NOT NULL,
  id text NOT NULL CHECK (id ~ '^led-[0-9a-f]{17}$'),
  body bytea NOT NULL,
  body_hash bytea NOT NULL CHECK (octet_length(body_hash) = 32),
  salt bytea NOT NULL CHECK (octet_length(salt) = 32),
  committed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CALL secure_tenant_table('ledger_entry');
CALL make_append_only('ledger_entry');

-- Entries that are not in the log yet. Rows are taken as they become visible, never by "greater than the last one seen":
-- the order in which numbers are drawn is not the order of commits.
CREATE TABLE ledger_pending (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  entry_id text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CALL secure_tenant_table('ledger_pending');
REVOKE SELECT, UPDATE, DELETE ON ledger_pending FROM freehold_api;
REVOKE UPDATE ON ledger_pending FROM freehold_system;

-- An entry's place in the log and in its tenant's chain.
CREATE TABLE ledger_leaf (
  leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
  tenant_id text NOT NULL,
  entry_id text NOT NULL,
  tenant_seq bigint NOT NULL CHECK (tenant_seq > 0),
  prev_hash bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
  leaf bytea NOT NULL,
  UNIQUE (tenant_id, tenant_seq),
  UNIQUE (tenant_id, entry_id),
  CONSTRAINT ledger_leaf_entry_fk FOREIGN KEY (tenant_id, entry_id) REFERENCES ledger_entry (tenant_id, id)
);
CALL secure_tenant_table('ledger_leaf');
CALL make_append_only('ledger_leaf');
REVOKE INSERT ON ledger_leaf FROM freehold_api;

-- Tiles of 256 hashes. A narrower tile is a prefix of the wider one it becomes, so one row serves every width so far.
CREATE TABLE ledger_tile (
  level smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
  tile_index bigint NOT NULL CHECK (tile_index >= 0),
  hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
  PRIMARY KEY (level, tile_index)
);
ALTER TABLE ledger_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE FUNCTION ledger_tile_only_grows() RETURNS trigger
  LANGUAGE plpgsql
  AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.level = OLD.level AND NEW.tile_index = OLD.tile_index
     AND substring(NEW.hashes FOR octet_length(OLD.hashes)) = OLD.hashes THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'ledger_tile is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON ledger_tile FOR EACH ROW EXECUTE FUNCTION ledger_tile_only_grows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_tile FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();
ALTER TABLE ledger_tile ENABLE ALWAYS TRIGGER only_grows;
ALTER TABLE ledger_tile ENABLE ALWAYS TRIGGER refuse_truncate;

-- How far the log has come, and who may move it: the holder of the newest epoch, while its lease runs.
CREATE TABLE ledger_head (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
  root bytea NOT NULL DEFAULT sha256('') CHECK (octet_length(root) = 32),
  epoch bigint NOT NULL DEFAULT 0,
  holder text,
  lease_until timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
INSERT INTO ledger_head DEFAULT VALUES;

CREATE FUNCTION ledger_head_only_grows() RETURNS trigger
  LANGUAGE plpgsql
  AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.size >= OLD.size AND NEW.epoch >= OLD.epoch AND (NEW.size > OLD.size OR NEW.root = OLD.root) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'ledger_head only moves forward' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON ledger_head FOR EACH ROW EXECUTE FUNCTION ledger_head_only_grows();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_head FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();
ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER only_grows;
ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER refuse_truncate;

-- Published tree heads: a row exists only after the head file outside the database is durable.
CREATE TABLE ledger_checkpoint (
  size bigint PRIMARY KEY CHECK (size > 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  note text NOT NULL,
  epoch bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CALL make_append_only('ledger_checkpoint');

-- The log is open: these tables have no tenant, everybody may read them, and the sequencer's role alone writes them.
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['ledger_log', 'ledger_tile', 'ledger_head', 'ledger_checkpoint'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY everybody_reads ON %I FOR SELECT TO freehold_api USING (true)', target);
    EXECUTE format('CREATE POLICY system_writes ON %I TO freehold_system USING (true) WITH CHECK (true)', target);
    EXECUTE format('GRANT SELECT ON %I TO freehold_api, freehold_system', target);
  END LOOP;
END
$$;
GRANT INSERT, UPDATE ON ledger_tile TO freehold_system;
GRANT UPDATE ON ledger_head TO freehold_system;
GRANT INSERT ON ledger_checkpoint TO freehold_system;

-- The log's entries without whose they are, for its open read API.
SET ROLE freehold_system;
CREATE FUNCTION crosstenant.log_leaves(first_index bigint, end_index bigint)
  RETURNS TABLE (leaf_index bigint, leaf bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
    SELECT l.leaf_index, l.leaf FROM public.ledger_leaf l
     WHERE l.leaf_index >= first_index AND l.leaf_index < end_index
     ORDER BY l.leaf_index
  $$;
REVOKE ALL ON FUNCTION crosstenant.log_leaves(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.log_leaves(bigint, bigint) TO freehold_api;
RESET ROLE;
