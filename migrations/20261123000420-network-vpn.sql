-- VPN: the customers' ends, the connections to them, and the operator's gateway hosts, on which their tunnels end. A connection
-- that is `deleting` keeps its block, its port and its gateways until the data plane has let go of it.

-- The customer's end of a connection. An address and an AS number are facts of the other side: they never change.
CREATE TABLE customer_gateway (
  tenant_id text NOT NULL REFERENCES tenant (id),
  id text PRIMARY KEY,
  name text,
  address inet NOT NULL CHECK (masklen(address) = CASE family(address) WHEN 4 THEN 32 ELSE 128 END),
  -- Canonical base64 of 32 bytes: the last character carries four bits.
  wireguard_public_key text CHECK (wireguard_public_key ~ '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$'),
  asn bigint CHECK (asn BETWEEN 1 AND 4294967294),
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT customer_gateway_key_or_asn CHECK (num_nonnulls(wireguard_public_key, asn) > 0)
);
CALL secure_tenant_table('customer_gateway');

-- Where tunnels end: hosts of the operator, whose private keys never leave them. Each connection on a host has a UDP port of
-- its own, one of the 1000 from first_port on.
CREATE TABLE gateway_host (
  tenant_id text NOT NULL REFERENCES tenant (id) CHECK (tenant_id = 'tnt-00000000000000000'),
  id text PRIMARY KEY,
  name text NOT NULL,
  name_folded text NOT NULL,
  wireguard_public_key text NOT NULL CHECK (wireguard_public_key ~ '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$'),
  endpoint_host text NOT NULL CHECK (endpoint_host ~ '^[a-z0-9.:-]{1,253}$'),
  first_port integer NOT NULL CHECK (first_port BETWEEN 1 AND 65535),
  ports int4range GENERATED ALWAYS AS (int4range(first_port, least(first_port + 1000, 65536))) STORED,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  CONSTRAINT gateway_host_name_unique UNIQUE (tenant_id, name_folded),
  CONSTRAINT gateway_host_key_unique UNIQUE (wireguard_public_key),
  CONSTRAINT gateway_host_ports_no_overlap EXCLUDE USING gist (endpoint_host WITH =, ports WITH &&)
);
CALL secure_tenant_table('gateway_host');

-- So that a connection can only be of the VPC that its gateway is attached to.
ALTER TABLE vpn_gateway ADD CONSTRAINT vpn_gateway_of_vpc UNIQUE (tenant_id, vpc_id, id);

CREATE TABLE vpn_connection (
  tenant_id text NOT NULL,
  id text PRIMARY KEY,
  vpc_id text NOT NULL,
  vpn_gateway_id text NOT NULL,
  customer_gateway_id text NOT NULL,
  name text,
  tunnel_block cidr NOT NULL CHECK (tunnel_block <<= '169.254.0.0/16' AND masklen(tunnel_block) = 30),
  -- Sealed under the key-encryption key, for this tenant and this connection alone.
  sealed_preshared_key bytea NOT NULL,
  changed_generation bigint NOT NULL,
  deleting boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, vpn_gateway_id, id),
  CONSTRAINT vpn_connection_vpc_fk FOREIGN KEY (tenant_id, vpc_id) REFERENCES vpc (tenant_id, id),
  CONSTRAINT vpn_connection_vpn_gateway_fk FOREIGN KEY (tenant_id, vpc_id, vpn_gateway_id)
    REFERENCES vpn_gateway (tenant_id, vpc_id, id),
  CONSTRAINT vpn_connection_customer_gateway_fk FOREIGN KEY (tenant_id, customer_gateway_id)
    REFERENCES customer_gateway (tenant_id, id),
  CONSTRAINT vpn_connection_tunnel_no_overlap
    EXCLUDE USING gist (tenant_id WITH =, vpn_gateway_id WITH =, tunnel_block inet_ops WITH &&)
);
CREATE INDEX vpn_connection_vpc ON vpn_connection (tenant_id, vpc_id);
CREATE INDEX vpn_connection_customer_gateway ON vpn_connection (tenant_id, customer_gateway_id);
CALL secure_tenant_table('vpn_connection');

-- Blocks behind the customer's gateway. One prefix leads to one connection of a VPN gateway; longer ones win.
CREATE TABLE vpn_connection_prefix (
  tenant_id text NOT NULL,
  vpn_gateway_id text NOT NULL,
  vpn_connection_id text NOT NULL,
  destination cidr NOT NULL,
  CONSTRAINT vpn_connection_prefix_unique PRIMARY KEY (tenant_id, vpn_gateway_id, destination),
  CONSTRAINT vpn_connection_prefix_connection_fk FOREIGN KEY (tenant_id, vpn_gateway_id, vpn_connection_id)
    REFERENCES vpn_connection (tenant_id, vpn_gateway_id, id) ON DELETE CASCADE
);
CREATE INDEX vpn_connection_prefix_connection ON vpn_connection_prefix (tenant_id, vpn_connection_id);
CALL secure_tenant_table('vpn_connection_prefix');

