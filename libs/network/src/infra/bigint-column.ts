/** PostgreSQL's bigint as a JavaScript number: generations stay far below 2^53. */
export const bigintAsNumber = {
  to: (value: number) => value,
  from: (value: string) => Number(value),
};
