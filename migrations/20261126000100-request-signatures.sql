-- Who did it (ADR 8): the Ed25519 keys with which users sign their requests, what a tenant demands of its users, and the
-- evidence of signed requests, apart from the entries that commit to it.

-- A key's enrolment is signed by the tenant's root key or by a key that was enrolled before; both signatures stay, so that
-- the chain of them can be shown for as long as entries refer to it. Rows outlive the user.
CREATE TABLE signing_key (
  tenant_id text NOT NULL REFERENCES tenant (id),
  -- Drawn by the client, because the statement that is signed names it: unique in its tenant alone.
  id text NOT NULL CHECK (id ~ '^sgk-[0-9a-f]{17}$'),
  user_id text NOT NULL,
  name text NOT NULL,
  public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
  -- NULL: the root key.
  enrolled_by text,
  signature bytea NOT NULL CHECK (octet_length(signature) = 64),
  possession bytea NOT NULL CHECK (octet_length(possession) = 64),
  revoked_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT signing_key_public_key_unique UNIQUE (tenant_id, public_key),
  CONSTRAINT signing_key_enrolled_by_fk FOREIGN KEY (tenant_id, enrolled_by) REFERENCES signing_key (tenant_id, id)
);
CREATE INDEX signing_key_user ON signing_key (tenant_id, user_id);
CALL secure_tenant_table('signing_key');
REVOKE UPDATE, DELETE ON signing_key FROM freehold_api, freehold_system;
GRANT UPDATE (revoked_at, version) ON signing_key TO freehold_api;

CREATE TABLE signature_policy (
  tenant_id text PRIMARY KEY REFERENCES tenant (id),
  required boolean NOT NULL,
  -- Actions, or patterns such as subnet.*; none of them: all actions.
  actions text[] NOT NULL,
  version integer NOT NULL
);
CALL secure_tenant_table('signature_policy');

-- One row for each signed request; all entries that it made in its tenant's chain hold the commitment. Written once; what can
-- be done later is to erase document and salt, and then the commitment opens for nobody any more.
CREATE TABLE request_evidence (
  tenant_id text NOT NULL,
  commitment bytea NOT NULL CHECK (octet_length(commitment) = 32),
  signing_key_id text NOT NULL,
  document bytea,
  salt bytea CHECK (octet_length(salt) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, commitment),
  CHECK ((document IS NULL) = (salt IS NULL))
);
ALTER TABLE request_evidence ALTER COLUMN document SET STORAGE MAIN;
CALL secure_tenant_table('request_evidence');
REVOKE UPDATE, DELETE ON request_evidence FROM freehold_api, freehold_system;
GRANT UPDATE (document, salt) ON request_evidence TO freehold_api;

CREATE FUNCTION request_evidence_is_only_erased() RETURNS trigger
  LANGUAGE plpgsql
  AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.document IS NULL AND NEW.salt IS NULL
     AND (NEW.tenant_id, NEW.commitment, NEW.signing_key_id, NEW.created_at)
       = (OLD.tenant_id, OLD.commitment, OLD.signing_key_id, OLD.created_at) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'request_evidence is append-only, but for its erasure' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER only_erased BEFORE UPDATE OR DELETE ON request_evidence
  FOR EACH ROW EXECUTE FUNCTION request_evidence_is_only_erased();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON request_evidence FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();
ALTER TABLE request_evidence ENABLE ALWAYS TRIGGER only_erased;
ALTER TABLE request_evidence ENABLE ALWAYS TRIGGER refuse_truncate;

-- The nonce of a signed change and the reply to it are one row: they commit together and are forgotten together, which is
-- long after the signature itself is too old to be taken.
ALTER TABLE idempotency_record ADD COLUMN signing_key_id text, ADD COLUMN nonce text;
CREATE UNIQUE INDEX idempotency_record_nonce ON idempotency_record (tenant_id, signing_key_id, nonce) WHERE nonce IS NOT NULL;

-- As open_request, for a request that is signed.
--   FH003  the nonce was used by another request of the same key
CREATE FUNCTION open_signed_request(tenant text, request_scope text, request_key text, key_id text, request_nonce text)
  RETURNS void
  LANGUAGE plpgsql
  AS $$
BEGIN
  PERFORM open_request(tenant, request_scope, request_key);
  IF EXISTS (SELECT FROM idempotency_record WHERE tenant_id = tenant AND signing_key_id = key_id AND nonce = request_nonce) THEN
    RAISE EXCEPTION 'the nonce was used before' USING ERRCODE = 'FH003';
  END IF;
END
$$;

SET ROLE freehold_system;
-- Authentication comes before a tenant is known. Gives exactly what deciding needs, for one API key and, when the request is
-- signed, one signing key: of the same user, and not revoked.
DROP FUNCTION crosstenant.find_api_key(text);
CREATE FUNCTION crosstenant.find_credential(key_id text, signing_key text)
  RETURNS TABLE (tenant_id text, user_id text, secret_hmac bytea, scopes text[], roles text[], active boolean, suspended boolean,
                 signatures_required text[], signing_public_key bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
    SELECT k.tenant_id, k.user_id, k.secret_hmac, k.scopes, u.roles,
           k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()), t.suspended,
           (SELECT p.actions FROM public.signature_policy p WHERE p.tenant_id = k.tenant_id AND p.required),
           CASE WHEN signing_key IS NOT NULL THEN
             (SELECT s.public_key FROM public.signing_key s
               WHERE s.tenant_id = k.tenant_id AND s.id = signing_key AND s.user_id = k.user_id AND s.revoked_at IS NULL)
           END
      FROM public.api_key k
      JOIN public.tenant_user u ON u.tenant_id = k.tenant_id AND u.id = k.user_id
      JOIN public.tenant t ON t.id = k.tenant_id
     WHERE k.id = key_id AND NOT t.deleted
  $$;
REVOKE ALL ON FUNCTION crosstenant.find_credential(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.find_credential(text, text) TO freehold_api;
RESET ROLE;
