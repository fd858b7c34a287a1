import { Observable } from 'rxjs'
import type { Delivery, Row, RowsOptions, Run, RunMeta } from '../../../src/core/run.js'

export const row = (id: string, fields: Partial<Row> = {}): Row => ({
  id,
  sample: 0,
  prompt: 'p',
  completion: `to ${id}`,
  promptTokenIds: [1, 2],
  tokenIds: [3, 4, 5],
  finishReason: 'stop',
  error: null,
  reward: 0.5,
  rewards: [0.25, 0.5, 0.75],
  logits: [1, 2, 3],
  scores: [1.5, 2.5, 3.5],
  seed: 0,
  promptTokens: 2,
  completionTokens: 3,
  startedAt: 1_700_000_000_000,
  durationMs: 12,
  promptHash: 'of p',
  ...fields,
})

/** `count` rows r0, r1, … */
export const many = (count: number, fields: (index: number) => Partial<Row> = () => ({})): Row[] =>
  Array.from({ length: count }, (_, index) => row(`r${index}`, fields(index)))

export const errorRow = (id: string, error = 'too long'): Row =>
  row(id, {
    finishReason: 'error',
    error,
    completion: null,
    tokenIds: null,
    reward: null,
    rewards: null,
    logits: null,
    scores: null,
  })

export const meta = (spec: RunMeta['spec'] = { maxNewTokens: 8 }): RunMeta => ({
  version: '0.0.1',
  spec,
  seed: 7,
  models: { lm: { path: '/somewhere', sha256: 'aa' } },
})

/** A run over rows that are there already: gives one after another, at most `open` of them without a receipt. With `hangs` it never ends, and calls that after the last row. */
export function fakeRun(
  rows: readonly Row[],
  { runMeta = meta(), open = 4, fails = undefined as unknown, hangs = undefined as (() => void) | undefined } = {},
): Run & {
  readonly most: () => number
} {
  let unreceipted = 0
  let most = 0
  const deliveries = ({ done, signal }: RowsOptions = {}) =>
    new Observable<Delivery>((subscriber) => {
      const left = rows.filter((each) => !done?.(each))
      const next = () => {
        while (!subscriber.closed && unreceipted < open) {
          const each = left.shift()
          if (!each) {
            if (hangs) return hangs()
            if (unreceipted > 0) return
            return fails ? subscriber.error(fails) : subscriber.complete()
          }
          most = Math.max(most, ++unreceipted)
          let receipted = false
          subscriber.next({
            row: each,
            taken: () => {
              if (receipted) return
              receipted = true
              unreceipted--
              setImmediate(next)
            },
          })
        }
      }
      signal?.addEventListener('abort', () => subscriber.error(signal.reason))
      setImmediate(next)
    })
  return {
    meta: runMeta,
    most: () => most,
    deliveries,
    rows: () => {
      throw new Error('not used')
    },
    [Symbol.asyncIterator]: () => {
      throw new Error('not used')
    },
  }
}

export async function gathered<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
