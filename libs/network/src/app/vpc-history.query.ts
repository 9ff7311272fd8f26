import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { ConflictError, NotFoundError, type OpContext, type RouteTableId, type VpcId } from '#kernel';
import { type AsOf, EntryHistory, EntryProofs, type HistoryEntry, type ScopeHistory } from '#ledger';
import {
  type LedgerBody,
  MAX_DISCLOSED_ENTRIES,
  type Replay,
  type ReplayEntry,
  type ReplayedResource,
  resourceKey,
} from '#proof';
import { breaksOf, claimsOf, ReplayedVpc, replayEntries, type StateDocument, type StateQuestion } from '#topology';
import { NotThenError, StateErasedError } from '../domain/vpc-history.errors.js';

export interface HistoryRequest {
  asOf?: AsOf;
  /** Whether the entries themselves are wanted, to verify the answer with. */
  receipts: boolean;
}

/**
 * The past of a VPC, from the ledger alone: its entries are replayed up to the point that was asked for, and what they leave is
 * made into an answer by the functions that make the present one (docs/time-machine.md).
 */
@Injectable()
export class VpcHistoryQuery {
  constructor(
    private readonly histories: EntryHistory,
    private readonly proofs: EntryProofs,
  ) {}

  /** The VPC itself. @throws as `answer` */
  vpc(ctx: OpContext, vpcId: VpcId, request: HistoryRequest): Promise<StateDocument> {
    return this.answer(ctx, vpcId, { kind: 'vpc' }, request);
  }

  /** Everything in it, with the effective routes of each table. @throws as `answer` */
  topology(ctx: OpContext, vpcId: VpcId, request: HistoryRequest): Promise<StateDocument> {
    return this.answer(ctx, vpcId, { kind: 'topology' }, request);
  }

  /** What the routes of a table amounted to. @throws as `answer`, and NotFoundError */
  async effectiveRoutes(
    ctx: OpContext,
    routeTableId: RouteTableId,
    address: string | null,
    request: HistoryRequest,
  ): Promise<StateDocument> {
    requirePermission(ctx, 'network:read');
    const vpcId = await this.histories.scopeOf(ctx, routeTableId);
    if (vpcId === null) throw new NotFoundError('route table', routeTableId);
    return this.answer(ctx, vpcId, { kind: 'effective-routes', routeTableId, address }, request);
  }

  /**
   * @throws NotFoundError when the ledger never had such a VPC; NotThenError when it was not there then; StateErasedError when
   *   the entries that say so were erased; ConflictError `HistoryTooLong`; what EntryHistory throws
   */
  private async answer(
    ctx: OpContext,
    vpcId: string,
    question: StateQuestion,
    { asOf, receipts }: HistoryRequest,
  ): Promise<StateDocument> {
    requirePermission(ctx, 'network:read');
    if (receipts) requirePermission(ctx, 'ledger:read');
    const history = await this.histories.of(ctx, vpcId, asOf, relatedTo);
    if (!history.first) throw new NotFoundError('vpc', vpcId);
    const replay = replayEntries(history.entries.map(replayEntry));
    const vpc = ReplayedVpc.of(replay, vpcId);
    if (!vpc) throw absent('vpc', vpcId, replay, history);
    const claims = claimsOf(vpc, question);
    if (!claims) throw absent('route table', tableOf(question), replay, history);
    return {
      claims,
      history: {
        v: 1,
        type: 'freehold-state',
        tenant: ctx.tenantId,
        vpcId,
        question,
        asOf: { requested: asOf ? textOf(asOf) : null, ...history.point },
        entries: history.entries.map(({ id, index }) => ({ id, index })),
        erased: history.erased,
        breaks: breaksOf(replay.breaks),
        proof: receipts ? await this.prove(ctx, vpcId, history) : null,
      },
    };
  }

  private prove(ctx: OpContext, vpcId: string, { entries }: ScopeHistory) {
    if (entries.length <= MAX_DISCLOSED_ENTRIES) {
      return this.proofs.of(
        ctx,
        entries.map(({ stored }) => stored),
      );
    }
    throw new ConflictError(
      'HistoryTooLong',
      `${vpcId} has ${entries.length} entries up to then, and a document proves ${MAX_DISCLOSED_ENTRIES} at most; ` +
        'ask without receipts, or prove the whole history with GET /v1/ledger/bundle.',
    );
  }
}

function replayEntry({ id, index, body, stored }: HistoryEntry): ReplayEntry {
  return { entryId: id, seq: stored.place?.tenantSeq ?? 0, ...(index === null ? {} : { index }), body };
}

/** Resources that change outside a VPC, too: gateways come and go, and the operator moves the end of a connection. */
const OF_THEIR_OWN = ['internet-gateway', 'vpn-gateway', 'vpn-connection'];

/**
 * What entries of a VPC refer to and what is not only its own: gateways that come and go, and what is in no VPC at all. Their
 * entries of before and in between are needed to know what they are.
 */
export function relatedTo(bodies: readonly LedgerBody[]): string[] {
  const ids = bodies.flatMap(({ resource, before, after }) => {
    const referred = [before, after].flatMap((state) => {
      const { elasticIpId, customerGatewayId } = (state ?? {}) as Record<string, unknown>;
      return [elasticIpId, customerGatewayId].filter((id) => typeof id === 'string');
    });
    return OF_THEIR_OWN.includes(resource.type) ? [resource.id, ...referred] : referred;
  });
  return [...new Set(ids)];
}

function textOf(asOf: AsOf): string {
  if ('entryId' in asOf) return asOf.entryId;
  return 'index' in asOf ? String(asOf.index) : asOf.time.toISOString();
}

function tableOf(question: StateQuestion): string {
  return question.kind === 'effective-routes' ? question.routeTableId : '';
}

/** Why something was not there at that point, for its owner. */
function absent(
  kind: 'vpc' | 'route table',
  id: string,
  replay: Replay,
  { point, erased, first }: ScopeHistory,
): Error {
  const known: ReplayedResource | undefined = replay.resources.get(resourceKey(kind.replace(' ', '-'), id));
  if (known) return new NotThenError(kind, id, point.index, `it went with ${known.entryId}`);
  if (erased.length > 0) return new StateErasedError(kind, id, point.index, erased);
  const since = first?.index == null ? 'is not in the log yet' : `is at index ${first.index}`;
  const isLater = kind === 'vpc' && first !== null;
  return new NotThenError(
    kind,
    id,
    point.index,
    isLater ? `its first entry, ${first.id}, ${since}` : 'it came later, or never',
  );
}
