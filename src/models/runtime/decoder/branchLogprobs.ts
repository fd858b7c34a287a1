import type { ModelAnswer, ModelCall } from '../call.js'
import type { Engine } from './Engine.js'

/**
 * Uses a language model's vocabulary head as a reward. A branch's reward is the sum of the log-probabilities of its tokens after the call's tokens.
 * One pass over the call's last token answers all branches of one token. Longer branches run one after the other.
 */
export async function branchLogprobs(engine: Pick<Engine, 'run'>, calls: readonly ModelCall[]): Promise<ModelAnswer[]> {
  const questions = calls.map(engineCalls)
  const readings = await engine.run(questions.flat())
  let read = 0
  return calls.map(({ branches }, call) => {
    const own = readings.slice(read, read + questions[call]!.length)
    read += own.length
    if (isStep(branches)) return { values: own[0]!.values }
    const sums = own.map(({ values }) => values.reduce((sum, value) => sum + value, 0))
    return { values: Float32Array.from(branches, ({ length }) => (length === 0 ? 0 : sums.shift()!)) }
  })
}

/** Whether the branches are the candidates of a step, not whole replies. */
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
