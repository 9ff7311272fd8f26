/** Time as a port, so that expiry and deadlines can be tested without waiting. */
export abstract class Clock {
  /** The current instant. */
  abstract now(): Date;
}

export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }
}
