import fc from 'fast-check';
import { WitnessRounds } from './witness-rounds.js';

const PATIENCE = { firstMs: 100, mostMs: 1000 };
const of = (threshold: number, ...names: string[]) =>
  new WitnessRounds<{ size: number; epoch?: number }>(names, threshold, PATIENCE);

describe('rounds of witnesses', () => {
  it('ask all for one head, and move on to the newest when enough have signed', () => {
    const rounds = of(2, 'a', 'b', 'c');
    rounds.offer({ size: 1 });
    expect(rounds.asks(0)).toEqual(['a', 'b', 'c']);
    rounds.offer({ size: 2 });
    rounds.offer({ size: 5 });
    rounds.settle('a', 1, { kind: 'cosigned' }, 1);
    expect([rounds.asks(1), rounds.candidate, rounds.complete]).toEqual([[], { size: 1 }, false]);
    rounds.settle('b', 1, { kind: 'cosigned' }, 2);
    expect(rounds.complete).toBe(true);
    expect([rounds.asks(2), rounds.candidate]).toEqual([['a', 'b'], { size: 5 }]);
    rounds.settle('c', 1, { kind: 'cosigned' }, 3);
    expect([rounds.asks(3), rounds.complete]).toEqual([['c'], false]);
  });

  it('leave a witness that fails alone, twice as long each time', () => {
    const rounds = of(1, 'a');
    rounds.offer({ size: 1 });
    const waits = [0, 1, 2, 3, 4, 5].map(() => {
      const now = 10_000;
      const start = rounds.nextDue(now) ?? now;
      expect(rounds.asks(start)).toEqual(['a']);
      rounds.settle('a', 1, { kind: 'failed' }, now);
      return rounds.nextDue(now)! - now;
    });
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(rounds.asks(10_999)).toEqual([]);
    expect(rounds.asks(11_000)).toEqual(['a']);
    rounds.settle('a', 1, { kind: 'cosigned' }, 11_000);
    expect(rounds.nextDue(11_000)).toBeNull();
  });

  it('give up a head that nobody is left to complete, when there is a newer one', () => {
    const rounds = of(2, 'a', 'b');
    rounds.offer({ size: 1 });
    rounds.asks(0);
    rounds.settle('a', 1, { kind: 'cosigned' }, 0);
    expect(rounds.wantsNewer(0)).toBe(false);
    rounds.settle('b', 1, { kind: 'failed' }, 0);
    expect(rounds.wantsNewer(0)).toBe(true);
    rounds.offer({ size: 3 });
    expect(rounds.wantsNewer(0)).toBe(false);
    expect([rounds.asks(0), rounds.candidate]).toEqual([['a'], { size: 3 }]);
    rounds.settle('a', 3, { kind: 'cosigned' }, 0);
    expect(rounds.asks(200)).toEqual(['b']);
    rounds.settle('b', 3, { kind: 'cosigned' }, 200);
    expect(rounds.complete).toBe(true);
  });

  it('do not ask for less than a witness has signed', () => {
    const rounds = of(1, 'a');
    rounds.offer({ size: 4 });
    rounds.asks(0);
    rounds.settle('a', 4, { kind: 'ahead', size: 9 }, 0);
    expect([rounds.asks(0), rounds.wantsNewer(0)]).toEqual([[], true]);
    rounds.offer({ size: 8 });
    expect(rounds.asks(0)).toEqual([]);
    rounds.offer({ size: 9 });
    expect(rounds.asks(0)).toEqual(['a']);
  });

  it('take the head of a later signer for the same size, and forget one that was dropped', () => {
    const rounds = of(1, 'a');
    rounds.offer({ size: 4, epoch: 1 });
    rounds.asks(0);
    rounds.offer({ size: 4, epoch: 2 });
    expect(rounds.candidate).toEqual({ size: 4, epoch: 2 });
    rounds.settle('a', 4, { kind: 'cosigned' }, 0);
    rounds.drop();
    expect([rounds.complete, rounds.wantsNewer(0)]).toEqual([false, true]);
    rounds.offer({ size: 4, epoch: 3 });
    expect(rounds.asks(0)).toEqual(['a']);
  });

  it('never strand: whatever fails in between, once all answer, the newest head is completed', () => {
    const names = ['a', 'b', 'c'];
    const event = fc.oneof(
      fc.record({ kind: fc.constant('offer' as const) }),
      fc.record({ kind: fc.constant('settle' as const), pick: fc.nat(9), good: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(event, { maxLength: 60 }), (threshold, events) => {
        const rounds = of(threshold, ...names);
        const asked: { name: string; size: number }[] = [];
        let size = 0;
        let now = 0;
        const turn = () => {
          for (const name of rounds.asks(now)) {
            expect(asked.some((one) => one.name === name)).toBe(false);
            asked.push({ name, size: rounds.candidate!.size });
          }
        };
        const settle = (at: number, good: boolean) => {
          const [one] = asked.splice(at, 1);
          if (one) rounds.settle(one.name, one.size, { kind: good ? 'cosigned' : 'failed' }, now);
        };
        for (const one of events) {
          now += 7;
          if (one.kind === 'offer') rounds.offer({ size: ++size });
          else settle(asked.length === 0 ? 0 : one.pick % asked.length, one.good);
          turn();
        }
        rounds.offer({ size: ++size });
        for (let step = 0; step < 40 && !(rounds.complete && rounds.candidate?.size === size); step++) {
          now += 1000;
          turn();
          while (asked.length > 0) settle(0, true);
        }
        expect([rounds.complete, rounds.candidate]).toEqual([true, { size }]);
      }),
    );
  });
});
