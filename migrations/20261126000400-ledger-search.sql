-- What entries are searched by: copies of what their bodies say, so that a search reads no bodies. They prove nothing, and
-- they go when the body is erased. scope_id is what an entry belongs to beside its own resource: the VPC of what is in a
-- VPC, the dataset of a migration.

ALTER TABLE ledger_entry
  ADD COLUMN action text COLLATE "C",
  ADD COLUMN actor_id text COLLATE "C",
  ADD COLUMN resource_type text COLLATE "C",
  ADD COLUMN scope_id text COLLATE "C",
  ADD COLUMN happened_at timestamptz;

-- The entries of before are filled from their bodies, a statement over the whole table each and before there is an index to
-- keep. That is a rewrite, which triggers and grants rightly refuse; nobody else can touch the table until this commits.
DO $$
DECLARE
  guard name;
BEGIN
  FOR guard IN SELECT tgname FROM pg_trigger
                WHERE tgrelid = 'ledger_entry'::regclass AND NOT tgisinternal AND tgenabled = 'A' LOOP
    EXECUTE format('ALTER TABLE ledger_entry DISABLE TRIGGER %I', guard);
  END LOOP;
END
$$;
GRANT UPDATE (resource_id, action, actor_id, resource_type, scope_id, happened_at) ON ledger_entry TO freehold_system;
SET ROLE freehold_system;

-- PostgreSQL's json has no U+0000, which only stands in names and the like; what is no JSON at all stays without columns.
UPDATE ledger_entry e
   SET action = read.body ->> 'action',
       actor_id = read.body -> 'actor' ->> 'id',
       resource_type = read.body -> 'resource' ->> 'type',
       resource_id = coalesce(e.resource_id, read.body -> 'resource' ->> 'id'),
       happened_at = (read.body ->> 'time')::timestamptz,
       scope_id = CASE
         WHEN read.body -> 'resource' ->> 'type' IN ('vpc', 'dataset') THEN read.body -> 'resource' ->> 'id'
         -- A gateway that comes or goes names its VPC on one of the two sides.
         ELSE coalesce(read.body -> 'after' ->> 'vpcId', read.body -> 'before' ->> 'vpcId',
                       read.body -> 'after' ->> 'datasetId', read.body -> 'before' ->> 'datasetId')
       END
  FROM (SELECT tenant_id, id, replace(convert_from(body, 'UTF8'), '\u0000', '\u0020')::json AS body
          FROM ledger_entry WHERE body IS JSON OBJECT) read
 WHERE e.tenant_id = read.tenant_id AND e.id = read.id;

-- What names its VPC through another resource: routes, propagations and associations through their table, connections
-- through the gateway that they end at, which was in that VPC when they were written.
UPDATE ledger_entry e
   SET scope_id = (
         SELECT via.scope_id FROM ledger_entry via
          WHERE via.tenant_id = e.tenant_id AND via.resource_id = read.via AND via.scope_id IS NOT NULL
            AND via.happened_at <= e.happened_at
          ORDER BY via.happened_at DESC LIMIT 1)
  FROM (SELECT tenant_id, id,
               CASE resource_type
                 WHEN 'vpn-connection' THEN coalesce(body -> 'after' ->> 'vpnGatewayId', body -> 'before' ->> 'vpnGatewayId')
                 WHEN 'route-table-association' THEN coalesce(body -> 'after' ->> 'routeTableId', body -> 'before' ->> 'routeTableId')
                 ELSE split_part(resource_id, '/', 1)
               END AS via
          FROM (SELECT tenant_id, id, resource_type, resource_id,
                       replace(convert_from(body, 'UTF8'), '\u0000', '\u0020')::json AS body
                  FROM ledger_entry
                 WHERE resource_type IN ('route', 'route-propagation', 'route-table-association', 'vpn-connection')) parts) read
 WHERE e.tenant_id = read.tenant_id AND e.id = read.id;

-- A download of a connection's configuration says nothing of the connection itself.
UPDATE ledger_entry e
   SET scope_id = (
         SELECT own.scope_id FROM ledger_entry own
          WHERE own.tenant_id = e.tenant_id AND own.resource_id = e.resource_id AND own.scope_id IS NOT NULL LIMIT 1)
 WHERE e.resource_type = 'vpn-connection' AND e.scope_id IS NULL;

RESET ROLE;
REVOKE UPDATE (resource_id, action, actor_id, resource_type, scope_id, happened_at) ON ledger_entry FROM freehold_system;
DO $$
DECLARE
  guard name;
BEGIN
  FOR guard IN SELECT tgname FROM pg_trigger
                WHERE tgrelid = 'ledger_entry'::regclass AND NOT tgisinternal AND tgenabled = 'D' LOOP
    EXECUTE format('ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER %I', guard);
  END LOOP;
END
$$;

-- Equality, and order on bytes (COLLATE "C") and times: operators that are leakproof, so that these serve under row level
-- security too. ledger_entry_resource is there already.
CREATE INDEX ledger_entry_scope ON ledger_entry (tenant_id, scope_id) WHERE scope_id IS NOT NULL;
CREATE INDEX ledger_entry_actor ON ledger_entry (tenant_id, actor_id) WHERE actor_id IS NOT NULL;
CREATE INDEX ledger_entry_action ON ledger_entry (tenant_id, action) WHERE action IS NOT NULL;
CREATE INDEX ledger_entry_resource_type ON ledger_entry (tenant_id, resource_type) WHERE resource_type IS NOT NULL;
CREATE INDEX ledger_entry_time ON ledger_entry (tenant_id, happened_at) WHERE happened_at IS NOT NULL;

-- The log's statistics are told by the hour.
CREATE INDEX ledger_checkpoint_time ON ledger_checkpoint (created_at);
