/** The folded form under which names that must be unique are compared: compatibility-normalized and case folded. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC');
}
