import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, tagQuery, tagsSchema } from '#http';
import { IpRuleError } from '#ip';
import { CONFIGURATION_FORMATS } from '../app/download-vpn-configuration.service.js';
import { requireUnicast } from '../domain/gateway-host-endpoint.js';
import { wireguardKeyProblem } from '../domain/vpn-wireguard-key.js';
import { cidrSchema, placedFields } from './network.schemas.js';

/** Text in the one form that `parse` takes; what breaks a rule of it is refused with that rule and its fix. */
export function parsedText<T>(maxLength: number, parse: (text: string) => T) {
  return z
    .string()
    .max(maxLength)
    .transform((text, issues): T => {
      try {
        return parse(text);
      } catch (error) {
        if (!(error instanceof IpRuleError)) throw error;
        issues.addIssue({ code: 'custom', message: error.message, params: { rule: error.rule, fix: error.fix } });
        return z.NEVER;
      }
    });
}

export const wireguardKeySchema = z
  .string()
  .max(64)
  .superRefine((text, issues) => {
    const problem = wireguardKeyProblem(text);
    if (problem) issues.addIssue({ code: 'custom', message: problem.message, params: { ...problem } });
  });

const named = { name: nameSchema.optional(), tags: tagsSchema.optional() };
const renamed = { name: nameSchema.nullable().optional(), tags: tagsSchema.optional() };
const listed = { ...pageQuery, ...tagQuery };

export const createVpnGatewaySchema = z.strictObject({
  vpcId: idSchema('vpc').optional().describe('Attach it at once.'),
  ...named,
});
export const updateVpnGatewaySchema = z.strictObject(renamed);
export const attachmentSchema = z.strictObject({ vpcId: idSchema('vpc') });
export const vpnGatewaySchema = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    vpcId: z.string().nullable().describe('The VPC that it is attached to, or is being detached from.'),
    attachment: z.enum(['detached', 'attached', 'detaching']),
    ...placedFields,
  })
  .meta({ id: 'VpnGateway' });
export const changedVpnGatewaySchema = vpnGatewaySchema.extend(recordedSchema.shape);
export const vpnGatewayParams = z.strictObject({ vpnGatewayId: idSchema('vpnGateway') });
export const vpnGatewayListQuery = z.strictObject({ ...listed, vpcId: idSchema('vpc').optional() });
export const vpnGatewayPage = pageSchema(vpnGatewaySchema);

export const createCustomerGatewaySchema = z
  .strictObject({
    address: parsedText(64, (text) => requireUnicast(text)).describe(
      'Where the gateway is reached: one unicast address in its canonical text.',
    ),
    wireguardPublicKey: wireguardKeySchema.optional().describe('What "wg pubkey" prints on the gateway.'),
    asn: z.int().min(1).max(4_294_967_294).optional().describe('The AS number of the network behind it.'),
    ...named,
  })
  .superRefine(({ wireguardPublicKey, asn }, issues) => {
    if (wireguardPublicKey !== undefined || asn !== undefined) return;
    issues.addIssue({
      code: 'custom',
      message: 'neither a WireGuard key nor an AS number',
      params: { rule: 'customer-gateway.key-or-asn', fix: 'send wireguardPublicKey; connections need it' },
    });
  });
export const updateCustomerGatewaySchema = z.strictObject(renamed);
export const customerGatewaySchema = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    address: z.string(),
    wireguardPublicKey: z.string().nullable(),
    asn: z.int().nullable(),
    ...placedFields,
  })
  .meta({ id: 'CustomerGateway' });
export const changedCustomerGatewaySchema = customerGatewaySchema.extend(recordedSchema.shape);
export const customerGatewayParams = z.strictObject({ customerGatewayId: idSchema('customerGateway') });
export const customerGatewayListQuery = z.strictObject(listed);
export const customerGatewayPage = pageSchema(customerGatewaySchema);

const remotePrefixes = z
  .array(cidrSchema)
  .min(1)
  .max(100)
  .describe("Blocks behind the customer's gateway: static routes. None may overlap the VPC.");

export const createVpnConnectionSchema = z.strictObject({
  vpnGatewayId: idSchema('vpnGateway').describe('Attached to a VPC.'),
  customerGatewayId: idSchema('customerGateway').describe('With a WireGuard key.'),
  remotePrefixes,
  tunnelBlock: cidrSchema
    .optional()
    .describe('A /30 from 169.254.0.0/16, unique for the VPN gateway; the lowest free one when left out.'),
  ...named,
});
export const updateVpnConnectionSchema = z.strictObject({ ...renamed, remotePrefixes: remotePrefixes.optional() });
export const vpnConnectionSchema = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    vpcId: z.string(),
    vpnGatewayId: z.string(),
    customerGatewayId: z.string(),
    remotePrefixes: z.array(z.string()).describe('Withdrawn as soon as the connection is being deleted.'),
    tunnelBlock: z.string(),
    insideAddress: z.string().describe("The VPN gateway's address inside the tunnel."),
    customerInsideAddress: z.string().describe("The customer gateway's address inside the tunnel."),
    gatewayEndpoint: z.string().describe('Where the customer gateway sends to.'),
    gatewayPublicKey: z.string().describe('The WireGuard key of that end.'),
    ...placedFields,
  })
  .meta({ id: 'VpnConnection' });
export const changedVpnConnectionSchema = vpnConnectionSchema.extend(recordedSchema.shape);
export const vpnConnectionParams = z.strictObject({ vpnConnectionId: idSchema('vpnConnection') });
export const vpnConnectionListQuery = z.strictObject({
  ...listed,
  vpcId: idSchema('vpc').optional(),
  vpnGatewayId: idSchema('vpnGateway').optional(),
  customerGatewayId: idSchema('customerGateway').optional(),
});
export const vpnConnectionPage = pageSchema(vpnConnectionSchema);

export const configurationQuery = z.strictObject({
  format: z.enum(CONFIGURATION_FORMATS).default('wg-quick').describe('The tool that will read it.'),
});
export const configurationSchema = z.object({
  vpnConnectionId: z.string(),
  format: z.enum(CONFIGURATION_FORMATS),
  fileName: z.string().describe('A name that the tool takes.'),
  configuration: z.string().nullable().describe('The text of the file. Null when a request is repeated: it was shown.'),
  ...recordedSchema.shape,
});
