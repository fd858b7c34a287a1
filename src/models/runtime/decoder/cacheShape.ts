/** Sizes of a model's cache: each layer has keys and values for each position, in fp32. */
export type CacheShape = Readonly<{ layers: number; kvHeads: number; headDim: number }>

/** Bytes of keys and values per position. */
export const cacheBytesPerToken = ({ layers, kvHeads, headDim }: CacheShape): number => 2 * layers * kvHeads * headDim * 4

const SHORTEST = 256

/**
 * Positions of the length class for `tokens`: 256, 512, and so on. Few classes make large batches, many classes need less padding. Rows of a class
 * are as long as its longest sequence (Slab.ts).
 */
export function lengthClass(tokens: number): number {
  let length = SHORTEST
  while (length < tokens) length *= 2
  return length
}

/** Spare positions of a new row: a reply of 128 tokens and its candidates stay in their length class. */
export const GROWTH = 192
