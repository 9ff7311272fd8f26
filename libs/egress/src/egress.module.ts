import { type DynamicModule, Module } from '@nestjs/common';
import { Egress, EgressOptions } from './egress.js';

/** The process's way out to addresses that tenants name. */
@Module({})
export class EgressModule {
  static forRoot({ egressAllow, egressHttp, egressDns }: EgressOptions): DynamicModule {
    return {
      module: EgressModule,
      global: true,
      providers: [
        { provide: EgressOptions, useValue: { egressAllow, egressHttp, egressDns } },
        { provide: Egress, inject: [EgressOptions], useFactory: (options: EgressOptions) => new Egress(options) },
      ],
      exports: [Egress],
    };
  }
}
