import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { ShapeError } from '../../../core/errors.js'
import { clock } from '../../../core/observe/observer.js'
import { fromHalf } from '../../checkpoint/weights/half.js'
import type { OnnxContract } from '../../onnx/onnxContract.js'
import type { ModelAnswer, ModelCall } from '../call.js'
import { allFinite, NOTHING, readingOf } from '../decoder/reading.js'
import { sameTokens } from '../decoder/sharedPrefix.js'
import { waves } from '../decoder/waves.js'
import type { SessionRun } from '../watch.js'
import { cutCache, emptyCache, numbersOf, type OnnxCache } from './OnnxCache.js'
import { type OnnxRow, onnxFeeds } from './onnxFeeds.js'
import { piecesOf, readsAhead } from './planOnnx.js'

/** What an engine needs to know about an exported graph. `width`: logits per position or sequence; `label`: index of the reward among them. */
export type OnnxModel = Readonly<{ contract: OnnxContract; width: number; label?: number }>

/** A row of a run. `keep` receives its cache, `read` its logits. */
type Job = OnnxRow & Readonly<{ keep?: (cache: OnnxCache) => void; read?: (logits: Float32Array) => void }>

/** Most logits of a run. Most graphs return the logits of all positions. */
const LOGITS_A_RUN = 1 << 26

/**
 * Runs an exported graph for many sequences and keeps a cache for each. Rows share a run only if they have equal lengths (no padding) and the graph's
 * operators keep rows apart. So a batch changes no bit of a row.
 */
export class OnnxEngine {
  /** By key. A map would keep them longer in memory (see `Engine`). */
  private readonly caches: (OnnxCache | undefined)[] = []

  constructor(
    private readonly session: Pick<InferenceSession, 'run'>,
    private readonly model: OnnxModel,
    private readonly onRun: (run: SessionRun) => void = () => undefined,
  ) {}

  async run(calls: readonly ModelCall[]): Promise<ModelAnswer[]> {
    const parts = new Map<ModelCall, Float32Array[]>(calls.map((call) => [call, []]))
    // Without caches, calls of one sequence do not wait for each other.
    for (const wave of this.model.contract.planes.length > 0 ? waves(calls) : [calls]) {
      const plans = wave.map((call) => this.plan(call, parts.get(call)!))
      for (let round = 0; plans.some((steps) => round < steps.length); round++)
        await this.runJobs(plans.flatMap((steps) => steps[round]?.() ?? []))
    }
    return calls.map((call) => joinBranches(parts.get(call)!, call.top))
  }

  /** Does nothing: `run` postpones no work. */
  settle(): void {}

  release(key: number): void {
    this.caches[key] = undefined
  }

  /** The steps of a call. Each step needs the cache of the step before. The last step has a row per branch. */
  private plan({ key, tokenIds, branches, typeIds }: ModelCall, readings: Float32Array[]): (() => Job[])[] {
    const { planes } = this.model.contract
    const all = Array.from(tokenIds)
    const readRow = (past: OnnxCache, row: readonly number[], index: number): Job => ({
      past,
      tokenIds: row,
      ...(typeIds && { typeIds }),
      read: (logits) => {
        readings[index] = logits
      },
    })
    const none = emptyCache(planes)
    if (planes.length === 0) return [() => branches.map((branch, index) => readRow(none, [...all, ...branch], index))]

    const own = branches.findIndex((branch) => branch.length === 0)
    this.cut(key, tokenIds, own < 0 ? all.length : all.length - 1)
    const start = this.cacheOf(key).tokenIds.length
    const ends = piecesOf(start, all.length, this.model.contract)
    const chain = ends.map((end, piece) => (): Job[] => {
      const row = all.slice(piece === 0 ? start : ends[piece - 1]!, end)
      const read = own >= 0 && end === all.length ? readRow(none, row, own) : undefined
      const keep = (cache: OnnxCache): void => {
        this.caches[key] = cache
      }
      return [{ ...read, past: this.cacheOf(key), tokenIds: row, keep }]
    })
    const whole = (branch: readonly number[]) => branch.length > 1 && !readsAhead(this.model.contract)
    const last = () =>
      branches.flatMap((branch, index) => {
        if (branch.length === 0) return []
        return whole(branch) ? readRow(none, [...all, ...branch], index) : readRow(this.cacheOf(key), branch, index)
      })
    return [...chain, last]
  }

  private cacheOf(key: number): OnnxCache {
    return this.caches[key] ?? emptyCache(this.model.contract.planes)
  }

