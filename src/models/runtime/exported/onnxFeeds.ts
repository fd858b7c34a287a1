import { Tensor } from 'onnxruntime-node'
import type { OnnxContract, OnnxInput } from '../../onnx/onnxContract.js'
import { type OnnxCache, pastTensor } from './OnnxCache.js'

/** New tokens of one sequence after its cache. */
export type OnnxRow = Readonly<{
  past: OnnxCache
  tokenIds: readonly number[]
  /** The text (0 or 1) of each token (default 0). */
  typeIds?: ArrayLike<number>
}>

/** An exported graph's inputs for rows of equal length, T cached and S new tokens each, without padding. */
export function onnxFeeds(rows: readonly OnnxRow[], { inputs, planes }: OnnxContract): Record<string, Tensor> {
  const B = rows.length
  const T = rows[0]!.past.tokenIds.length
  const S = rows[0]!.tokenIds.length
  const filled = (length: number, value: (index: number) => number) =>
    new Tensor(
      'int64',
      BigInt64Array.from({ length: B * length }, (_, index) => BigInt(value(index % length))),
      [B, length],
    )
  const tensors: Readonly<Record<OnnxInput, () => Tensor>> = {
    attention_mask: () => filled(T + S, () => 1),
    position_ids: () => filled(S, (index) => T + index),
    token_type_ids: () => new Tensor('int64', BigInt64Array.from(rows.flatMap(typesOf), BigInt), [B, S]),
    use_cache_branch: () => new Tensor('bool', [T > 0], [1]),
    num_logits_to_keep: () => new Tensor('int64', BigInt64Array.of(1n), []),
  }
  const ids = BigInt64Array.from(
    rows.flatMap(({ tokenIds }) => tokenIds),
    BigInt,
  )
  const feeds: Record<string, Tensor> = { input_ids: new Tensor('int64', ids, [B, S]) }
  for (const name of inputs) feeds[name] = tensors[name]()
  const pasts = rows.map(({ past }) => past)
  for (const [index, plane] of planes.entries()) feeds[plane.past] = pastTensor(pasts, index, plane)
  return feeds
}

const typesOf = ({ tokenIds, typeIds }: OnnxRow): number[] => tokenIds.map((_, index) => typeIds?.[index] ?? 0)
