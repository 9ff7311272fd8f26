import { Module } from '@nestjs/common';
import { Clock, SystemClock } from '#kernel';

/** The time of day, for a whole process. */
@Module({})
export class ClockModule {
  static forRoot(clock: Clock = new SystemClock()) {
    return { module: ClockModule, global: true, providers: [{ provide: Clock, useValue: clock }], exports: [Clock] };
  }
}
