import type { OnnxContract } from '../../onnx/onnxContract.js'
import { CHUNK } from '../decoder/passes.js'

/**
 * Ends of the pieces in which tokens `from` to `to` are read behind a cache. A merged graph's branch for a cache was traced with one
 * token and may know no order among several: it gets them one by one, and a beginning as a whole. Others are cut on the grid of
 * our own graphs.
 */
export function piecesOf(from: number, to: number, { inputs }: Pick<OnnxContract, 'inputs'>): number[] {
  if (from >= to) return []
  if (inputs.includes('use_cache_branch'))
    return from === 0 ? [to] : Array.from({ length: to - from }, (_, index) => from + index + 1)
  const ends: number[] = []
  for (let cut = CHUNK * (Math.floor(from / CHUNK) + 1); cut < to; cut += CHUNK) ends.push(cut)
  return [...ends, to]
}

/** Whether several tokens may be read behind a cache at once. */
export const readsAhead = ({ inputs, planes }: Pick<OnnxContract, 'inputs' | 'planes'>): boolean =>
  planes.length > 0 && !inputs.includes('use_cache_branch')
