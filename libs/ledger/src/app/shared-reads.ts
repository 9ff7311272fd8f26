/** Lets those who ask the same at the same time share one read. Nothing is kept once it has been answered. */
export class SharedReads<T> {
  private readonly underWay = new Map<string, Promise<T>>();

  read(key: string, load: () => Promise<T>): Promise<T> {
    const known = this.underWay.get(key);
    if (known) return known;
    const reading = load().finally(() => this.underWay.delete(key));
    this.underWay.set(key, reading);
    return reading;
  }
}
