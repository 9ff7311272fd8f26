import type { JsonValue } from '#kernel';
import { FormatError } from '#merkle';
import { type JsonObject, Replay, type ReplayEntry, type ReplayedResource, resourceKey } from '#proof';
import type { SnapshotRoute, VpcSnapshot } from './vpc-snapshot.js';

/** A resource that was there, with its state as the entries left it. */
export interface ReplayedMember {
  id: string;
  version: number | null;
  state: JsonObject;
  /** The entry that left it like this. */
  entryId: string;
}

/**
 * A VPC as entries left it: the same rows that the database had of what was alive then, so that the same functions make
 * intent and routes of them (docs/time-machine.md).
 */
export class ReplayedVpc {
  private constructor(
    readonly vpc: ReplayedMember,
    readonly subnets: ReplayedMember[],
    readonly routeTables: ReplayedMember[],
    readonly associations: ReplayedMember[],
    /** Ids are `<route table>/<VPN gateway>`. */
    readonly propagations: ReplayedMember[],
    readonly routes: ReplayedMember[],
    readonly internetGateway: ReplayedMember | null,
    readonly natGateways: ReplayedMember[],
    readonly vpnGateway: ReplayedMember | null,
    readonly vpnConnections: ReplayedMember[],
    private readonly replay: Replay,
  ) {}

  /** Null when the VPC is not there after these entries. @throws FormatError when a state is not one of its type */
  static of(replay: Replay, vpcId: string): ReplayedVpc | null {
    const vpc = memberOf(replay.resources.get(resourceKey('vpc', vpcId)));
    if (!vpc) return null;
    const inVpc = (member: ReplayedMember) => member.state.vpcId === vpcId;
    const routeTables = allOf(replay, 'route-table').filter(inVpc);
    const tables = new Set(routeTables.map(({ id }) => id));
    const ofTable = (type: string, tableOf: (member: ReplayedMember) => unknown) =>
      allOf(replay, type).filter((member) => tables.has(tableOf(member) as string));
    const vpnGateway = allOf(replay, 'vpn-gateway').find(inVpc) ?? null;
    return new ReplayedVpc(
      vpc,
      allOf(replay, 'subnet').filter(inVpc),
      routeTables,
      ofTable('route-table-association', ({ state }) => state.routeTableId),
      ofTable('route-propagation', ({ id }) => id.split('/', 1)[0]),
      ofTable('route', ({ state }) => state.routeTableId),
      allOf(replay, 'internet-gateway').find(inVpc) ?? null,
      allOf(replay, 'nat-gateway').filter(inVpc),
      vpnGateway,
      allOf(replay, 'vpn-connection').filter(
        ({ state }) => vpnGateway !== null && state.vpnGatewayId === vpnGateway.id,
      ),
      replay,
    );
  }

  get mainRouteTableId(): string {
    return textOf(this.vpc, 'mainRouteTableId');
  }

  get cidrBlocks(): string[] {
    return textsOf(this.vpc, 'cidrBlocks');
  }

  /** What is in no VPC and is referred to from this one: an elastic IP, a customer gateway. */
  related(type: string, id: string): ReplayedMember | null {
    return memberOf(this.replay.resources.get(resourceKey(type, id)));
  }

  /** What routes are derived from. Numbers of the data plane are of the present and left at nothing. */
  snapshot(): VpcSnapshot {
    return {
      tenantId: '',
      vpcId: this.vpc.id,
      name: null,
      generation: 0,
      deleting: false,
      cidrBlocks: this.cidrBlocks.map((cidr) => ({ id: cidr, cidr })),
      subnets: [],
      routeTables: this.routeTables.map(({ id }) => ({ id, main: id === this.mainRouteTableId })),
      associations: this.associations.map((member) => ({
        subnetId: textOf(member, 'subnetId'),
        routeTableId: textOf(member, 'routeTableId'),
      })),
      propagations: this.propagations.map(({ id }) => {
        const [routeTableId = '', vpnGatewayId = ''] = id.split('/');
        return { routeTableId, vpnGatewayId };
      }),
      routes: this.routes.map(routeOf),
      internetGateway: this.internetGateway && { id: this.internetGateway.id },
      natGateways: this.natGateways.map((member) => ({
        id: member.id,
        subnetId: textOf(member, 'subnetId'),
        privateAddress: textOf(member, 'privateAddress'),
        publicAddress: '',
        elasticIpId: textOf(member, 'elasticIpId'),
      })),
      vpnGateway: this.vpnGateway && { id: this.vpnGateway.id },
      vpnConnections: this.vpnConnections.map((member) => ({
        id: member.id,
        customerGatewayId: textOf(member, 'customerGatewayId'),
        remotePrefixes: textsOf(member, 'remotePrefixes'),
        tunnelBlock: textOf(member, 'tunnelBlock'),
        insideAddress: '',
        customerInsideAddress: '',
      })),
    };
  }
}

/** Folds the entries of a VPC and of what it refers to, in the order of the log. */
export function replayEntries(entries: Iterable<ReplayEntry>): Replay {
  const replay = new Replay();
  for (const entry of entries) replay.apply(entry);
  return replay;
}

const TARGETS: readonly string[] = ['internet-gateway', 'nat-gateway', 'vpn-gateway'];

function routeOf(member: ReplayedMember): SnapshotRoute {
  const target = member.state.target;
  const { kind, id } = isRecord(target) ? target : {};
  if (typeof kind !== 'string' || !TARGETS.includes(kind) || typeof id !== 'string') throw malformed(member, 'target');
  return {
    routeTableId: textOf(member, 'routeTableId'),
    destination: textOf(member, 'destination'),
    targetKind: kind as SnapshotRoute['targetKind'],
    targetId: id,
  };
}

function allOf(replay: Replay, type: string): ReplayedMember[] {
  const members = [...replay.resources.values()].filter((resource) => resource.type === type).map(memberOf);
  return members.filter((member) => member !== null).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function memberOf(resource: ReplayedResource | undefined): ReplayedMember | null {
  if (!resource || !isRecord(resource.state)) return null;
  const { id, version, state, entryId } = resource;
  return { id, version, state, entryId };
}

export function textOf(member: ReplayedMember, name: string): string {
  const value = member.state[name];
  if (typeof value !== 'string') throw malformed(member, name);
  return value;
}

export function textsOf(member: ReplayedMember, name: string): string[] {
  const value = member.state[name];
  if (!Array.isArray(value) || value.some((one) => typeof one !== 'string')) throw malformed(member, name);
  return value as string[];
}

function malformed({ id, entryId }: ReplayedMember, name: string): FormatError {
  return new FormatError(`${entryId} leaves ${id} without a proper ${name}`);
}

function isRecord(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
