import { renamedTensors } from './renamedTensors.js'
import type { Tensors } from './safetensors.js'

/** DeepSpeed-Chat's prefixes for the body of a reward model. The misspelt one was its own for years. */
const WRAPPERS = /^(rwtranrsformer|rwtransformer)\./

/**
 * Renames tensors as in a model with a head: removes the prefix of a wrapper, and puts a bare Llama body (`embed_tokens`, `layers`,
 * `norm`) under `model.`.
 */
export function bodyNames(tensors: Tensors): Tensors {
  const wrapped = tensors.names.some((name) => WRAPPERS.test(name))
  const unwrapped = wrapped ? renamedTensors(tensors, (name) => name.replace(WRAPPERS, '')) : tensors
  if (!unwrapped.has('embed_tokens.weight')) return unwrapped
  return renamedTensors(unwrapped, (name) => (/^(embed_tokens|layers|norm)\./.test(name) ? `model.${name}` : name))
}
