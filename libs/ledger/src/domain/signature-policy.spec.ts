import { mustBeSigned } from '#proof';
import { isSignaturePattern } from './signature-policy.js';

describe('which actions must be signed', () => {
  it.each([
    [[], 'subnet.created', true],
    [['*'], 'subnet.created', true],
    [['subnet.*'], 'subnet.created', true],
    [['subnet.*'], 'subnet-group.created', false],
    [['subnet.created'], 'subnet.created', true],
    [['subnet.created'], 'subnet.created-twice', false],
    [['vpc.*', 'subnet.deleted'], 'subnet.deleted', true],
    [['vpc.*'], 'subnet.deleted', false],
    [[], 'signing-key.enrolled', false],
    [['signing-key.*'], 'signing-key.enrolled', false],
    [['signing-key.*'], 'signing-key.revoked', true],
    [['vpc.*'], 'signature-policy.set', true],
  ])('%j and %s: %s', (patterns, action, signed) => {
    expect(mustBeSigned(patterns, action)).toBe(signed);
  });

  it.each([
    ['*', true],
    ['subnet.*', true],
    ['subnet.created', true],
    ['subnet', true],
    ['', false],
    ['sub*', false],
    ['Subnet.*', false],
    ['subnet.*.x', false],
    ['subnet..created', false],
    ['*.created', false],
  ])('%j as a pattern: %s', (text, is) => {
    expect(isSignaturePattern(text)).toBe(is);
  });
});
