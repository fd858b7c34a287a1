import type { InferenceSession } from 'onnxruntime-node'
import { align, branchesAlone, type CachedSequence, commit, emptySequence, truncate } from './CachedSequence.js'
import { type CacheShape, cacheBytesPerToken, lengthClass } from './cacheShape.js'
import { feedsOf, type Job } from './feeds.js'
import { CHUNK, type Pass, planPasses, widthClass } from './passes.js'
import { clock, type SessionRun } from './protocol.js'
import { Slab } from './Slab.js'
import { adoptPrefix, sameTokens, takeOver } from './sharedPrefix.js'

/**
 * A call: a sequence's tokens, and the branches to read, each at its last token; an empty branch is read at the sequence's own last
 * token. No branch: the tokens are read into the cache. `decode` says that the call asks for the next token of a growing sequence.
 */
export type EngineCall = Readonly<{
  key: number
  tokenIds: Int32Array
  branches: readonly (readonly number[])[]
  decode: boolean
}>

/** What was read: `width` numbers (the vocabulary's logits, or one reward) a branch. */
export type Reading = Readonly<{ values: Float32Array; width: number; finite: boolean }>

type Plan = Readonly<{ call: EngineCall; cached: CachedSequence; single: boolean; passes: readonly Pass[] }>
type PlannedJob = Plan & Job

/** Tokens of one run at most; more would only make the activations larger, not the matrix products faster. */
const TOKENS_A_RUN = 4096

/**
 * Runs one model for many sequences at once and keeps their keys and values. Which passes a call needs follows from its sequence
 * alone; which of them share a run follows from load, and changes no bit (design.md section 7).
 */
export class Engine {
  private readonly sequences = new Map<number, CachedSequence>()
  private readonly slabs = new Map<number, Slab<CachedSequence>>()

  constructor(
    private readonly session: Pick<InferenceSession, 'run'>,
    private readonly shape: CacheShape,
    private readonly contextLength: number,
    private readonly output: 'logits' | 'reward',
    private readonly onRun: (run: SessionRun) => void = () => undefined,
  ) {}

  async run(calls: readonly EngineCall[]): Promise<Reading[]> {
    const readings = new Map<EngineCall, Reading>()
    for (const wave of waves(calls)) {
      this.place(wave)
      const planned = wave.flatMap((call) => this.plan(call, readings))
      for (let round = 0; planned.some(({ passes }) => round < passes.length); round++) {
        const jobs = planned.filter(({ passes }) => round < passes.length).map((plan) => ({ ...plan, pass: plan.passes[round]! }))
        const { leaders, followers } = sharingChunks(jobs)
        for (const batch of this.batches(leaders)) {
          const results = await this.runBatch(batch)
          batch.forEach(({ call, passes }, row) => {
            if (round === passes.length - 1) readings.set(call, results[row]!)
          })
        }
        for (const { job, leader } of followers) takeOver(job.cached, leader.cached, job.cached.chunked + CHUNK)
      }
    }
    return calls.map((call) => readings.get(call) ?? NOTHING)
  }

  release(key: number): void {
    const cached = this.sequences.get(key)
    if (!cached) return
    this.sequences.delete(key)
    cached.slab?.remove(cached.slot, cached.dirty)
  }

  /** Sequences that hold cache, and the bytes it takes. */
  get usage(): Readonly<{ sequences: number; bytes: number; bytesPerToken: number }> {
    let bytes = 0
    for (const slab of this.slabs.values()) bytes += slab.bytes
    return { sequences: this.sequences.size, bytes, bytesPerToken: cacheBytesPerToken(this.shape) }
  }

  private sequenceOf(key: number): CachedSequence {
    const known = this.sequences.get(key)
    if (known) return known
    const cached = emptySequence()
    this.sequences.set(key, cached)
    return cached
  }

  /** The passes a call needs; none when a tree already read what is asked. */
  private plan(call: EngineCall, readings: Map<EngineCall, Reading>): Plan[] {
    const { tokenIds, branches } = call
    const cached = this.sequenceOf(call.key)
    const known = align(cached, tokenIds)
    const readsChain = branches.some((branch) => branch.length === 0)
    if (known !== undefined && readsChain && branches.length === 1) {
      readings.set(call, { values: Float32Array.of(known), width: 1, finite: Number.isFinite(known) })
      return []
    }
    adoptPrefix(cached, tokenIds, this.sequences.values())
    if (cached.tokenIds.length === tokenIds.length) {
      if (branches.length === 0) return []
      if (readsChain) truncate(cached, tokenIds.length - 1)
    }
    const start = cached.tokenIds.length
    const single = call.decode && start > 0 && tokenIds.length - start === 1
    return [{ call, cached, single, passes: planPasses(start, tokenIds, branches) }]
  }

