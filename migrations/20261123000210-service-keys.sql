-- Freehold's own keys, sealed under the key-encryption key, which is never in the database. No tenant owns them. The api
-- role reads, the system role adds; neither changes or removes one.

CREATE TABLE service_key (
  name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  version integer NOT NULL CHECK (version > 0),
  algorithm text NOT NULL CHECK (algorithm IN ('ed25519', 'secp256k1', 'symmetric-256')),
  public_key bytea,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version),
  CHECK ((public_key IS NULL) = (algorithm = 'symmetric-256'))
);
ALTER TABLE service_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_key FORCE ROW LEVEL SECURITY;
CREATE POLICY api_reads ON service_key FOR SELECT TO freehold_api USING (true);
CREATE POLICY system_reads ON service_key FOR SELECT TO freehold_system USING (true);
CREATE POLICY system_adds ON service_key FOR INSERT TO freehold_system WITH CHECK (true);
GRANT SELECT ON service_key TO freehold_api;
GRANT SELECT, INSERT ON service_key TO freehold_system;
