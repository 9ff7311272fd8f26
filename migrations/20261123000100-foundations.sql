-- What every other table stands on: the tenant of the current transaction, the rules of a tenant's table, the outbox and
-- the stored replies. Roles are made before migrations run (libs/database/src/prepare-database.ts).

CREATE EXTENSION IF NOT EXISTS btree_gist;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO freehold_api, freehold_system;

-- Functions that must see across tenants live here, owned by freehold_system, each granted by name.
CREATE SCHEMA crosstenant AUTHORIZATION freehold_system;
SET ROLE freehold_system;
GRANT USAGE ON SCHEMA crosstenant TO freehold_api;
RESET ROLE;

-- The tenant of this transaction; NULL outside one (a pooled SET LOCAL leaves '' behind).
CREATE FUNCTION app_tenant() RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.tenant', true), '') $$;

-- Every table with a tenant_id is secured by this and by nothing else, so that no table is secured half.
CREATE PROCEDURE secure_tenant_table(target regclass)
  LANGUAGE plpgsql
  AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY tenant_isolation ON %s TO freehold_api USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant())', target);
  EXECUTE format('CREATE POLICY system_sees_all ON %s TO freehold_system USING (true) WITH CHECK (true)', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO freehold_api, freehold_system', target);
END
$$;

CREATE FUNCTION refuse_rewrite() RETURNS trigger
  LANGUAGE plpgsql
  AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

-- ENABLE ALWAYS also holds under session_replication_role = replica.
CREATE PROCEDURE make_append_only(target regclass)
  LANGUAGE plpgsql
  AS $$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM freehold_api, freehold_system', target);
  EXECUTE format('CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()', target);
  EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()', target);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_rewrite', target);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_truncate', target);
END
$$;

-- Hints for workers, written with the change and deleted with its effect. No tenant reads it.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text,
  topic text NOT NULL,
  key text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  offered_at timestamptz
);
CREATE INDEX outbox_topic_key ON outbox (topic, key, id);
CREATE INDEX outbox_offered ON outbox (offered_at NULLS FIRST, id);
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_adds ON outbox FOR INSERT TO freehold_api WITH CHECK (tenant_id = app_tenant());
CREATE POLICY system_sees_all ON outbox TO freehold_system USING (true) WITH CHECK (true);
GRANT INSERT ON outbox TO freehold_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO freehold_system;

-- The first reply to a request with an Idempotency-Key, committed with the change itself.
CREATE TABLE idempotency_record (
  tenant_id text NOT NULL,
  scope text NOT NULL,
  key text NOT NULL,
  request_hash bytea NOT NULL,
  status smallint NOT NULL,
  etag text,
  body json,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, scope, key)
);
CREATE INDEX idempotency_record_age ON idempotency_record (created_at);
CALL secure_tenant_table('idempotency_record');
