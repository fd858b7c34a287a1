/** Which of the waiting calls go next, and which go on waiting: first come, first served, up to `maxBatch`. */
export const nextBatch = <T>(waiting: readonly T[], maxBatch: number): Readonly<{ batch: readonly T[]; rest: readonly T[] }> => ({
  batch: waiting.slice(0, maxBatch),
  rest: waiting.slice(maxBatch),
})
