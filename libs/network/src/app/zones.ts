/** The zones of this deployment: a setting, because they are what the operator has built. */
export class Zones {
  constructor(readonly names: readonly string[]) {}
}
