import type { Role } from '#kernel';

/** Every permission there is, with what it lets a caller do. A route names one of these, or the boot stops. */
export const PERMISSIONS = {
  'tenant:read': "Read one's own tenant and its quotas",
  'user:read': 'Read the users of the tenant',
  'user:write': 'Create, change and delete users of the tenant',
  'key:read': 'Read the API keys of the tenant (never their secrets)',
  'key:write': 'Create and revoke API keys of the tenant',
  'signing-key:read': 'Read the signing keys of the tenant',
  'signing-key:write': "Enrol and revoke signing keys of one's own",
  'signature-policy:write': 'Say which actions of the tenant must be signed',
  'network:read': 'Read VPCs and everything in them',
  'network:write': 'Create, change and delete VPCs and everything in them',
  'ledger:read': "Read the tenant's ledger entries, receipts and bundles",
  'ledger:disclose': 'Open chosen ledger entries for somebody outside the tenant',
  'ledger:erase': 'Erase what ledger entries of the tenant say',
  'webhook:read': 'Read webhooks and what became of their deliveries (never their secrets)',
  'webhook:write': 'Create, change, test, replay and delete webhooks',
  'migration:read': 'Read datasets, migrations and their progress',
  'migration:write': 'Create datasets, move data in and restore it',
  'operation:read': 'Read and watch long-running operations',
  'system:tenant:read': 'Read all tenants (operator)',
  'system:tenant:write': 'Create, suspend, resume and delete tenants, set quotas (operator)',
  'system:break-glass': "Read a tenant's ledger entries, which is recorded in the tenant's own chain (operator)",
  'system:pool:read': 'Read address pools (operator)',
  'system:pool:write': 'Create and delete address pools (operator)',
  'system:gateway-host:read': 'Read gateway hosts (operator)',
  'system:gateway-host:write': 'Register, change and delete gateway hosts (operator)',
  'system:ledger:read': 'Read the state of the ledger: its witnesses (operator)',
  'system:ledger:write': 'Change the key that the log signs with (operator)',
  'system:node:read': 'Read storage nodes (operator)',
  'system:node:write': 'Register, drain and delete storage nodes (operator)',
} as const;

export type Permission = keyof typeof PERMISSIONS;

const READ: Permission[] = ['tenant:read', 'network:read', 'ledger:read', 'migration:read', 'operation:read'];

/** Whoever may change anything may sign it. */
const SIGN: Permission[] = ['signing-key:read', 'signing-key:write'];

const ROLE_PERMISSIONS: Record<Role, readonly Permission[]> = {
  operator: [
    'tenant:read',
    'user:read',
    'user:write',
    'key:read',
    'key:write',
    ...SIGN,
    'signature-policy:write',
    'ledger:read',
    'system:tenant:read',
    'system:tenant:write',
    'system:break-glass',
    'system:pool:read',
    'system:pool:write',
    'system:gateway-host:read',
    'system:gateway-host:write',
    'system:ledger:read',
    'system:ledger:write',
    'system:node:read',
    'system:node:write',
  ],
  'tenant-owner': [
    ...READ,
    'ledger:disclose',
    'ledger:erase',
    ...SIGN,
    'signature-policy:write',
    'user:read',
    'user:write',
    'key:read',
    'key:write',
    'network:write',
    'migration:write',
    'webhook:read',
    'webhook:write',
  ],
  editor: [...READ, ...SIGN, 'network:write', 'migration:write', 'webhook:read', 'webhook:write'],
  viewer: READ,
  auditor: [...READ, ...SIGN, 'user:read', 'key:read'],
  worker: [...SIGN, 'migration:read', 'migration:write', 'operation:read'],
};

/** Roles that exist in the operator's own tenant only. */
export const OPERATOR_ROLES: readonly Role[] = ['operator'];

export function isPermission(value: string): value is Permission {
  return Object.hasOwn(PERMISSIONS, value);
}

/** What a key may do: what its user's roles allow, narrowed to the key's scopes when it has any. */
export function permissionsOf(roles: readonly Role[], scopes: readonly string[] | null): ReadonlySet<Permission> {
  const granted = new Set(roles.flatMap((role) => ROLE_PERMISSIONS[role] ?? []));
  return scopes === null ? granted : new Set([...granted].filter((permission) => scopes.includes(permission)));
}
