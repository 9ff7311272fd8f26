import { ConflictError, type DatasetId, DomainError, type MigrationId, type SegmentId } from '#kernel';

export class MigrationActiveError extends ConflictError {
  constructor(datasetId: DatasetId, migrationId: MigrationId | null) {
    super(
      'MigrationActive',
      `The dataset ${datasetId} has a migration under way${migrationId ? ` (${migrationId})` : ''}; continue or cancel it.`,
      { extra: migrationId ? { migrationId } : {} },
    );
  }
}

/** Bytes that are not the ones announced. */
export class DigestMismatchError extends DomainError {
  constructor(segmentId: SegmentId, detail: string) {
    super('unprocessable', 'DigestMismatch', `The body is not segment ${segmentId} as it was announced: ${detail}.`);
  }
}

/** The manifest says something else than what the server holds. */
export class ManifestRefusedError extends DomainError {
  constructor(rule: string, detail: string, fix: string) {
    super('unprocessable', 'ManifestRefused', `The manifest is refused: ${detail}.`, {
      errors: [{ pointer: '/statement', rule: `manifest.${rule}`, message: detail, fix }],
    });
  }
}

/** Fewer shards can be read now than the segment needs. Says nothing of loss: nodes may only be offline. */
export class SegmentUnavailableError extends DomainError {
  constructor(segmentId: SegmentId, readable: number, needed: number) {
    super(
      'unavailable',
      'SegmentUnavailable',
      `Of the shards of ${segmentId}, ${readable} can be read now and ${needed} are needed.`,
      { extra: { readable, needed } },
    );
  }
}

/** The staging disk holds as much as it may; placements will make room. */
export class StagingFullError extends DomainError {
  constructor() {
    super('unavailable', 'StagingFull', 'Uploads wait for earlier ones to be placed; try again in a moment.');
  }
}

/** As many segments are being sent as there is memory for, and as many wait as may. */
export class TransferBusyError extends DomainError {
  constructor() {
    super('unavailable', 'TransferBusy', 'Too many segments are being sent at once; try again in a moment.');
  }
}
