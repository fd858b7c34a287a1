/** What a model keeps of each position: keys and values of every layer. */
export type CacheShape = Readonly<{ layers: number; kvHeads: number; headDim: number }>

/** Bytes of keys and values one position takes, in fp32. */
export const cacheBytesPerToken = ({ layers, kvHeads, headDim }: CacheShape): number => 2 * layers * kvHeads * headDim * 4

const SHORTEST = 256

/**
 * Positions of the length class that holds `tokens`: 256, 512, and so on. Few classes keep batches large, more pad less: rows of a class
 * are as long as its longest sequence needs (Slab.ts).
 */
export function lengthClass(tokens: number): number {
  let length = SHORTEST
  while (length < tokens) length *= 2
  return length
}
