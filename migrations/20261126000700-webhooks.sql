-- Where tenants want to be told of what is new in their ledger, and how far each has been told.

CREATE TABLE webhook (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY CHECK (id ~ '^whk-[0-9a-f]{17}$'),
  url text NOT NULL,
  description text,
  events text[] NOT NULL CHECK (cardinality(events) > 0 AND events <@ ARRAY['ledger.entry', 'ledger.checkpoint']),
  -- Only entries whose action starts with one of these; all when there are none.
  action_prefixes text[] NOT NULL,
  enabled boolean NOT NULL,
  -- Why Freehold itself disabled it; null when somebody did, and while it is enabled.
  disabled_reason text CHECK (disabled_reason IN ('gone', 'failing')),
  -- Sealed under the key-encryption key, bound to tenant, webhook and version. The one before is good until its time.
  secret_version integer NOT NULL DEFAULT 1,
  sealed_secret bytea NOT NULL,
  previous_sealed_secret bytea,
  previous_valid_until timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CHECK (NOT (enabled AND disabled_reason IS NOT NULL)),
  CHECK ((previous_sealed_secret IS NULL) = (previous_valid_until IS NULL))
);
CALL secure_tenant_table('webhook');

-- How far a webhook has come. It is the truth about what is still to be delivered: a lost job costs time and no delivery.
-- Whoever changes a row holds the lock of its webhook; a worker also holds the newest epoch, while its lease runs.
CREATE TABLE webhook_progress (
  tenant_id text NOT NULL,
  webhook_id text PRIMARY KEY,
  -- The last number of the tenant's chain, and the size of the last checkpoint, that need not be delivered any more.
  entry_seq bigint NOT NULL CHECK (entry_seq >= 0),
  checkpoint_size bigint NOT NULL CHECK (checkpoint_size >= 0),
  -- Of the message in front: attempts that failed, since when nothing was delivered, and when to try again.
  failures integer NOT NULL DEFAULT 0,
  failing_since timestamptz,
  next_attempt_at timestamptz,
  -- The id of a test message that waits; it is tried once.
  test_message text,
  -- Numbers the attempts in webhook_delivery.
  attempts bigint NOT NULL DEFAULT 0,
  served_at timestamptz,
  epoch bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  UNIQUE (tenant_id, webhook_id),
  CONSTRAINT webhook_progress_webhook_fk FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook (tenant_id, id)
    ON DELETE CASCADE
) WITH (fillfactor = 50);
CALL secure_tenant_table('webhook_progress');

-- The last attempts of each webhook. What was sent is not kept: it is in the ledger.
CREATE TABLE webhook_delivery (
  tenant_id text NOT NULL,
  webhook_id text NOT NULL,
  number bigint NOT NULL,
  message_id text NOT NULL,
  event text NOT NULL,
  attempt integer NOT NULL,
  status smallint,
  failure text,
  duration_ms integer NOT NULL,
  attempted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, webhook_id, number),
  CONSTRAINT webhook_delivery_webhook_fk FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook (tenant_id, id)
    ON DELETE CASCADE
);
CALL secure_tenant_table('webhook_delivery');
REVOKE INSERT, UPDATE, DELETE ON webhook_delivery FROM freehold_api;
