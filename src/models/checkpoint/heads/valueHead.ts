import { ModelError } from '../../../core/errors.js'
import type { Tensors } from '../weights/safetensors.js'
import type { HeadSettings } from './headSettings.js'

/** A linear layer and the ReLU after it: names of tensors [to, from] and [to]. */
export type HiddenLayer = Readonly<{ weight: string; bias?: string; to: number }>

/** A head with a number for each label: `hidden` layers, if any, and a projection. */
export type HeadTensors = Readonly<{ hidden: readonly HiddenLayer[]; weight: string; bias?: string }>

type Found = Pick<Tensors, 'has' | 'names' | 'entries'>

/**
 * The paths of the heads of published reward models: `v_head` (DeepSpeed-Chat, Starling), `v_head.summary` (trl, LLaMA-Factory, GRM),
 * `value_head` (OpenRLHF), `score` (OpenRLHF with that prefix, Qwen2.5-Math-RM), `regression_head` (UltraRM, Eurus-RM), `score_head`
 * (safe-rlhf's Beaver), `reward_head`.
 */
export const VALUE_HEADS = ['v_head', 'v_head.summary', 'value_head', 'score', 'regression_head', 'score_head', 'reward_head']

/** Heads of several layers, with ReLU between them: GRM's, and that of Qwen2.5-Math-RM and INF-ORM. */
const STACKS = new Set(['v_head.summary', 'score'])

const biased = (name: string, { has }: Found) => ({
  weight: `${name}.weight`,
  ...(has(`${name}.bias`) && { bias: `${name}.bias` }),
})

/** The linear layers of an `nn.Sequential` that alternates them with layers without weights: `path.0`, `path.2`, … */
function stackAt(path: string, tensors: Found): HeadTensors | undefined {
  const indices = tensors.names.flatMap((name) => {
    const index = name.startsWith(`${path}.`) ? name.slice(path.length + 1).match(/^(\d+)\.weight$/)?.[1] : undefined
    return index === undefined ? [] : [Number(index)]
  })
  const last = Math.max(...indices)
  if (indices.length < 2 || last !== 2 * (indices.length - 1) || indices.some((index) => index % 2 === 1)) return undefined
  const layers = indices.sort((a, b) => a - b).map((index) => biased(`${path}.${index}`, tensors))
  const hidden = layers.slice(0, -1).map((layer) => ({ ...layer, to: tensors.entries.get(layer.weight)?.shape[0] ?? 0 }))
  return { hidden, ...layers.at(-1)! }
}

/** The head at a path: one layer, or a stack of them. */
export function headAt(path: string, tensors: Found): HeadTensors | undefined {
  if (tensors.has(`${path}.weight`)) return { hidden: [], ...biased(path, tensors) }
  return STACKS.has(path) ? stackAt(path, tensors) : undefined
}

/**
 * Finds the value head among a checkpoint's tensors, at a usual path or the one in its config.
 *
 * @throws ModelError if there are several
 */
export function valueHeadOf({
  tensors,
  config: { headPath },
  folder,
}: Readonly<{ tensors: Found; config: Pick<HeadSettings, 'headPath'>; folder: string }>): HeadTensors | undefined {
  const paths = new Set(headPath === undefined ? VALUE_HEADS : [...VALUE_HEADS, headPath])
  const [head, other] = [...paths].flatMap((path) => headAt(path, tensors) ?? [])
  if (other) throw new ModelError(`Expected one value head in ${folder}, found \`${head!.weight}\` and \`${other.weight}\``)
  return head
}
