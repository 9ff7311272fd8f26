-- The keys that the log signs with (docs/adr/0007). The first one is version 1 of the service key `ledger-log`; each further
-- one is drawn, endorsed by the key before it and recorded in the operator's chain, all in one transaction. It is in force
-- from the index on that its entry gets in the log, which nothing here repeats: ledger_leaf says it.

CREATE TABLE ledger_key_rotation (
  -- Of the service key.
  version integer PRIMARY KEY CHECK (version > 1),
  vkey text NOT NULL UNIQUE,
  endorsement text NOT NULL,
  tenant_id text NOT NULL DEFAULT 'tnt-00000000000000000' CHECK (tenant_id = 'tnt-00000000000000000'),
  entry_id text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Entries are written just before the commit.
  FOREIGN KEY (tenant_id, entry_id) REFERENCES ledger_entry (tenant_id, id) DEFERRABLE INITIALLY DEFERRED
);
CALL make_append_only('ledger_key_rotation');
ALTER TABLE ledger_key_rotation ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_key_rotation FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody_reads ON ledger_key_rotation FOR SELECT TO freehold_api USING (true);
CREATE POLICY system_writes ON ledger_key_rotation TO freehold_system USING (true) WITH CHECK (true);
GRANT SELECT ON ledger_key_rotation TO freehold_api, freehold_system;
GRANT INSERT ON ledger_key_rotation TO freehold_system;

-- Without the body of its entry no later key could be followed from the first one: it is public, and is never erased.
CREATE FUNCTION ledger_entry_keeps_log_keys() RETURNS trigger
  LANGUAGE plpgsql
  AS $$
BEGIN
  IF EXISTS (SELECT FROM ledger_key_rotation r WHERE r.tenant_id = OLD.tenant_id AND r.entry_id = OLD.id) THEN
    RAISE EXCEPTION 'the entry of a log key is kept' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER keep_log_keys BEFORE UPDATE ON ledger_entry
  FOR EACH ROW WHEN (OLD.tenant_id = 'tnt-00000000000000000') EXECUTE FUNCTION ledger_entry_keeps_log_keys();
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER keep_log_keys;

SET ROLE freehold_system;
-- The rotations in their order, with what opens their entries; the place is null until the entry is in the log.
CREATE FUNCTION crosstenant.log_key_rotations()
  RETURNS TABLE (version integer, vkey text, endorsement text, entry_id text, created_at timestamptz, body bytea, salt bytea,
                 leaf_index bigint, tenant_seq bigint, prev_hash bytea, leaf bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
    SELECT r.version, r.vkey, r.endorsement, r.entry_id, r.created_at, e.body, e.salt,
           l.leaf_index, l.tenant_seq, l.prev_hash, l.leaf
      FROM public.ledger_key_rotation r
      JOIN public.ledger_entry e ON e.tenant_id = r.tenant_id AND e.id = r.entry_id
      LEFT JOIN public.ledger_leaf l ON l.tenant_id = r.tenant_id AND l.entry_id = r.entry_id
     ORDER BY r.version
  $$;
REVOKE ALL ON FUNCTION crosstenant.log_key_rotations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.log_key_rotations() TO freehold_api;

-- One rotation after the other: holds every other one off until the transaction ends. Gives the newest version, and whether
-- its entry is in the log. Two entries that wait together could get their places the wrong way round.
CREATE FUNCTION crosstenant.begin_log_key_rotation()
  RETURNS TABLE (version integer, settled boolean)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
BEGIN
  IF public.app_tenant() IS DISTINCT FROM 'tnt-00000000000000000' THEN
    RAISE EXCEPTION 'the operator alone changes the key of the log' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('freehold/log-key', 0));
  RETURN QUERY
    SELECT coalesce(max(k.version), 0),
           NOT EXISTS (SELECT FROM public.ledger_key_rotation r WHERE NOT EXISTS (
             SELECT FROM public.ledger_leaf l WHERE l.tenant_id = r.tenant_id AND l.entry_id = r.entry_id))
      FROM public.service_key k WHERE k.name = 'ledger-log';
END
$$;
REVOKE ALL ON FUNCTION crosstenant.begin_log_key_rotation() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.begin_log_key_rotation() TO freehold_api;

-- The new key, sealed, with its endorsement and the entry that will say from where on it signs.
CREATE FUNCTION crosstenant.add_log_key(
  next_version integer, next_public_key bytea, next_sealed bytea, next_vkey text, old_endorsement text, rotation_entry text)
  RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
BEGIN
  IF public.app_tenant() IS DISTINCT FROM 'tnt-00000000000000000' THEN
    RAISE EXCEPTION 'the operator alone changes the key of the log' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO public.service_key (name, version, algorithm, public_key, sealed)
    VALUES ('ledger-log', next_version, 'ed25519', next_public_key, next_sealed);
  INSERT INTO public.ledger_key_rotation (version, vkey, endorsement, entry_id)
    VALUES (next_version, next_vkey, old_endorsement, rotation_entry);
END
$$;
REVOKE ALL ON FUNCTION crosstenant.add_log_key(integer, bytea, bytea, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.add_log_key(integer, bytea, bytea, text, text, text) TO freehold_api;
RESET ROLE;
