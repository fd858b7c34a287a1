import { renamedTensors } from './renamedTensors.js'
import type { Tensors } from './safetensors.js'

/** What DeepSpeed-Chat calls a reward model's body; the first is its own spelling, for years. */
const WRAPPERS = /^(rwtranrsformer|rwtransformer)\./

/**
 * The tensors under the names that they have in a model with a head: a wrapper's prefix is taken away, and a bare body of the Llama kind
 * (`embed_tokens`, `layers`, `norm`) put under `model.`.
 */
export function bodyNames(tensors: Tensors): Tensors {
  const wrapped = tensors.names.some((name) => WRAPPERS.test(name))
  const unwrapped = wrapped ? renamedTensors(tensors, (name) => name.replace(WRAPPERS, '')) : tensors
  if (!unwrapped.has('embed_tokens.weight')) return unwrapped
  return renamedTensors(unwrapped, (name) => (/^(embed_tokens|layers|norm)\./.test(name) ? `model.${name}` : name))
}
