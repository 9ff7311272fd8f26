import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, timestampSchema } from '#http';
import { PORTS_A_HOST, parseEndpoint } from '../domain/gateway-host-endpoint.js';
import { parsedText, wireguardKeySchema } from './vpn.schemas.js';

export const gatewayHostDescriptionSchema = z.strictObject({
  name: nameSchema.describe('Unique among gateway hosts.'),
  wireguardPublicKey: wireguardKeySchema.describe(
    'Made on the host by "freehold agent init"; its private key stays there.',
  ),
  endpoint: parsedText(300, parseEndpoint).describe(
    `host:port where customers reach it. Each connection gets a UDP port of its own, from this one on; ${PORTS_A_HOST} at most.`,
  ),
});
export const gatewayHostSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    wireguardPublicKey: z.string(),
    endpoint: z.string(),
    connections: z.int().describe('VPN connections that end here.'),
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'GatewayHost' });
export const changedGatewayHostSchema = gatewayHostSchema.extend(recordedSchema.shape);
export const gatewayHostParams = z.strictObject({ gatewayHostId: idSchema('gatewayHost') });
export const gatewayHostListQuery = z.strictObject(pageQuery);
export const gatewayHostPage = pageSchema(gatewayHostSchema);
