import { ModelLostError } from '../core/errors.js'
import { findNotFinite } from './checkpoint/weights/findNotFinite.js'
import type { Tensors } from './checkpoint/weights/safetensors.js'

type Result = Readonly<{ values: Float32Array }>

const allFinite = ({ values }: Result): boolean => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false
  return true
}

/**
 * Results of a model as they are, unless one is not finite because a weight is not: then the model is of no use, and the tensor is
 * named. Weights are searched once, at the first such result. With finite weights the result goes on to whoever reads it.
 *
 * @throws ModelLostError for weights that are not finite
 */
export function finiteResults(
  tensors: Pick<Tensors, 'entries'>,
): <R extends Result>(results: readonly R[]) => Promise<readonly R[]> {
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