  /** Cuts a cache to its common prefix with the tokens, at most `most` long. */
  private cut(key: number, tokenIds: Int32Array, most: number): void {
    const cache = this.cacheOf(key)
    const length = sameTokens(cache.tokenIds, tokenIds, Math.min(most, cache.tokenIds.length))
    if (length < cache.tokenIds.length) this.caches[key] = cutCache(cache, length, this.model.contract.planes)
  }

  private async runJobs(jobs: readonly Job[]): Promise<void> {
    const groups = new Map<string, Job[]>()
    for (const job of jobs) {
      const key = [job.past.tokenIds.length, job.tokenIds.length, job.keep !== undefined, job.read !== undefined].join('/')
      const group = groups.get(key)
      if (group) group.push(job)
      else groups.set(key, [job])
    }
    const { contract, width } = this.model
    for (const group of groups.values()) {
      const { past, tokenIds } = group[0]!
      // The runtime's grouped attention takes several tokens after a cache only for one row.
      const alone = !contract.rowsApart || (tokenIds.length > 1 && (past.tokenIds.length > 0 || contract.evenRows))
      const logits = (contract.pooled ? 1 : tokenIds.length) * width
      const rows = alone ? 1 : Math.max(1, Math.floor(LOGITS_A_RUN / logits))
      for (let first = 0; first < group.length; first += rows) {
        const batch = group.slice(first, first + rows)
        const isOdd = contract.evenRows && !alone && batch.length % 2 === 1
        await this.runBatch(batch, isOdd ? [...batch, batch[0]!] : batch)
      }
    }
  }

  /** `padded`: the jobs, then filler rows. */
  private async runBatch(jobs: readonly Job[], padded: readonly Job[]): Promise<void> {
    const { contract } = this.model
    const { past, tokenIds, keep, read } = jobs[0]!
    const fetches = [...(read ? ['logits'] : []), ...(keep ? contract.planes.map(({ present }) => present) : [])]
    const startedAt = clock()
    const outputs = await this.session.run(onnxFeeds(padded, contract), fetches)
    const B = padded.length
    this.onRun({ startedAt, endedAt: clock(), rows: jobs.length, tokens: B * tokenIds.length, reads: read ? B : 0 })
    if (read) {
      const rows = this.lastLogits(outputs.logits as Tensor, B)
      for (const [row, job] of jobs.entries()) job.read!(rows[row]!)
    }
    if (keep) {
      const planes = contract.planes.map(({ present, heads, headDim }) => {
        const dims = [B, heads, past.tokenIds.length + tokenIds.length, headDim]
        return numbersOf(checkShape(outputs[present] as Tensor, present, dims))
      })
      for (const [row, job] of jobs.entries()) {
        const own = planes.map((plane) => rowOf(plane, row, B))
        job.keep!({ tokenIds: [...job.past.tokenIds, ...job.tokenIds], planes: own })
      }
    }
  }

  /** The logits at the last position of each row. */
  private lastLogits(logits: Tensor, rows: number): Float32Array[] {
    const { width, contract, label } = this.model
    const positions = contract.pooled ? [] : [logits.dims[1] ?? 0]
    const values = numbersOf(checkShape(logits, 'logits', [rows, ...positions, width]))
    return Array.from({ length: rows }, (_, row) => {
      const whole = rowOf(values, row, rows).slice(-width)
      const last = label === undefined ? whole : whole.slice(label, label + 1)
      return last instanceof Float32Array ? last : Float32Array.from(last, fromHalf)
    })
  }
}

const rowOf = <T extends Float32Array | Uint16Array>(values: T, row: number, rows: number): T =>
  values.subarray((row * values.length) / rows, ((row + 1) * values.length) / rows) as T

function checkShape(tensor: Tensor, name: string, dims: readonly number[]): Tensor {
  if (tensor.dims.join() === dims.join()) return tensor
  throw new ShapeError(`Expected output \`${name}\` of the graph to be [${dims.join(', ')}], got [${tensor.dims.join(', ')}]`)
}

/** Joins the logits of a call's branches in order. */
function joinBranches(parts: readonly Float32Array[], top: number | undefined): ModelAnswer {
  if (parts.length === 0) return NOTHING
  const [first] = parts
  const values = parts.length === 1 ? first! : Float32Array.from(parts.flatMap((part) => Array.from(part)))
  return readingOf(values, top, allFinite(values))
}
