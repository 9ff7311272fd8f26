import { fromHex } from '#merkle';
import { checkAnchor } from './anchor-check.js';
import { anchorLogId, parseAnchorProof, REGISTRY_CODE_HASHES } from './index.js';
import { sealedBlock, validator } from './testing/sealed-block.js';

const origin = 'freehold/0123';
const root = '5e'.repeat(32);
const head = { size: 1_000, root: fromHex(root) };
const own = `0x${'ab'.repeat(20)}`;
const second = `0x${'cd'.repeat(20)}`;

/** The head's anchor in a registry at this address, with the code of every other registry. */
function anchoredIn(contract: string) {
  const block = sealedBlock({
    contract,
    logId: anchorLogId(origin),
    size: head.size,
    root,
    validators: [1, 2, 3, 4].map(validator),
    codeHash: REGISTRY_CODE_HASHES.at(-1),
  });
  const anchorProof = parseAnchorProof(block);
  return { trust: { anchorBlock: anchorProof.blockHash }, claim: { anchor: null, anchorPromise: null, anchorProof } };
}

describe('an anchor in a registry', () => {
  it('that is the expected one is proven, whatever the letters of its address', async () => {
    const { trust, claim } = anchoredIn(own);
    const checked = await checkAnchor(
      { ...trust, anchorContract: own.toUpperCase().replace('0X', '0x') },
      origin,
      claim,
      head,
    );
    expect(checked).toMatchObject({ proven: true, outcome: { detail: expect.not.stringContaining('not pinned') } });
  });

  it('that the operator deployed beside it does not hold', async () => {
    const { trust, claim } = anchoredIn(second);
    await expect(checkAnchor({ ...trust, anchorContract: own }, origin, claim, head)).rejects.toThrow(
      `the anchor is in the contract ${second}, and ${own} is expected`,
    );
  });

  it('that nobody named is proven, and the report says what that leaves open', async () => {
    const { trust, claim } = anchoredIn(second);
    const checked = await checkAnchor(trust, origin, claim, head);
    expect(checked).toMatchObject({ proven: true, outcome: { detail: expect.stringContaining('not pinned') } });
  });
});
