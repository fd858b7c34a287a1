import type { BatchedLanguageModel, BatchedRewardModel, LogitsCall, RewardCall } from '../core/batched.js'
import { ModelLostError, ShapeError } from '../core/errors.js'
import type { Sequence } from '../core/sequence.js'
import { findNotFinite } from './checkpoint/weights/findNotFinite.js'
import type { Tensors } from './checkpoint/weights/safetensors.js'
import type { LoadedModel } from './loadModel.js'
import { rememberedStates } from './rememberedStates.js'

/** Makes batched calls of a loaded checkpoint with a language-model head. */
export function batchedLanguageModel(
  { worker, checkpoint, chunk, hiddenSize, logprobs }: LoadedModel,
  maxBatch: number,
): BatchedLanguageModel {
  const { config, codec, generation } = checkpoint
  const finite = finiteResults(checkpoint.tensors)
  const states =
    hiddenSize === undefined
      ? undefined
      : rememberedStates(hiddenSize, async (calls) => {
          const modelCalls = calls.map(({ key, tokenIds, from, candidateIds }) => {
            const branches = Array.from(candidateIds, (tokenId) => [tokenId])
            return {
              key,
              tokenIds: checkLength(tokenIds, branches[0]?.length ?? 0, config.contextLength),
              branches,
              states: from,
            }
          })
          return (await worker.run(modelCalls).then(finite)).map(({ values }) => values)
        })
  return {
    capabilities: { all: true, maxTop: config.vocabSize, hiddenStates: states !== undefined, unit: 'logit' },
    ...(states && { hiddenStates: states.hiddenStates }),
    codec,
    contextLength: config.contextLength,
    endTokenIds: generation.endTokenIds,
    stopStrings: generation.stopStrings,
    maxBatch,
    ...(chunk !== undefined && { chunk }),
    ...(logprobs && {
      logprobs: async (sequences: readonly Sequence[]) => {
        const calls = sequences.map(({ key, promptTokenIds, tokenIds }) => {
          if (promptTokenIds.length === 0) throw new ShapeError('Expected a prompt of at least one token, got none')
          // No token follows the last one, so the model does not read it.
          const all = checkLength(concat(promptTokenIds, tokenIds), 0, config.contextLength + 1)
          return { key, tokenIds: all, branches: [], from: promptTokenIds.length }
        })
        return (await worker.run(calls).then(finite)).map(({ values }) => values)
      },
    }),
    run: async (calls: readonly LogitsCall[]) =>
      (
        await worker
          .run(
            calls.map(({ sequence, need, upTo }) => {
              const tokenIds = checkLength(concat(sequence.promptTokenIds, sequence.tokenIds), 0, config.contextLength)
              return {
                key: sequence.key,
                tokenIds,
                ...(upTo === undefined
                  ? { branches: [[]], decode: true, ...(need !== 'all' && { top: need }) }
                  : ahead(tokenIds, upTo)),
              }
            }),
          )
          .then(finite)
      ).map(({ tokenIds, values }) => ({ tokenIds, values })),
    release: (key) => {
      states?.release(key)
      worker.release(key)
    },
  }
}

/** Makes batched calls of a loaded checkpoint that is a reward. */
export function batchedRewardModel(
  name: string,
  { worker, checkpoint, reading, chunk }: LoadedModel,
  maxBatch: number,
): BatchedRewardModel {
  const { config, codec } = checkpoint
  const finite = finiteResults(checkpoint.tensors)
  return {
    kind: 'tokens',
    name,
    unit: reading?.kind === 'vocabulary' ? 'logprob' : 'reward',
    codec,
    vocabSize: config.vocabSize,
    contextLength: config.contextLength,
    maxBatch,
    ...(chunk !== undefined && { chunk }),
    run: async (calls: readonly RewardCall[]) =>
      (
        await worker
          .run(
            calls.map(({ key, branches, upTo, ...call }) => {
              const longest = Math.max(...branches.map((branch) => branch.length))
              const tokenIds = checkLength(new Int32Array(call.tokenIds), longest, config.contextLength)
              return { key, tokenIds, branches, ...(upTo !== undefined && ahead(tokenIds, upTo)) }
            }),
          )
          .then(finite)
      ).map(({ values }) => values),
    release: (key) => worker.release(key),
  }
}

/** A call that only reads the first `upTo` tokens into the cache. */
const ahead = (tokenIds: Int32Array, upTo: number) => ({
  tokenIds: tokenIds.subarray(0, upTo),
  branches: [],
  expected: tokenIds.length,
})

function concat(first: readonly number[], second: readonly number[]): Int32Array {
  const tokenIds = new Int32Array(first.length + second.length)
  tokenIds.set(first)
  tokenIds.set(second, first.length)
  return tokenIds
}

function checkLength(tokenIds: Int32Array, more: number, contextLength: number): Int32Array {
  const length = tokenIds.length + more
  if (length >= 1 && length <= contextLength) return tokenIds
  throw new ShapeError(`Expected a sequence of 1 to ${contextLength} tokens, the model's context length, got ${length}`)
}

type Result = Readonly<{ values: Float32Array }>

const allFinite = ({ values }: Result): boolean => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false
  return true
}

/**
 * Checks the results of a model. At the first result that is not finite it searches the weights once. If a weight is not finite, the model is useless,
 * and the error names the tensor. With finite weights the result passes.
 *
 * @throws ModelLostError for weights that are not finite
 */
function finiteResults(tensors: Pick<Tensors, 'entries'>): <R extends Result>(results: readonly R[]) => Promise<readonly R[]> {
  let searched: ReturnType<typeof findNotFinite> | undefined
  return async (results) => {
    if (results.every(allFinite)) return results
    searched ??= findNotFinite(tensors)
    const found = await searched
    if (!found) return results
    throw new ModelLostError(
      `Expected finite weights in tensor \`${found.name}\` of ${found.file}, got ${found.value} at element ${found.index}`,
    )
  }
}
