/** Largest difference of logits and rewards in fp16 from those in fp32, relative above 1. */
export const WITHIN = 2e-2

/** Where the best score is ahead of the second by this much, fp16 has to choose the same token. */
export const CLEAR = 0.05

export const largestDifference = (found: readonly number[], expected: readonly number[]): number =>
  Math.max(...found.map((value, i) => Math.abs(value - expected[i]!) / Math.max(1, Math.abs(expected[i]!))))