-- The operator's end of a tunnel. Only the function below gives one out, so that no tenant chooses a host or a port.
CREATE TABLE vpn_endpoint (
  tenant_id text NOT NULL,
  vpn_connection_id text NOT NULL,
  gateway_host_id text NOT NULL CONSTRAINT vpn_endpoint_host_fk REFERENCES gateway_host (id),
  listen_port integer NOT NULL CHECK (listen_port BETWEEN 1 AND 65535),
  PRIMARY KEY (tenant_id, vpn_connection_id),
  CONSTRAINT vpn_endpoint_port_unique UNIQUE (gateway_host_id, listen_port),
  CONSTRAINT vpn_endpoint_connection_fk FOREIGN KEY (tenant_id, vpn_connection_id)
    REFERENCES vpn_connection (tenant_id, id) ON DELETE CASCADE
);
CALL secure_tenant_table('vpn_endpoint');
REVOKE INSERT, UPDATE, DELETE ON vpn_endpoint FROM freehold_api;

SET ROLE freehold_system;

-- Puts a new connection of the calling tenant on the host with the fewest, at that host's lowest free port. One row always:
-- the ids are null when no host has room; `hosts` tells whether there is any. Callers wait for each other.
CREATE FUNCTION crosstenant.assign_gateway_host(connection text)
  RETURNS TABLE (gateway_host_id text, listen_port integer, hosts bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
BEGIN
  IF app_tenant() IS NULL THEN
    RAISE EXCEPTION 'no tenant is set' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('gateway-hosts', 0));
  hosts := (SELECT count(*) FROM gateway_host);
  SELECT h.id, free.port INTO gateway_host_id, listen_port
    FROM gateway_host h
    CROSS JOIN LATERAL (
      SELECT min(candidate.port) AS port
        FROM (SELECT h.first_port AS port
               UNION ALL
              SELECT e.listen_port + 1 FROM vpn_endpoint e WHERE e.gateway_host_id = h.id) candidate
       WHERE h.ports @> candidate.port
         AND NOT EXISTS (SELECT 1 FROM vpn_endpoint taken
                          WHERE taken.gateway_host_id = h.id AND taken.listen_port = candidate.port)
    ) free
   WHERE free.port IS NOT NULL
   ORDER BY (SELECT count(*) FROM vpn_endpoint e WHERE e.gateway_host_id = h.id), h.id
   LIMIT 1;
  IF FOUND THEN
    INSERT INTO vpn_endpoint (tenant_id, vpn_connection_id, gateway_host_id, listen_port)
    VALUES (app_tenant(), connection, assign_gateway_host.gateway_host_id, assign_gateway_host.listen_port);
  END IF;
  RETURN NEXT;
END
$$;

-- What a tenant may know of the hosts of its own connections: what its customers' gateways must be told.
CREATE FUNCTION crosstenant.vpn_endpoints_of(connections text[])
  RETURNS TABLE (vpn_connection_id text, wireguard_public_key text, endpoint_host text, listen_port integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
    SELECT e.vpn_connection_id, h.wireguard_public_key, h.endpoint_host, e.listen_port
      FROM public.vpn_endpoint e
      JOIN public.gateway_host h ON h.id = e.gateway_host_id
     WHERE e.tenant_id = app_tenant() AND e.vpn_connection_id = ANY (connections)
  $$;

-- Whose connections end on these hosts: for the operator alone, who must ask those tenants before a host can go.
CREATE FUNCTION crosstenant.gateway_host_connections(host_ids text[])
  RETURNS TABLE (gateway_host_id text, tenant_id text, vpn_connection_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$
    SELECT e.gateway_host_id, e.tenant_id, e.vpn_connection_id
      FROM public.vpn_endpoint e
     WHERE app_tenant() = 'tnt-00000000000000000' AND e.gateway_host_id = ANY (host_ids)
     ORDER BY 1, 2, 3
  $$;
REVOKE ALL ON FUNCTION crosstenant.assign_gateway_host(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION crosstenant.vpn_endpoints_of(text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION crosstenant.gateway_host_connections(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crosstenant.assign_gateway_host(text) TO freehold_api;
GRANT EXECUTE ON FUNCTION crosstenant.vpn_endpoints_of(text[]) TO freehold_api;
GRANT EXECUTE ON FUNCTION crosstenant.gateway_host_connections(text[]) TO freehold_api;
RESET ROLE;
