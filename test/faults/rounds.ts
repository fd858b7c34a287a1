import { appendFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { type FaultRun, faultRun } from './faultRun.js'

/**
 * The real program, broken at random moments. A round counts only if the fault struck while rows were pending; otherwise it is tried again, at
 * another moment. By default there is one round of most faults; FAULT_ROUNDS=10 runs ten times as many, FAULT_SEED chooses other moments, and
 * FAULT_LOG names a file that tells how each run has ended and how many rows it had.
 */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 1)
/** A fault that misses this often in a row is no test of anything. */
const TRIES = 8
let state = Number(process.env.FAULT_SEED ?? 1)
/** A number in [0, 1) that depends on the seed alone. */
export const random = (): number => {
  state = (state * 48271) % 2147483647
  return state / 2147483647
}

/** `round` says whether its fault struck while rows were pending. */
export const rounds = (name: string, share: number, round: (run: FaultRun) => Promise<boolean>, skip = false) =>
  it.skipIf(skip).each(Array.from({ length: share * ROUNDS }, (_, index) => index + 1))(
    `${name}, round %i`,
    { timeout: 300_000 },
    async () => {
      const tries: string[] = []
      for (let hasStruck = false; !hasStruck; ) {
        expect(tries.length, `Expected the fault to strike while rows are pending: ${tries.join('; ')}`).toBeLessThan(TRIES)
        const run = await faultRun()
        try {
          hasStruck = await round(run)
        } finally {
          tries.push(run.ended.join(', '))
          const log = process.env.FAULT_LOG
          if (log) await appendFile(log, `${name}: ${hasStruck ? 'struck' : 'missed or failed'}: ${run.ended.join(', ')}\n`)
          await run.remove()
        }
      }
    },
  )
