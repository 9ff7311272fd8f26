import { inverse, multiply, power } from './galois-field.js';

/** A matrix over GF(2^8), row after row. */
export interface Matrix {
  rows: number;
  columns: number;
  cells: Uint8Array;
}

/**
 * The generator of a systematic Reed-Solomon code: (k+m) x k, identity in its first k rows, and every k rows of it are
 * independent. It is the Vandermonde matrix `V[r][c] = r^c` times the inverse of its own top, as in Backblaze's
 * JavaReedSolomon, klauspost/reedsolomon and the Rust crate reed-solomon-erasure, whose bytes these are. Put differently:
 * shard r is the value at r of the polynomial that takes the data's values at 0 to k-1.
 */
export function systematicMatrix(dataShards: number, allShards: number): Matrix {
  const cells = new Uint8Array(allShards * dataShards);
  for (let row = 0; row < allShards; row++) {
    for (let column = 0; column < dataShards; column++) cells[row * dataShards + column] = power(row, column);
  }
  const vandermonde = { rows: allShards, columns: dataShards, cells };
  return product(vandermonde, inverted(pickRows(vandermonde, range(dataShards))));
}

export function pickRows(matrix: Matrix, rows: readonly number[]): Matrix {
  const { columns } = matrix;
  const cells = new Uint8Array(rows.length * columns);
  rows.forEach((row, at) => {
    cells.set(matrix.cells.subarray(row * columns, (row + 1) * columns), at * columns);
  });
  return { rows: rows.length, columns, cells };
}

export function product(left: Matrix, right: Matrix): Matrix {
  const cells = new Uint8Array(left.rows * right.columns);
  for (let row = 0; row < left.rows; row++) {
    for (let inner = 0; inner < left.columns; inner++) {
      const factor = left.cells[row * left.columns + inner]!;
      addMultiple(cells, row * right.columns, right.cells, inner * right.columns, right.columns, factor);
    }
  }
  return { rows: left.rows, columns: right.columns, cells };
}

/** The inverse of a square matrix, by Gauss and Jordan. @throws RangeError when it has none */
export function inverted(matrix: Matrix): Matrix {
  const size = matrix.rows;
  const left = matrix.cells.slice();
  const right = new Uint8Array(size * size);
  for (let at = 0; at < size; at++) right[at * size + at] = 1;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    while (pivot < size && left[pivot * size + column] === 0) pivot++;
    if (pivot === size) throw new RangeError('the matrix has no inverse');
    if (pivot !== column) {
      // Adding the pivot's row gives this row a pivot as well as swapping the two would.
      addMultiple(left, column * size, left, pivot * size, size, 1);
      addMultiple(right, column * size, right, pivot * size, size, 1);
    }
    const scale = inverse(left[column * size + column]!);
    scaleRow(left, column * size, size, scale);
    scaleRow(right, column * size, size, scale);
    for (let row = 0; row < size; row++) {
      const factor = left[row * size + column]!;
      if (row === column || factor === 0) continue;
      addMultiple(left, row * size, left, column * size, size, factor);
      addMultiple(right, row * size, right, column * size, size, factor);
    }
  }
  return { rows: size, columns: size, cells: right };
}

function addMultiple(to: Uint8Array, toAt: number, from: Uint8Array, fromAt: number, count: number, factor: number) {
  if (factor === 0) return;
  for (let at = 0; at < count; at++) to[toAt + at]! ^= multiply(factor, from[fromAt + at]!);
}

function scaleRow(cells: Uint8Array, from: number, count: number, factor: number): void {
  for (let at = from; at < from + count; at++) cells[at] = multiply(factor, cells[at]!);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