  /** Gives every sequence a row that is long enough, in the slab of its length class. */
  private place(calls: readonly EngineCall[]): void {
    const moving = calls
      .map(({ key, tokenIds }) => ({ cached: this.sequenceOf(key), tokens: tokenIds.length }))
      .filter(({ cached, tokens }) => !cached.slab || cached.slab.length < tokens)
      .map(({ cached, tokens }) => ({ cached, tokens, slab: this.slabOf(lengthClass(tokens, this.contextLength)) }))
    const arrivals = new Map<Slab<CachedSequence>, number>()
    for (const { cached, slab } of moving) if (cached.slab !== slab) arrivals.set(slab, (arrivals.get(slab) ?? 0) + 1)
    for (const [slab, more] of arrivals) slab.reserve(more)
    for (const { cached, tokens, slab } of moving) {
      if (!cached.slab) slab.add(cached)
      else if (cached.slab !== slab) cached.slab.moveTo(slab, cached, cached.tokenIds.length, cached.dirty)
      cached.slab = slab
      slab.fit(tokens)
    }
  }

  private slabOf(length: number): Slab<CachedSequence> {
    const slab = this.slabs.get(length) ?? new Slab<CachedSequence>(this.shape, length)
    this.slabs.set(length, slab)
    return slab
  }

  /** Passes that share a run: one slab, a like number of tokens, not too many in all. */
  private batches(jobs: readonly PlannedJob[]): PlannedJob[][] {
    const groups = new Map<string, PlannedJob[]>()
    for (const job of jobs) {
      const width = job.single ? 0 : Math.max(1, widthClass(job.pass.tokenIds.length))
      const key = `${job.cached.slab!.longest}/${width}`
      const group = groups.get(key)
      if (group) group.push(job)
      else groups.set(key, [job])
    }
    return [...groups.values()].flatMap((group) => {
      const widest = Math.max(...group.map(({ pass }) => pass.tokenIds.length))
      const rows = Math.max(1, Math.floor(TOKENS_A_RUN / widest))
      return Array.from({ length: Math.ceil(group.length / rows) }, (_, i) => group.slice(i * rows, (i + 1) * rows))
    })
  }

  private async runBatch(jobs: readonly PlannedJob[]): Promise<Reading[]> {
    const slab = jobs[0]!.cached.slab!
    const start = slab.gather(jobs.map(({ cached }) => cached))
    const inOrder = [...jobs].sort((a, b) => a.cached.slot - b.cached.slot)
    const width = jobs[0]!.single ? 1 : Math.max(2, ...jobs.map(({ pass }) => pass.tokenIds.length))
    const { feeds, reads } = feedsOf(inOrder, slab, start, width, this.shape)
    const startedAt = clock()
    const outputs = await this.session.run(feeds)
    this.onRun({ startedAt, endedAt: clock(), rows: jobs.length, tokens: width })
    const head = outputs[this.output]!.data as Float32Array
    const size = head.length / (jobs.length * reads)
    const planes = Array.from({ length: this.shape.layers }, (_, layer) => [
      outputs[`key.${layer}`]!.data as Float32Array,
      outputs[`value.${layer}`]!.data as Float32Array,
    ]).flat()
    const readings = new Map<Job, Reading>()
    inOrder.forEach((job, row) => {
      const { cached, pass } = job
      const values = head.subarray(row * reads * size, (row * reads + pass.reads.length) * size)
      const finite = allFinite(values)
      if (!finite) cached.dirty = true
      const computed = { pass, planes, row, tokens: width, first: 0 }
      commit(cached, computed, 0, pass.kept)
      if (pass.kept > 0) cached.trees = []
      if (pass.tokenIds.length > pass.kept) {
        const tree = { ...computed, rewards: new Map(pass.reads.map((token, read) => [token, values[read]!])) }
        cached.trees.push(pass.kept > 0 ? branchesAlone(tree, this.shape) : tree)
      }
      readings.set(job, { values, width: size, finite })
    })
    return jobs.map((job) => readings.get(job)!)
  }
}

/** What a call without branches gives. */
const NOTHING: Reading = { values: new Float32Array(0), width: 0, finite: true }

/** Of the passes that read the same whole chunk after the same tokens one is run; the others take over what it computed. */
function sharingChunks(jobs: readonly PlannedJob[]) {
  const leaders: PlannedJob[] = []
  const followers: { job: PlannedJob; leader: PlannedJob }[] = []
  const whole = ({ cached, pass }: PlannedJob) => pass.kept === CHUNK && cached.tokenIds.length === cached.chunked
  for (const job of jobs) {
    const length = job.cached.chunked + CHUNK
    const same = (other: PlannedJob) =>
      whole(other) &&
      other.cached.chunked === job.cached.chunked &&
      sameTokens(other.call.tokenIds, job.call.tokenIds, length) === length
    const leader = whole(job) && job.pass.reads.length === 0 ? leaders.find(same) : undefined
    if (leader) followers.push({ job, leader })
    else leaders.push(job)
  }
  return { leaders, followers }
}

/** Calls of one sequence follow one another: a second one waits for the next wave. */
function waves(calls: readonly EngineCall[]): EngineCall[][] {
  const found: EngineCall[][] = []
  const seen = new Map<number, number>()
  for (const call of calls) {
    const wave = seen.get(call.key) ?? 0
    seen.set(call.key, wave + 1)
    const group = found[wave]
    if (group) group.push(call)
    else found[wave] = [call]
  }
  return found
}

function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false
  return true
}
