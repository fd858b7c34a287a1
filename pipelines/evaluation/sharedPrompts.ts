import { InputError } from '../../src/core/errors.js'
import type { Reply } from '../../src/core/run.js'
import { uniform } from '../../src/core/uniform.js'
import { replyTable } from '../../src/eval/replyTable.js'
import { differInWords, promptMark } from './comparable.js'
import type { EvaluatedRun } from './evaluate.js'

/** A prompt and the replies of two runs. `worded`: the runs' prompts differ, for example by template. */
export type ReplyPair = Readonly<{ id: string; prompt: string; a: Reply; b: Reply; worded: boolean }>

/** No decoder draws at this sample, so the choice of prompts is independent of how their replies were sampled. */
export const JUDGE_SAMPLE = 0xfffffffe

const usable = ({ sample, finishReason, completion, prompt }: Reply): boolean =>
  sample === 0 && finishReason !== 'error' && completion !== null && prompt !== null

/**
 * Draws at most `count` prompts that both runs answered (sample 0), by seed and id, in the order of the draw. It reads the first run twice
 * and the second once. Memory: 8 bytes per row of the first run, and the pairs.
 *
 * @throws InputError for a second row of the same id
 */
export async function sharedPrompts(
  a: EvaluatedRun,
  b: EvaluatedRun,
  { count, seed }: Readonly<{ count: number; seed: number }>,
): Promise<Readonly<{ pairs: readonly ReplyPair[]; shared: number }>> {
  const there = replyTable(0)
  for await (const reply of a.replies()) {
    if (usable(reply) && !there.add(reply.id, 0, { values: new Float64Array(0), tokens: 0 })) throw again(a.name, reply)
  }
  let shared = 0
  let drawn: { reply: Reply; place: number }[] = []
  const best = (): typeof drawn => drawn.sort((one, other) => one.place - other.place).slice(0, count)
  for await (const reply of b.replies()) {
    const found = usable(reply) ? there.get(reply.id, 0) : undefined
    if (found === undefined) continue
    if (!there.mark(found.place, 1)) throw again(b.name, reply)
    shared++
    drawn.push({ reply, place: uniform(seed, reply.id, JUDGE_SAMPLE, 0) })
    if (drawn.length >= 2 * count + 64) drawn = best()
  }
  drawn = best()
  const ofA = new Map<string, Reply>()
  const ids = new Set(drawn.map(({ reply }) => reply.id))
  for await (const reply of a.replies()) if (usable(reply) && ids.has(reply.id)) ofA.set(reply.id, reply)
  const pairs = drawn.flatMap(({ reply }) => {
    const other = ofA.get(reply.id)
    return other
      ? [{ id: reply.id, prompt: other.prompt!, a: other, b: reply, worded: differInWords(promptMark(other), promptMark(reply)) }]
      : []
  })
  return { pairs, shared }
}

const again = (name: string, { id }: Reply): InputError =>
  new InputError(`Expected each id and sample once in ${name}, got \`${id}\`, sample 0, again`)
