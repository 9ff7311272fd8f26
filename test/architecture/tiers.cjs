/** Every library is in exactly one tier (docs/ARCHITECTURE.md). Read by the import rules and by the test beside this file. */
module.exports = {
  PURE: ['kernel', 'ip', 'merkle', 'proof', 'erasure', 'placement', 'dataset', 'topology'],
  ADAPTER: [
    'config',
    'database',
    'embedded',
    'queue',
    'chain',
    'ovn',
    'object-store',
    'keyring',
    'auth',
    'http',
    'egress',
    'telemetry',
  ],
  FEATURE: ['tenancy', 'network', 'ledger', 'provisioning', 'migration', 'operations', 'webhooks'],
};
