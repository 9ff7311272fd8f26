-- Routing of a VPC: its tables, routes and gateways, the operator's address pools, and the addresses that are taken. A row
-- that is `deleting` or `detaching` keeps what it holds until the data plane has let go of it.

-- Ranges of the operator: public ones give elastic IPs, the others may be blocks of any VPC.
CREATE TABLE address_pool (
  tenant_id text NOT NULL REFERENCES tenant (id) CHECK (tenant_id = 'tnt-00000000000000000'),
  id text PRIMARY KEY,
  name text NOT NULL,
  name_folded text NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('public', 'vpc')),
  cidr cidr NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT address_pool_public_is_ipv4 CHECK (purpose <> 'public' OR family(cidr) = 4),
  CONSTRAINT address_pool_name_unique UNIQUE (tenant_id, name_folded),
  CONSTRAINT address_pool_no_overlap EXCLUDE USING gist (tenant_id WITH =, cidr inet_ops WITH &&)
);
CALL secure_tenant_table('address_pool');

-- One route table is the main one of its VPC: it routes every subnet that has no association of its own.
CREATE TABLE route_table (
  tenant_id text NOT NULL,
  id text PRIMARY KEY,
  vpc_id text NOT NULL,
  name text,
  is_main boolean NOT NULL DEFAULT false,
  changed_generation bigint NOT NULL,
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, vpc_id, id),
  CONSTRAINT route_table_main_stays CHECK (NOT (is_main AND deleting)),
  CONSTRAINT route_table_vpc_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc (tenant_id, id)
);
CREATE UNIQUE INDEX route_table_one_main ON route_table (tenant_id, vpc_id) WHERE is_main;
CALL secure_tenant_table('route_table');

CREATE TABLE route_table_association (
  tenant_id text NOT NULL,
  id text PRIMARY KEY,
  vpc_id text NOT NULL,
  route_table_id text NOT NULL,
  subnet_id text NOT NULL,
  changed_generation bigint NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT route_table_association_one_a_subnet UNIQUE (tenant_id, subnet_id),
  CONSTRAINT route_table_association_table_fk FOREIGN KEY (tenant_id, vpc_id, route_table_id)
    REFERENCES route_table (tenant_id, vpc_id, id),
  CONSTRAINT route_table_association_subnet_fk FOREIGN KEY (tenant_id, vpc_id, subnet_id)
    REFERENCES subnet (tenant_id, vpc_id, id)
);
CREATE INDEX route_table_association_table ON route_table_association (tenant_id, vpc_id, route_table_id);
CALL secure_tenant_table('route_table_association');

-- Gateways are attached to one VPC at most, and a VPC has one of each kind at most. While `detaching` the data plane of
-- vpc_id may still use the gateway.
CREATE TABLE internet_gateway (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  name text,
  vpc_id text,
  detaching boolean NOT NULL DEFAULT false,
  changed_generation bigint NOT NULL DEFAULT 0,
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CHECK (vpc_id IS NOT NULL OR NOT (detaching OR deleting)),
  CHECK (detaching OR NOT deleting),
  CONSTRAINT internet_gateway_vpc_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc (tenant_id, id)
);
CREATE UNIQUE INDEX internet_gateway_one_a_vpc ON internet_gateway (tenant_id, vpc_id) WHERE NOT detaching;
CREATE INDEX internet_gateway_vpc ON internet_gateway (tenant_id, vpc_id);
CALL secure_tenant_table('internet_gateway');

CREATE TABLE vpn_gateway (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  name text,
  vpc_id text,
  detaching boolean NOT NULL DEFAULT false,
  changed_generation bigint NOT NULL DEFAULT 0,
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CHECK (vpc_id IS NOT NULL OR NOT (detaching OR deleting)),
  CHECK (detaching OR NOT deleting),
  CONSTRAINT vpn_gateway_vpc_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc (tenant_id, id)
);
CREATE UNIQUE INDEX vpn_gateway_one_a_vpc ON vpn_gateway (tenant_id, vpc_id) WHERE NOT detaching;
CREATE INDEX vpn_gateway_vpc ON vpn_gateway (tenant_id, vpc_id);
CALL secure_tenant_table('vpn_gateway');

-- A public address that a tenant holds. Only the function below gives one out.
CREATE TABLE elastic_ip (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  name text,
  pool_id text NOT NULL CONSTRAINT elastic_ip_pool_fk REFERENCES address_pool (id),
  address inet NOT NULL CHECK (family(address) = 4 AND masklen(address) = 32),
  -- Released while a gateway that is being deleted still held it: nobody gets the address before the data plane let go.
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT elastic_ip_address_unique UNIQUE (address)
);
CREATE INDEX elastic_ip_pool ON elastic_ip (pool_id, address);
CALL secure_tenant_table('elastic_ip');
REVOKE INSERT, UPDATE ON elastic_ip FROM freehold_api;
GRANT UPDATE (name, deleting, version) ON elastic_ip TO freehold_api;

