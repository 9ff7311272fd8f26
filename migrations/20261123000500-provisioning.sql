-- What the data plane of each VPC was last brought to: by the plan driver the exact Northbound rows. Workers write it, its
-- tenant reads it. A plan goes with its VPC.

CREATE TABLE vpc_plan (
  tenant_id text NOT NULL,
  vpc_id text PRIMARY KEY,
  cell text NOT NULL,
  generation bigint NOT NULL CHECK (generation > 0),
  -- SHA-256 of the rows in canonical JSON.
  digest bytea NOT NULL CHECK (length(digest) = 32),
  planned_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, vpc_id),
  CONSTRAINT vpc_plan_vpc_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc (tenant_id, id) ON DELETE CASCADE
);
CALL secure_tenant_table('vpc_plan');
REVOKE INSERT, UPDATE, DELETE ON vpc_plan FROM freehold_api;

-- A row of OVN's Northbound database. A change of one subnet rewrites that subnet's rows and the router's, not the plan.
CREATE TABLE vpc_plan_row (
  tenant_id text NOT NULL,
  vpc_id text NOT NULL,
  table_name text NOT NULL,
  uuid_name text NOT NULL,
  columns json NOT NULL,
  PRIMARY KEY (vpc_id, table_name, uuid_name),
  CONSTRAINT vpc_plan_row_plan_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc_plan (tenant_id, vpc_id) ON DELETE CASCADE
);
CALL secure_tenant_table('vpc_plan_row');
REVOKE INSERT, UPDATE, DELETE ON vpc_plan_row FROM freehold_api;
