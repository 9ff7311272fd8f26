import { traceContextOf } from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('traceContextOf', () => {
  it('stays in the trace, with a span of its own', () => {
    const context = traceContextOf(`00-${TRACE}-${PARENT}-01`);
    expect(context?.traceId).toBe(TRACE);
    expect(context?.traceparent).toMatch(new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-01$`));
  });

  it('reads later versions as far as it knows them', () => {
    expect(traceContextOf(`01-${TRACE}-${PARENT}-03-more`)?.traceparent).toMatch(/^00-.*-01$/);
    expect(traceContextOf(`00-${TRACE}-${PARENT}-02`)?.traceparent).toMatch(/-00$/);
  });

  it.each([
    undefined,
    '',
    [`00-${TRACE}-${PARENT}-01`, `00-${TRACE}-${PARENT}-01`],
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE}-${PARENT}-01\n`,
  ])('takes %p for none', (header) => expect(traceContextOf(header)).toBeNull());
});
