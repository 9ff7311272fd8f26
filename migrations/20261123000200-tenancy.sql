-- Who rents the cloud and who acts for them. The operator's own users, keys and resources belong to the reserved tenant
-- tnt-00000000000000000, so that one rule isolates everybody.

CREATE TABLE tenant (
  id text PRIMARY KEY CHECK (id ~ '^tnt-[0-9a-f]{17}$'),
  name text NOT NULL,
  name_folded text NOT NULL,
  suspended boolean NOT NULL DEFAULT false,
  -- A deleted tenant's row stays: its chain in the ledger stays.
  deleted boolean NOT NULL DEFAULT false,
  root_public_key bytea,
  view_key_commitment bytea,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX tenant_name_unique ON tenant (name_folded) WHERE NOT deleted;
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant FORCE ROW LEVEL SECURITY;
-- The operator manages tenants; a tenant sees itself.
CREATE POLICY own_row ON tenant FOR SELECT TO freehold_api USING (id = app_tenant());
CREATE POLICY operator_manages ON tenant TO freehold_api
  USING (app_tenant() = 'tnt-00000000000000000') WITH CHECK (app_tenant() = 'tnt-00000000000000000');
CREATE POLICY system_sees_all ON tenant TO freehold_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant TO freehold_api, freehold_system;

CREATE TABLE tenant_user (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  name text NOT NULL,
  name_folded text NOT NULL,
  roles text[] NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT tenant_user_name_unique UNIQUE (tenant_id, name_folded),
  UNIQUE (tenant_id, id)
);
CALL secure_tenant_table('tenant_user');

-- secret_hmac is HMAC-SHA-256 of the secret part under a service key: a stolen table opens nothing.
CREATE TABLE api_key (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  user_id text NOT NULL,
  name text NOT NULL,
  secret_hmac bytea NOT NULL,
  scopes text[],
  expires_at timestamptz,
  revoked_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT api_key_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES tenant_user (tenant_id, id)
);
CREATE INDEX api_key_user ON api_key (tenant_id, user_id);
CALL secure_tenant_table('api_key');

-- What the operator set apart from the defaults in code.
CREATE TABLE tenant_quota (
  tenant_id text NOT NULL REFERENCES tenant (id),
  quota text NOT NULL,
  allowed integer NOT NULL CHECK (allowed >= 0),
  PRIMARY KEY (tenant_id, quota)
);
CALL secure_tenant_table('tenant_quota');

-- Tags are rows: operators on jsonb are not leakproof and lose their index under row level security.
CREATE TABLE resource_tag (
  tenant_id text NOT NULL REFERENCES tenant (id),
  resource_id text NOT NULL,
  key text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (tenant_id, resource_id, key)
);
CREATE INDEX resource_tag_value ON resource_tag (tenant_id, key, value, resource_id);
CALL secure_tenant_table('resource_tag');

-- Authentication comes before a tenant is known. Gives exactly what deciding needs, for one key id.
SET ROLE freehold_system;
CREATE FUNCTION crosstenant.find_api_key(key_id text)
  RETURNS TABLE (tenant_id text, user_id text, secret_hmac bytea, scopes text[], roles text[], active boolean, suspended boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
    SELECT k.tenant_id, k.user_id, k.secret_hmac, k.scopes, u.roles,
           k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()), t.suspended
      FROM public.api_key k
      JOIN public.tenant_user u ON u.tenant_id = k.tenant_id AND u.id = k.user_id
      JOIN public.tenant t ON t.id = k.tenant_id
     WHERE k.id = key_id AND NOT t.deleted
  $$;
REVOKE ALL ON FUNCTION crosstenant.find_api_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.find_api_key(text) TO freehold_api;
RESET ROLE;
