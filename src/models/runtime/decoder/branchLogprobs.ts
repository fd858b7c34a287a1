import type { ModelAnswer, ModelCall } from '../call.js'
import type { Engine } from './Engine.js'

/**
 * Answers a reward model's calls by the vocabulary head of a language model: a branch's reward is the sum of the log-probabilities of
 * its tokens, every one given the call's tokens and those of the branch before it. Branches of one token are read at once, which is one
 * pass over the call's last token; longer ones one after the other.
 */
export async function branchLogprobs(engine: Pick<Engine, 'run'>, calls: readonly ModelCall[]): Promise<ModelAnswer[]> {
  const asked = calls.map(engineCalls)
  const readings = await engine.run(asked.flat())
  let read = 0
  return calls.map(({ branches }, call) => {
    const own = readings.slice(read, read + asked[call]!.length)
    read += own.length
    if (isStep(branches)) return { values: own[0]!.values }
    const sums = own.map(({ values }) => values.reduce((sum, value) => sum + value, 0))
    return { values: Float32Array.from(branches, ({ length }) => (length === 0 ? 0 : sums.shift()!)) }
  })
}

/** Candidates of a step, as against whole replies. */
const isStep = (branches: readonly (readonly number[])[]): boolean =>
  branches.length > 0 && branches.every(({ length }) => length === 1)

function engineCalls({ key, tokenIds, branches, expected }: ModelCall): ModelCall[] {
  const call = { key, ...(expected !== undefined && { expected }) }
  if (branches.length === 0) return [{ ...call, tokenIds, branches }]
  if (isStep(branches)) return [{ ...call, tokenIds, branches: [[]], decode: true, pick: branches.map(([tokenId]) => tokenId!) }]
  return branches
    .filter(({ length }) => length > 0)
    .map((branch) => ({
      ...{ ...call, branches: [], from: tokenIds.length },
      tokenIds: Int32Array.from([...tokenIds, ...branch]),
    }))
}