CREATE TABLE nat_gateway (
  tenant_id text NOT NULL,
  id text PRIMARY KEY,
  vpc_id text NOT NULL,
  subnet_id text NOT NULL,
  elastic_ip_id text NOT NULL,
  name text,
  changed_generation bigint NOT NULL,
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, vpc_id, id),
  UNIQUE (tenant_id, subnet_id, id),
  CONSTRAINT nat_gateway_elastic_ip_unique UNIQUE (tenant_id, elastic_ip_id),
  CONSTRAINT nat_gateway_vpc_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc (tenant_id, id),
  CONSTRAINT nat_gateway_subnet_fk FOREIGN KEY (tenant_id, vpc_id, subnet_id) REFERENCES subnet (tenant_id, vpc_id, id),
  CONSTRAINT nat_gateway_elastic_ip_fk FOREIGN KEY (tenant_id, elastic_ip_id) REFERENCES elastic_ip (tenant_id, id)
);
CALL secure_tenant_table('nat_gateway');

-- Addresses of a subnet that are taken, each with its one owner; a further kind of owner is a further column.
CREATE TABLE subnet_address (
  tenant_id text NOT NULL,
  subnet_id text NOT NULL,
  address inet NOT NULL CHECK (masklen(address) = CASE family(address) WHEN 4 THEN 32 ELSE 128 END),
  nat_gateway_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, subnet_id, address),
  CONSTRAINT subnet_address_one_owner CHECK (num_nonnulls(nat_gateway_id) = 1),
  CONSTRAINT subnet_address_subnet_fk FOREIGN KEY (tenant_id, subnet_id) REFERENCES subnet (tenant_id, id),
  CONSTRAINT subnet_address_nat_gateway_fk FOREIGN KEY (tenant_id, subnet_id, nat_gateway_id)
    REFERENCES nat_gateway (tenant_id, subnet_id, id)
);
CREATE UNIQUE INDEX subnet_address_nat_gateway ON subnet_address (tenant_id, nat_gateway_id);
CALL secure_tenant_table('subnet_address');

-- Static routes. What a route was pointed at stays in target_kind and target_id when the target goes: the reference turns
-- null and the route is a blackhole.
CREATE TABLE route (
  tenant_id text NOT NULL,
  vpc_id text NOT NULL,
  route_table_id text NOT NULL,
  destination cidr NOT NULL,
  target_kind text NOT NULL CHECK (target_kind IN ('internet-gateway', 'nat-gateway', 'vpn-gateway')),
  target_id text NOT NULL,
  internet_gateway_id text,
  nat_gateway_id text,
  vpn_gateway_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT route_destination_unique PRIMARY KEY (tenant_id, route_table_id, destination),
  CONSTRAINT route_one_target CHECK (
    (internet_gateway_id IS NULL OR (target_kind = 'internet-gateway' AND internet_gateway_id = target_id))
    AND (nat_gateway_id IS NULL OR (target_kind = 'nat-gateway' AND nat_gateway_id = target_id))
    AND (vpn_gateway_id IS NULL OR (target_kind = 'vpn-gateway' AND vpn_gateway_id = target_id))
  ),
  CONSTRAINT route_table_fk FOREIGN KEY (tenant_id, vpc_id, route_table_id) REFERENCES route_table (tenant_id, vpc_id, id),
  CONSTRAINT route_internet_gateway_fk FOREIGN KEY (tenant_id, internet_gateway_id)
    REFERENCES internet_gateway (tenant_id, id) ON DELETE SET NULL (internet_gateway_id),
  CONSTRAINT route_nat_gateway_fk FOREIGN KEY (tenant_id, vpc_id, nat_gateway_id)
    REFERENCES nat_gateway (tenant_id, vpc_id, id) ON DELETE SET NULL (nat_gateway_id),
  CONSTRAINT route_vpn_gateway_fk FOREIGN KEY (tenant_id, vpn_gateway_id)
    REFERENCES vpn_gateway (tenant_id, id) ON DELETE SET NULL (vpn_gateway_id)
);
CREATE INDEX route_vpc ON route (tenant_id, vpc_id);
CREATE INDEX route_internet_gateway ON route (tenant_id, internet_gateway_id) WHERE internet_gateway_id IS NOT NULL;
CREATE INDEX route_nat_gateway ON route (tenant_id, nat_gateway_id) WHERE nat_gateway_id IS NOT NULL;
CREATE INDEX route_vpn_gateway ON route (tenant_id, vpn_gateway_id) WHERE vpn_gateway_id IS NOT NULL;
CALL secure_tenant_table('route');

