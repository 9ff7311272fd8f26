import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { newId } from '#kernel';
import { TicketError, TicketSigner, type UploadTicket } from './transfer-ticket.js';

const key = randomBytes(32);
const signer = new TicketSigner(key);
const NOW = 1_800_000_000;
const upload: UploadTicket = {
  op: 'put',
  v: 1,
  tenant: newId('tenant'),
  segment: newId('segment'),
  sha256: 'ab'.repeat(32),
  size: 1000,
  exp: NOW + 60,
};

describe('a transfer ticket', () => {
  it('is read back by whoever has the key, until it expires', () => {
    const text = signer.sign(upload);
    expect(new TicketSigner(key).verify(text, 'put', NOW)).toEqual(upload);
    expect(() => signer.verify(text, 'put', NOW + 60)).toThrow(/expired/);
    expect(() => new TicketSigner(randomBytes(32)).verify(text, 'put', NOW)).toThrow(TicketError);
  });

  it('is good for its own direction only', () => {
    const restore = signer.sign({ op: 'get', v: 1, tenant: upload.tenant, dataset: newId('dataset'), exp: NOW + 60 });
    expect(() => signer.verify(restore, 'put', NOW)).toThrow(/something else/);
    expect(() => signer.verify(signer.sign(upload), 'get', NOW)).toThrow(/something else/);
  });

  it('is refused with any one character changed', () => {
    const text = signer.sign(upload);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...alphabet), (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        // The last character of base64url may hold unused bits: two texts then stand for the same bytes.
        fc.pre(Buffer.compare(bytesOf(changed), bytesOf(text)) !== 0);
        expect(() => signer.verify(changed, 'put', NOW)).toThrow(TicketError);
      }),
    );
  });

  it('is refused whatever else it is, and never repeated in the error', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (text) => {
        expect(() => signer.verify(text, 'put', NOW)).toThrow(TicketError);
      }),
    );
    const forged = `${Buffer.from(JSON.stringify(upload)).toString('base64url')}.${randomBytes(32).toString('base64url')}`;
    try {
      signer.verify(forged, 'put', NOW);
    } catch (error) {
      expect((error as Error).message).not.toContain(forged.slice(0, 20));
    }
  });
});

function bytesOf(ticket: string): Buffer {
  return Buffer.concat(ticket.split('.').map((part) => Buffer.from(part, 'base64url')));
}
