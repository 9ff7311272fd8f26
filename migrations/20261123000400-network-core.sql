-- VPCs, their address blocks and subnets. The database holds the invariants: overlap is an exclusion constraint, a
-- reference to another tenant's row is a foreign key that cannot be satisfied.

CREATE TABLE vpc (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  name text,
  -- Raised by every change in the VPC; what the data plane has reached; what it was at the VPC's own last change.
  generation bigint NOT NULL DEFAULT 1,
  realized_generation bigint NOT NULL DEFAULT 0,
  changed_generation bigint NOT NULL DEFAULT 1,
  realization text NOT NULL DEFAULT 'planned' CHECK (realization IN ('planned', 'programmed', 'verified')),
  failure text,
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CHECK (realized_generation <= generation)
);
CREATE INDEX vpc_unrealized ON vpc (id) WHERE realized_generation < generation;
CALL secure_tenant_table('vpc');

CREATE TABLE vpc_cidr_block (
  tenant_id text NOT NULL,
  id text PRIMARY KEY,
  vpc_id text NOT NULL,
  cidr cidr NOT NULL,
  is_primary boolean NOT NULL DEFAULT false,
  changed_generation bigint NOT NULL,
  deleting boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT vpc_cidr_block_vpc_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc (tenant_id, id),
  CONSTRAINT vpc_cidr_block_no_overlap EXCLUDE USING gist (tenant_id WITH =, vpc_id WITH =, cidr inet_ops WITH &&)
);
CREATE INDEX vpc_cidr_block_vpc ON vpc_cidr_block (tenant_id, vpc_id);
CALL secure_tenant_table('vpc_cidr_block');

CREATE TABLE subnet (
  tenant_id text NOT NULL,
  id text PRIMARY KEY,
  vpc_id text NOT NULL,
  name text,
  zone text NOT NULL,
  cidr cidr NOT NULL CHECK (family(cidr) = 4),
  ipv6_cidr cidr CHECK (family(ipv6_cidr) = 6),
  changed_generation bigint NOT NULL,
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, vpc_id, id),
  CONSTRAINT subnet_vpc_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc (tenant_id, id),
  CONSTRAINT subnet_no_overlap EXCLUDE USING gist (tenant_id WITH =, vpc_id WITH =, cidr inet_ops WITH &&),
  CONSTRAINT subnet_no_overlap_ipv6 EXCLUDE USING gist (tenant_id WITH =, vpc_id WITH =, ipv6_cidr inet_ops WITH &&)
);
CALL secure_tenant_table('subnet');