-- A table takes what the VPN gateway has learnt while such a row is there.
CREATE TABLE route_propagation (
  tenant_id text NOT NULL,
  vpc_id text NOT NULL,
  route_table_id text NOT NULL,
  vpn_gateway_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, route_table_id, vpn_gateway_id),
  CONSTRAINT route_propagation_table_fk FOREIGN KEY (tenant_id, vpc_id, route_table_id)
    REFERENCES route_table (tenant_id, vpc_id, id),
  CONSTRAINT route_propagation_vpn_gateway_fk FOREIGN KEY (tenant_id, vpn_gateway_id) REFERENCES vpn_gateway (tenant_id, id)
);
CREATE INDEX route_propagation_vpn_gateway ON route_propagation (tenant_id, vpn_gateway_id);
CALL secure_tenant_table('route_propagation');

-- VPCs that were there before get their main table.
SET ROLE freehold_system;
INSERT INTO public.route_table (tenant_id, id, vpc_id, is_main, changed_generation)
SELECT tenant_id,
       'rtb-' || lpad(to_hex(extract(epoch FROM now())::bigint), 8, '0') || substr(replace(gen_random_uuid()::text, '-', ''), 1, 9),
       id, true, generation
  FROM public.vpc;

-- The lowest free address of the operator's public pools, in the order of their ids, becomes the tenant's own. Callers of
-- one pool wait for each other; the network and broadcast address of a pool are left out. Gives no row when all is taken.
CREATE FUNCTION crosstenant.allocate_elastic_ip(new_id text, new_name text, created timestamptz)
  RETURNS TABLE (pool_id text, address inet)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
DECLARE
  candidate text;
  block cidr;
  first_usable inet;
  last_usable inet;
  free inet;
BEGIN
  IF app_tenant() IS NULL THEN
    RAISE EXCEPTION 'no tenant is set' USING ERRCODE = 'insufficient_privilege';
  END IF;
  FOR candidate IN SELECT p.id FROM address_pool p WHERE p.purpose = 'public' ORDER BY p.id LOOP
    SELECT p.cidr INTO block FROM address_pool p WHERE p.id = candidate FOR NO KEY UPDATE;
    CONTINUE WHEN NOT FOUND;
    first_usable := host(network(block))::inet + CASE WHEN masklen(block) < 31 THEN 1 ELSE 0 END;
    last_usable := host(broadcast(block))::inet - CASE WHEN masklen(block) < 31 THEN 1 ELSE 0 END;
    free := first_usable;
    IF EXISTS (SELECT 1 FROM elastic_ip taken WHERE taken.address = free) THEN
      -- In the order of the index, so that the scan ends at the first gap.
      SELECT taken.address + 1 INTO free
        FROM (SELECT e.address, lead(e.address) OVER (ORDER BY e.address) AS next FROM elastic_ip e WHERE e.pool_id = candidate) taken
       WHERE taken.address < last_usable AND taken.next IS DISTINCT FROM taken.address + 1
       ORDER BY taken.address
       LIMIT 1;
    END IF;
    CONTINUE WHEN free IS NULL;
    INSERT INTO elastic_ip AS e (tenant_id, id, name, pool_id, address, created_at)
    VALUES (app_tenant(), new_id, new_name, candidate, free, created);
    RETURN QUERY SELECT candidate, free;
    RETURN;
  END LOOP;
END
$$;

-- Ranges that a VPC may take blocks from beside the private ones. The rows are locked against deletion until the block is there.
CREATE FUNCTION crosstenant.vpc_pool_ranges() RETURNS SETOF text
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$ SELECT p.cidr::text FROM public.address_pool p WHERE p.purpose = 'vpc' ORDER BY p.id FOR KEY SHARE $$;

-- Who still uses a pool, for its deletion by the operator: how many of what, never which.
CREATE FUNCTION crosstenant.address_pool_users(pool text)
  RETURNS TABLE (tenant_id text, kind text, used bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
    SELECT e.tenant_id, 'elastic-ip', count(*) FROM public.elastic_ip e
     WHERE app_tenant() = 'tnt-00000000000000000' AND e.pool_id = pool
     GROUP BY e.tenant_id
    UNION ALL
    SELECT b.tenant_id, 'vpc-cidr-block', count(*)
      FROM public.vpc_cidr_block b JOIN public.address_pool p ON p.id = pool AND p.purpose = 'vpc' AND b.cidr <<= p.cidr
     WHERE app_tenant() = 'tnt-00000000000000000'
     GROUP BY b.tenant_id
     ORDER BY 1, 2
  $$;
REVOKE ALL ON FUNCTION crosstenant.allocate_elastic_ip(text, text, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION crosstenant.vpc_pool_ranges() FROM PUBLIC;
REVOKE ALL ON FUNCTION crosstenant.address_pool_users(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.allocate_elastic_ip(text, text, timestamptz) TO freehold_api;
GRANT EXECUTE ON FUNCTION crosstenant.vpc_pool_ranges() TO freehold_api;
GRANT EXECUTE ON FUNCTION crosstenant.address_pool_users(text) TO freehold_api;
RESET ROLE;
