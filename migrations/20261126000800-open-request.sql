-- Opens a request that carries an Idempotency-Key: the tenant of row level security, the lock that makes a second one in
-- flight fail at once, and the look for a stored reply. It raises where the request may not go on, so that statements sent
-- in the same packet behind it are refused by PostgreSQL and wait for nobody's lock.
--   FH001  the same key is in flight
--   FH002  the key was answered before; the stored reply is to be read
CREATE FUNCTION open_request(tenant text, request_scope text, request_key text) RETURNS void
  LANGUAGE plpgsql
  AS $$
DECLARE
  free boolean;
BEGIN
  PERFORM set_config('app.tenant', tenant, true);
  -- The lock first: what its last holder committed is visible to the statement behind it.
  free := pg_try_advisory_xact_lock(hashtextextended(tenant || ' ' || request_scope || ' ' || request_key, 0));
  IF EXISTS (SELECT FROM idempotency_record WHERE tenant_id = tenant AND scope = request_scope AND key = request_key) THEN
    RAISE EXCEPTION 'the request was answered before' USING ERRCODE = 'FH002';
  END IF;
  IF NOT free THEN
    RAISE EXCEPTION 'the request is in flight' USING ERRCODE = 'FH001';
  END IF;
END
$$;
