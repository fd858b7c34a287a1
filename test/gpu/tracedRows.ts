import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { args } from '../../pipelines/decoders/args.js'
import { generate } from '../../pipelines/run/generate.js'
import type { Prompt } from '../../src/core/prompt.js'
import type { Models, Row } from '../../src/core/run.js'
import { loadModels } from '../../src/models/loadModels.js'

/** Shaders are compiled for a CPU: the first run of a shape takes seconds. */
export const SLOW = 300_000

type Options = Omit<Parameters<typeof loadModels>[0], 'lm' | 'reward' | 'threads'>

/** Loads the pair of `writeRandomPair` in a folder. */
export const loadPair = (folder: string, options: Options): Promise<Models> =>
  loadModels({ lm: join(folder, 'lm'), reward: join(folder, 'reward'), threads: 1, cache: false, ...options })

/** Decodes the pair's prompts with ten candidates a step, `concurrency` prompts (default: all) at the same time: rows by prompt, with their candidates. */
export async function tracedRows(folder: string, models: Models, concurrency?: number): Promise<Row[]> {
  const lines = (await readFile(join(folder, 'prompts.jsonl'), 'utf8')).trim().split('\n')
  async function* prompts(): AsyncGenerator<Prompt> {
    for (const [i, line] of lines.entries()) yield { id: String(i), content: { text: JSON.parse(line).prompt as string } }
  }
  const rows: Row[] = []
  const options = { concurrency: concurrency ?? lines.length, maxNewTokens: 6, trace: true }
  for await (const row of generate(prompts(), args({ k: 10 }), models, options)) rows.push(row)
  expect(rows).toHaveLength(lines.length)
  return rows.toSorted((a, b) => a.id.localeCompare(b.id))
}

/** The rows of a pair, which is closed afterwards. */
export async function rowsOfPair(folder: string, options: Options): Promise<Row[]> {
  const models = await loadPair(folder, options)
  return tracedRows(folder, models).finally(() => models.close())
}

/** Expects the same tokens and candidates, logits of candidates within `logits`, relative above 1, and their rewards within `rewards`. */
export function expectClose(
  rows: readonly Row[],
  expected: readonly Row[],
  bound: Readonly<{ logits: number; rewards: number }>,
): void {
  const most = { logits: 0, rewards: 0 }
  for (const [i, row] of rows.entries()) {
    expect(row.error).toBeNull()
    expect(row.tokenIds).toEqual(expected[i]!.tokenIds)
    for (const [step, { tokenIds, logits, rewards }] of row.trace!.entries()) {
      const other = expected[i]!.trace![step]!
      expect([...tokenIds]).toEqual([...other.tokenIds])
      for (let c = 0; c < tokenIds.length; c++) {
        most.logits = Math.max(most.logits, Math.abs(logits[c]! - other.logits[c]!) / Math.max(1, Math.abs(other.logits[c]!)))
        most.rewards = Math.max(most.rewards, Math.abs(rewards![c]! - other.rewards![c]!))
      }
    }
  }
  expect(most.logits).toBeLessThan(bound.logits)
  expect(most.rewards).toBeLessThan(bound.rewards)
}
