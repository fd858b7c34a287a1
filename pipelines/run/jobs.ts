import type { Prompt } from '../../src/core/prompt.js'
import type { RowsOptions } from '../../src/core/run.js'
import { hashPrompt } from './hashPrompt.js'

/** One row to be made: a prompt with its hash, and the number of its sample. */
export type Job = Readonly<{ prompt: Prompt; promptHash: string; sample: number }>

/**
 * Prompts as jobs, one a sample, pulled one at a time. A second prompt of the same id becomes an error under its place in the
 * file (its number in the source, where it has none). What is done already is left out.
 *
 * Remembers the ids it has seen, a few bytes a row.
 */
export async function* jobs(
  prompts: AsyncIterable<Prompt>,
  { samples, done = () => false }: Readonly<{ samples: number }> & Pick<RowsOptions, 'done'>,
): AsyncGenerator<Job, void> {
  const seen = new Set<string>()
  let number = 0
  for await (const given of prompts) {
    number++
    const prompt = seen.has(given.id) ? duplicate(given, number, seen) : given
    seen.add(prompt.id)
    const made = hashPrompt(prompt)
    for (let sample = 0; sample < samples; sample++) {
      if (!done({ id: prompt.id, sample, promptHash: made })) yield { prompt, promptHash: made, sample }
    }
  }
}

function duplicate({ id, place }: Prompt, number: number, seen: ReadonlySet<string>): Prompt {
  const name = place ?? `${id} (prompt ${number})`
  let free = name
  for (let n = 2; seen.has(free); n++) free = `${name} (${n})`
  return { id: free, error: `Expected each id once, got \`${id}\` again${place === undefined ? '' : ` in ${place}`}` }
}
