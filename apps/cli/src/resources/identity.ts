import { type Field, type Resource, standard } from './resource.js';

const ROLES: Field = {
  name: 'roles',
  option: 'role',
  about: 'tenant-owner, editor, viewer, auditor, ...',
  kind: 'list',
  required: true,
};
const TENANTS = '/v1/system/tenants';
const TENANT = `${TENANTS}/{tenantId}`;

/** `tenant create` draws keys on this machine and is a command of its own (commands/tenant-create.ts). */
export const IDENTITY: Resource[] = [
  {
    noun: 'tenant',
    aliases: ['tenants'],
    about: "tenants of this cloud (for the operator), and one's own",
    verbs: [
      {
        name: 'list',
        aliases: ['ls'],
        about: 'list tenants',
        method: 'GET',
        path: TENANTS,
        list: ['id', 'name', 'state', 'createdAt'],
      },
      { name: 'get', aliases: ['show'], about: 'read a tenant', method: 'GET', path: TENANT },
      { name: 'current', aliases: ['whoami'], about: "read one's own tenant", method: 'GET', path: '/v1/tenant' },
      {
        name: 'suspend',
        about: 'suspend a tenant: its keys stop working, its networks and data stay',
        method: 'POST',
        path: `${TENANT}/suspend`,
        dangerous: true,
      },
      { name: 'resume', about: 'resume a suspended tenant', method: 'POST', path: `${TENANT}/resume` },
      {
        name: 'delete',
        about: 'delete an empty tenant; its ledger stays',
        method: 'DELETE',
        path: TENANT,
        dangerous: true,
      },
    ],
  },
  {
    noun: 'quota',
    aliases: ['quotas'],
    about: 'how much a tenant may have',
    verbs: [
      {
        name: 'get',
        aliases: ['list', 'show'],
        about: "read a tenant's quotas",
        method: 'GET',
        path: `${TENANT}/quotas`,
      },
      { name: 'current', about: "read one's own quotas", method: 'GET', path: '/v1/tenant/quotas' },
      {
        name: 'set',
        about: "set one of a tenant's quotas",
        method: 'PUT',
        path: `${TENANT}/quotas/{quota}`,
        body: [{ name: 'allowed', about: 'how many', kind: 'integer', required: true }],
      },
    ],
  },
  standard({
    noun: 'user',
    one: 'a user',
    many: 'users',
    path: '/v1/users',
    id: 'userId',
    columns: ['id', 'name', 'roles', 'createdAt'],
    tagged: false,
    create: [{ name: 'name', about: 'of the person or the service', required: true }, ROLES],
    update: [
      { name: 'name', about: 'of the person or the service' },
      { ...ROLES, required: false },
    ],
  }),
  standard({
    noun: 'api-key',
    one: 'an API key',
    many: 'API keys',
    path: '/v1/api-keys',
    id: 'keyId',
    columns: ['id', 'name', 'userId', 'scopes', 'state', 'expiresAt', 'createdAt'],
    tagged: false,
    create: [
      { name: 'userId', about: 'whose key it is', required: true },
      { name: 'name', about: 'what it is for', required: true },
      { name: 'scopes', option: 'scope', about: "only these permissions of the user's", kind: 'list' },
      { name: 'expiresAt', about: 'when it stops working, such as 2027-01-31T00:00:00Z' },
    ],
    names: { delete: 'revoke' },
  }),
  // `create`, `enrol`, `use` and `revoke` keep the key's file on this machine in step (commands/signing-key.ts).
  {
    noun: 'signing-key',
    aliases: ['signing-keys'],
    about: 'keys with which users sign their changes',
    verbs: [
      {
        name: 'list',
        aliases: ['ls'],
        about: 'list signing keys',
        method: 'GET',
        path: '/v1/signing-keys',
        list: ['id', 'name', 'userId', 'enrolledBy', 'state', 'createdAt'],
      },
      {
        name: 'get',
        aliases: ['show'],
        about: 'read a signing key',
        method: 'GET',
        path: '/v1/signing-keys/{keyId}',
      },
    ],
  },
  {
    noun: 'signature-policy',
    about: "which actions of the tenant's users must be signed",
    verbs: [
      { name: 'get', aliases: ['show'], about: 'read it', method: 'GET', path: '/v1/tenant/signature-policy' },
      {
        name: 'set',
        about: 'say which actions must be signed',
        method: 'PUT',
        path: '/v1/tenant/signature-policy',
        body: [
          { name: 'mode', about: 'optional or required', required: true },
          {
            name: 'actions',
            option: 'action',
            about: 'an action, or a pattern such as subnet.*; none: all',
            kind: 'list',
          },
        ],
      },
    ],
  },
];
