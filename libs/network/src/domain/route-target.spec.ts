import { newId } from '#kernel';
import { requireOneTarget, requireServes } from './route-target.js';

const igw = newId('internetGateway');
const nat = newId('natGateway');
const vgw = newId('vpnGateway');
const vpc = newId('vpc');

describe('the target of a route', () => {
  it.each([
    [{ internetGatewayId: igw }, { kind: 'internet-gateway', id: igw }],
    [{ natGatewayId: nat }, { kind: 'nat-gateway', id: nat }],
    [{ vpnGatewayId: vgw }, { kind: 'vpn-gateway', id: vgw }],
  ])('is the one that is named: %j', (request, target) => {
    expect(requireOneTarget(request)).toEqual(target);
  });

  it.each([
    [{}, ['']],
    [{ internetGatewayId: igw, natGatewayId: nat }, ['/natGatewayId']],
    [{ internetGatewayId: igw, natGatewayId: nat, vpnGatewayId: vgw }, ['/natGatewayId', '/vpnGatewayId']],
  ])('is exactly one: %j is refused', (request, pointers) => {
    const errors = pointers.map((pointer) => ({
      pointer,
      rule: 'route.one-target',
      message: expect.any(String),
      fix: 'name exactly one of internetGatewayId, natGatewayId, vpnGatewayId',
    }));
    expect(() => requireOneTarget(request)).toThrow(expect.objectContaining({ code: 'InvalidInput', errors }));
  });

  it('serves the VPC, or is refused', () => {
    const target = { kind: 'internet-gateway' as const, id: igw };
    expect(() => requireServes(target, vpc, vpc)).not.toThrow();
    expect(() => requireServes(target, vpc, undefined)).toThrow(expect.objectContaining({ code: 'ReferenceNotFound' }));
    for (const served of [null, newId('vpc')]) {
      expect(() => requireServes(target, vpc, served)).toThrow(
        expect.objectContaining({
          errors: [expect.objectContaining({ pointer: '/internetGatewayId', rule: 'route.target-in-vpc' })],
        }),
      );
    }
  });
});
