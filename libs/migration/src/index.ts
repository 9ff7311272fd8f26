export { PlaceSegmentService } from './app/place-segment.service.js';
export { RemoveDatasetService } from './app/remove-dataset.service.js';
export { PLACEMENT_TOPIC, REMOVAL_TOPIC, VERIFICATION_TOPIC } from './app/topics.js';
export { VerifyMigrationService } from './app/verify-migration.service.js';
export { MigrationApiModule, MigrationDataModule, MigrationWorkerModule } from './migration.module.js';
