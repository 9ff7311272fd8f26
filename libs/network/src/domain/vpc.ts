import { atPointer, type Cidr, parseCidr, requireVpcBlock } from '#ip';
import { InvalidInputError } from '#kernel';

/**
 * Checks one block that a VPC asks for, whatever else the VPC has, and gives its canonical form.
 * @throws InvalidInputError of the field at `pointer`
 */
export function requireVpcCidr(pointer: string, text: string, version: 4 | 6, poolRanges: readonly Cidr[] = []): Cidr {
  return atPointer(pointer, () => {
    const block = parseCidr(text);
    if (block.version !== version) {
      throw new InvalidInputError([
        {
          pointer,
          rule: 'ip.version',
          message: `${text} is not an IPv${version} block`,
          fix: `send an IPv${version} block`,
        },
      ]);
    }
    requireVpcBlock(block, poolRanges);
    return block;
  });
}
