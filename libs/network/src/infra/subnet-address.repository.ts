import { Injectable } from '@nestjs/common';
import { type Tx, translating } from '#database';
import { formatAddress, nextFreeAddress, parseAddress, parseCidr } from '#ip';
import { ConflictError, type NatGatewayId, type SubnetId, type TenantId } from '#kernel';

/** Who may own an address of a subnet; a further kind is a further column and a further member. */
export interface AddressOwner {
  natGatewayId: NatGatewayId;
}

/** Which addresses of a subnet are taken. Callers hold the VPC's lock; the primary key holds whatever they do. */
@Injectable()
export class SubnetAddressRepository {
  /** The lowest address that interfaces can have and nobody has. @throws ConflictError `InsufficientFreeAddresses` */
  async nextFree(tx: Tx, tenantId: TenantId, subnet: { id: SubnetId; cidr: string }): Promise<string> {
    const rows = await tx.query<{ address: string }>(
      'SELECT host(address) AS address FROM subnet_address WHERE tenant_id = $1 AND subnet_id = $2 AND family(address) = 4',
      [tenantId, subnet.id],
    );
    const taken = rows.map(({ address }) => parseAddress(address));
    const free = nextFreeAddress(parseCidr(subnet.cidr), taken);
    if (free) return formatAddress(free);
    throw new ConflictError('InsufficientFreeAddresses', `subnet ${subnet.id} has no free address.`, {
      errors: [
        {
          pointer: '/subnetId',
          rule: 'subnet.free-address',
          message: `all addresses of ${subnet.cidr} are taken, or are still being let go`,
          fix: 'use another subnet',
        },
      ],
    });
  }

  /** @throws ConflictError `AddressInUse` */
  async take(
    tx: Tx,
    tenantId: TenantId,
    subnetId: SubnetId,
    address: string,
    { natGatewayId }: AddressOwner,
  ): Promise<void> {
    const taken = () => new ConflictError('AddressInUse', `${address} is in use in subnet ${subnetId}.`);
    await translating({ subnet_address_pkey: taken }, () =>
      tx.execute('INSERT INTO subnet_address (tenant_id, subnet_id, address, nat_gateway_id) VALUES ($1, $2, $3, $4)', [
        tenantId,
        subnetId,
        address,
        natGatewayId,
      ]),
    );
  }
}
