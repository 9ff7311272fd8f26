-- Erasure of what an entry says. Body and salt go, and with them everything that was copied out of the body; its place in the
-- log, its leaf and the chain stay as they are. An entry of its own says that it was done, in the same transaction.

ALTER TABLE ledger_entry
  ALTER COLUMN body DROP NOT NULL,
  ALTER COLUMN body_hash DROP NOT NULL,
  ALTER COLUMN salt DROP NOT NULL,
  ADD COLUMN erased_by text,
  ADD CONSTRAINT ledger_entry_erased_by_fk FOREIGN KEY (tenant_id, erased_by) REFERENCES ledger_entry (tenant_id, id),
  ADD CONSTRAINT ledger_entry_whole_or_erased CHECK (
    num_nonnulls(body, body_hash, salt) = CASE WHEN erased_by IS NULL THEN 3 ELSE 0 END
  );
CREATE INDEX ledger_entry_erased ON ledger_entry (tenant_id, erased_by) WHERE erased_by IS NOT NULL;

-- What a body says. PostgreSQL's json has no U+0000, which only stands in names and the like.
CREATE FUNCTION ledger_body_json(body bytea) RETURNS json
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT replace(convert_from(body, 'UTF8'), '\u0000', '\u0020')::json $$;

-- The one change that an entry can undergo. Whoever asks, also with session_replication_role set: every column but its name
-- and time becomes null (columns that are added later as well), a published checkpoint covers it, it is none of those that
-- proofs of other entries stand on, and the entry that says so was written in this very transaction.
CREATE FUNCTION ledger_entry_only_erases() RETURNS trigger
  LANGUAGE plpgsql
  AS $$
DECLARE
  action text;
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.erased_by IS NULL AND NEW.erased_by IS NOT NULL
     AND jsonb_strip_nulls(to_jsonb(NEW)) = jsonb_build_object(
           'tenant_id', OLD.tenant_id, 'id', OLD.id, 'committed_at', OLD.committed_at, 'erased_by', NEW.erased_by) THEN
    action := ledger_body_json(OLD.body) ->> 'action';
    IF action NOT IN ('tenant.genesis', 'ledger-entry.erased', 'disclosure.created')
       AND action NOT LIKE ALL (ARRAY['signing-key.%', 'signature-policy.%', 'log-key.%', 'break-glass.%'])
       AND EXISTS (
         SELECT FROM ledger_leaf l WHERE l.tenant_id = OLD.tenant_id AND l.entry_id = OLD.id
            AND l.leaf_index < (SELECT max(c.size) FROM ledger_checkpoint c))
       AND EXISTS (
         SELECT FROM ledger_entry e
          WHERE e.tenant_id = OLD.tenant_id AND e.id = NEW.erased_by AND e.xmin = pg_current_xact_id()::xid
            AND ledger_body_json(e.body) ->> 'action' = 'ledger-entry.erased'
            AND ledger_body_json(e.body) -> 'resource' ->> 'id' = OLD.id
            AND ledger_body_json(e.body) -> 'after' ->> 'scope' = 'body') THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'ledger_entry is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
DROP TRIGGER refuse_rewrite ON ledger_entry;
CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON ledger_entry FOR EACH ROW EXECUTE FUNCTION ledger_entry_only_erases();
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER refuse_rewrite;
GRANT UPDATE ON ledger_entry TO freehold_system;

SET ROLE freehold_system;

-- Erases what an entry of the calling tenant says; `erasing` is the entry about it. The reply to the request that made the
-- entry says the same things, and is kept for repeated requests: it goes, too. Both were written by one transaction, whose
-- time they share.
CREATE FUNCTION crosstenant.erase_ledger_entry(entry text, erasing text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
DECLARE
  columns text;
  committed timestamptz;
BEGIN
  IF app_tenant() IS NULL THEN
    RAISE EXCEPTION 'no tenant is set' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT string_agg(format('%I = NULL', attname), ', ') INTO columns FROM pg_attribute
   WHERE attrelid = 'ledger_entry'::regclass AND attnum > 0 AND NOT attisdropped
     AND attname NOT IN ('tenant_id', 'id', 'committed_at', 'erased_by');
  EXECUTE format(
    'UPDATE ledger_entry SET erased_by = $2, %s WHERE tenant_id = app_tenant() AND id = $1 AND erased_by IS NULL RETURNING committed_at',
    columns) INTO committed USING entry, erasing;
  IF committed IS NULL THEN
    RAISE EXCEPTION 'there is no such entry to erase' USING ERRCODE = 'FH004';
  END IF;
  UPDATE idempotency_record
     SET body = json_build_object('ledgerEntryId', body ->> 'ledgerEntryId', 'erased', true)
   WHERE created_at = committed AND body IS NOT NULL;
END
$$;
REVOKE ALL ON FUNCTION crosstenant.erase_ledger_entry(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.erase_ledger_entry(text, text) TO freehold_api;

-- The calling tenant's entries that are committed and not in the log yet.
CREATE FUNCTION crosstenant.own_pending_entries() RETURNS SETOF text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$ SELECT p.entry_id FROM public.ledger_pending p WHERE p.tenant_id = app_tenant() ORDER BY p.position $$;
REVOKE ALL ON FUNCTION crosstenant.own_pending_entries() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.own_pending_entries() TO freehold_api;

-- The quotas that the operator has set, for the audit of the operator's own chain; nothing unless the operator asks.
CREATE FUNCTION crosstenant.set_quotas(after_tenant text, after_quota text, most integer)
  RETURNS TABLE (tenant_id text, quota text, allowed integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
    SELECT q.tenant_id, q.quota, q.allowed FROM public.tenant_quota q
     WHERE app_tenant() = 'tnt-00000000000000000' AND (q.tenant_id, q.quota) > (after_tenant, after_quota)
     ORDER BY q.tenant_id, q.quota LIMIT most
  $$;
REVOKE ALL ON FUNCTION crosstenant.set_quotas(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.set_quotas(text, text, integer) TO freehold_api;
RESET ROLE;
