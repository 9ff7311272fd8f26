import { type DynamicModule, Module } from '@nestjs/common';
import { NetworkIntentModule } from '#network';
import { VpcPlanController } from './api/vpc-plan.controller.js';
import { ReconcileVpcService } from './app/reconcile-vpc.service.js';
import { VpcPlanQuery } from './app/vpc-plan.query.js';
import { VpcReconciler } from './app/vpc-reconciler.js';
import { RescanOptions, VpcRescan } from './app/vpc-rescan.js';
import { Cell, DEFAULT_CELL } from './domain/cell.js';
import { NetworkDriver } from './domain/network-driver.js';
import { PlanDriver } from './infra/plan.driver.js';
import { PlanRepository } from './infra/plan.repository.js';

const RESCAN_MS = 10_000;

/** The plan of a VPC over HTTP: for the API process. */
@Module({
  imports: [NetworkIntentModule],
  controllers: [VpcPlanController],
  providers: [PlanRepository, VpcPlanQuery],
})
export class ProvisioningApiModule {}

/** Reconciliation, for worker processes, under the system role. Its topic is VPC_TOPIC of #network. */
@Module({})
export class ProvisioningWorkerModule {
  static forRoot({ rescanMs = RESCAN_MS }: { rescanMs?: number } = {}): DynamicModule {
    return {
      module: ProvisioningWorkerModule,
      imports: [NetworkIntentModule],
      providers: [
        { provide: Cell, useValue: DEFAULT_CELL },
        { provide: RescanOptions, useValue: { rescanMs } },
        { provide: NetworkDriver, useClass: PlanDriver },
        PlanRepository,
        ReconcileVpcService,
        VpcReconciler,
        VpcRescan,
      ],
      exports: [ReconcileVpcService, VpcRescan],
    };
  }
}
