import type { OnnxContract } from '../../onnx/onnxContract.js'
import { CHUNK } from '../decoder/passes.js'

/**
 * Cuts tokens `from` to `to` after a cache into pieces, and returns their ends. The exporter traces a merged graph's cache branch with one token, so
 * several at once may be wrong: it gets them one by one, and a beginning as a whole. Other graphs have the grid of our own graphs.
 */
export function piecesOf(from: number, to: number, { inputs }: Pick<OnnxContract, 'inputs'>): number[] {
  if (from >= to) return []
  if (inputs.includes('use_cache_branch'))
    return from === 0 ? [to] : Array.from({ length: to - from }, (_, index) => from + index + 1)
  const ends: number[] = []
  for (let cut = CHUNK * (Math.floor(from / CHUNK) + 1); cut < to; cut += CHUNK) ends.push(cut)
  return [...ends, to]
}

/** Whether the graph can read several tokens after a cache at once. */
export const readsAhead = ({ inputs, planes }: Pick<OnnxContract, 'inputs' | 'planes'>): boolean =>
  planes.length > 0 && !inputs.includes('use_cache_branch')
