-- Witnesses of the log (c2sp.org/tlog-witness): who they are, how far each has come, and what they signed.

-- How many of the active witnesses make a checkpoint a witnessed one, and whether it is published only then. As the workers'
-- settings say; kept here because the API tells everybody.
CREATE TABLE ledger_witness_policy (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  threshold integer NOT NULL DEFAULT 0 CHECK (threshold >= 0),
  required boolean NOT NULL DEFAULT false,
  changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO ledger_witness_policy DEFAULT VALUES;

-- A witness by its verifier key: one with a new key is another one. It stays when the settings no longer name it, because
-- what it signed stays.
CREATE TABLE ledger_witness (
  vkey text PRIMARY KEY CHECK (vkey ~ '^[^+[:space:]]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$'),
  name text NOT NULL,
  url text NOT NULL,
  active boolean NOT NULL DEFAULT true,
  position integer NOT NULL,
  -- The size that it is known to have signed last; it may have signed a head that was never published.
  cosigned_size bigint NOT NULL DEFAULT 0 CHECK (cosigned_size >= 0),
  cosigned_at timestamptz,
  state text NOT NULL DEFAULT 'unknown' CHECK (state IN ('unknown', 'ok', 'unreachable', 'refusing', 'alarm')),
  failure text,
  failed_at timestamptz
) WITH (fillfactor = 50);

-- Signature lines under published checkpoints.
CREATE TABLE ledger_cosignature (
  size bigint NOT NULL REFERENCES ledger_checkpoint (size),
  witness text NOT NULL REFERENCES ledger_witness (vkey),
  line text NOT NULL CHECK (line LIKE '— % %' AND line LIKE E'%\n'),
  -- By the witness's own clock, out of its signature.
  cosigned_at timestamptz NOT NULL,
  PRIMARY KEY (size, witness)
);
CALL make_append_only('ledger_cosignature');

-- Checkpoints that had enough cosignatures under the policy of that time. A receipt looks for the first one behind an entry.
CREATE TABLE ledger_witnessed (
  size bigint PRIMARY KEY REFERENCES ledger_checkpoint (size),
  witnessed_at timestamptz NOT NULL DEFAULT now()
);
CALL make_append_only('ledger_witnessed');

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['ledger_witness_policy', 'ledger_witness', 'ledger_cosignature', 'ledger_witnessed'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY everybody_reads ON %I FOR SELECT TO freehold_api USING (true)', target);
    EXECUTE format('CREATE POLICY system_writes ON %I TO freehold_system USING (true) WITH CHECK (true)', target);
    EXECUTE format('GRANT SELECT ON %I TO freehold_api, freehold_system', target);
  END LOOP;
END
$$;
GRANT UPDATE ON ledger_witness_policy TO freehold_system;
GRANT INSERT, UPDATE ON ledger_witness TO freehold_system;
GRANT INSERT ON ledger_cosignature, ledger_witnessed TO freehold_system;
