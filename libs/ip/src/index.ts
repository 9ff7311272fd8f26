export {
  type Address,
  addressBits,
  addressOf,
  compareAddresses,
  formatAddress,
  type IpVersion,
  parseAddress,
} from './address.js';
export * from './block-arithmetic.js';
export {
  type Cidr,
  cidrAround,
  cidrOf,
  cidrSize,
  cidrsEqual,
  cidrsOverlap,
  compareCidrs,
  containsAddress,
  containsCidr,
  firstAddress,
  formatCidr,
  lastAddress,
  parseCidr,
} from './cidr.js';
export * from './ip-rule.error.js';
export * from './lpm-table.js';
export * from './route-selection.js';
export { notPublicBecause, PRIVATE_RANGES, unroutableRangeOf } from './special-ranges.js';
export * from './subnet.rules.js';
export {
  requireDisjoint,
  requireSecondaryBlock,
  requireVpcBlock,
  type SecondaryBlockContext,
  VPC_BLOCK_SIZES,
} from './vpc-block.rules.js';
export * from './vpn-tunnel.rules.js';
