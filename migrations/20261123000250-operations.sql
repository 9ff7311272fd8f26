-- Long-running actions that a caller can watch. A row outlives its resource, so that a deletion can be seen to have ended.

CREATE TABLE operation (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  -- What is done: <resource type>.<verb>.
  kind text NOT NULL,
  resource_type text NOT NULL,
  resource_id text NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled')),
  done bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
  -- NULL while nobody can know how much there is to do.
  total bigint CHECK (total >= 0),
  unit text NOT NULL,
  -- Why it failed: code and detail, as in a problem document.
  error json,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  -- Counts what a watcher can see: the id of its next event.
  version integer NOT NULL DEFAULT 1,
  UNIQUE (tenant_id, id),
  CHECK ((state = 'running') = (finished_at IS NULL)),
  CHECK ((state = 'failed') = (error IS NOT NULL))
);
CREATE INDEX operation_of_resource ON operation (tenant_id, resource_id, id);
CREATE INDEX operation_by_state ON operation (tenant_id, state, id);
-- Whoever reports progress names the resource and the kind: one row must answer to that.
CREATE UNIQUE INDEX operation_one_running ON operation (tenant_id, resource_id, kind) WHERE state = 'running';
CALL secure_tenant_table('operation');
