import { clock } from '../../../core/observe/observer.js'
import type { NamedRope } from '../../graph/layers/rope.js'
import type { ModelAnswer, ModelCall } from '../call.js'
import type { CacheUsage, SessionRun } from '../watch.js'
import { align, type CachedSequence, commit, emptySequence, truncate, usedPositions } from './CachedSequence.js'
import { cacheBytesPerToken, GROWTH, lengthClass } from './cacheShape.js'
import type { InputShape, PassJob } from './feeds.js'
import type { KvSlab } from './kvSlab.js'
import type { Computed, KvMemory, Output } from './memory.js'
import { CHUNK, type Pass, planPasses, planScoring, planStates } from './passes.js'
import { appendLogprobs, appendValues, logprobsOf, NOTHING, readingOf } from './reading.js'
import { isLong, joinByLength, splitByLength } from './ropeRanges.js'
import { runGroups } from './runGroups.js'
import { adoptPrefix, sameTokens, takeOver } from './sharedPrefix.js'
import { waves } from './waves.js'

/** What an engine needs to know about its model. `vocabSize`: logits per position of a language model. */
export type EngineModel = InputShape &
  Readonly<{ contextLength: number; output: 'logits' | 'reward'; vocabSize: number; ropes?: readonly NamedRope[] }>

type Plan = Readonly<{ call: ModelCall; cached: CachedSequence; single: boolean; passes: readonly Pass[] }>
type Unwritten = Readonly<{
  results: readonly Readonly<{ job: PlannedJob; rewards: ReadonlyMap<number, number> }>[]
  computed: Computed<PlannedJob>
}>
type PlannedJob = Plan & PassJob & Readonly<{ last: boolean }>

/**
 * Runs one model for many sequences and keeps their keys and values. The passes of a call depend on its sequence alone. Load decides which passes
 * share a run, and that changes no bit (src/README.md, "Why bits do not depend on load").
 */
export class Engine {
  /** By key. A map would keep each sequence in memory until the next collection of old memory: its discarded tables point to later ones. */
  private readonly sequences: (CachedSequence | undefined)[] = []
  private readonly slabs = new Map<number, KvSlab<CachedSequence>>()
  private readonly head: Output
  private readonly states: Output
  /** The results of the last run, which are not in the cache yet. A function here would keep the results of all runs before it in memory. */
  private unwritten: Unwritten | undefined

  constructor(
    private readonly memory: KvMemory,
    private readonly model: EngineModel,
    private readonly onRun: (run: SessionRun) => void = () => undefined,
  ) {
    this.head = { name: model.output, width: model.output === 'logits' ? model.vocabSize : 1 }
    this.states = { name: 'hidden_states', width: model.hiddenSize ?? 0 }
  }

  /** Answers calls. The results of the last run enter the cache on `settle` or on the next call. */
  async run(calls: readonly ModelCall[]): Promise<ModelAnswer[]> {
    const readings = new Map<ModelCall, ModelAnswer>()
    const { longAfter } = this.model
    const parts = calls.map((call) => splitByLength(call, longAfter))
    for (const wave of waves(parts.flat())) {
      this.settle()
      this.place(wave)
      const planned = wave.flatMap((call) => this.plan(call, readings))
      const rounds = Math.max(0, ...planned.map(({ passes }) => passes.length))
      for (let round = 0; round < rounds; round++) {
        this.settle()
        const jobs = planned
          .filter(({ passes }) => round < passes.length)
          .map((plan) => ({ ...plan, pass: plan.passes[round]!, last: round === plan.passes.length - 1 }))
        const { leaders, followers } = groupByChunk(jobs)
        for (const batch of runGroups(leaders, (job) => this.outputOf([job]).width)) await this.runBatch(batch, readings)
        if (followers.length > 0) this.settle()
        for (const { job, leader } of followers) takeOver(job.cached, leader.cached, job.cached.chunked + CHUNK)
      }
    }
    return calls.map((call, index) => {
      const read = parts[index]!.map((part) => readings.get(part) ?? NOTHING)
      return read.length === 1 ? read[0]! : joinByLength(call, read, longAfter!)
    })
  }

  /** Does the work that `run` postpones until after its answer. */
  settle(): void {
    const { results = [], computed } = this.unwritten ?? {}
    this.unwritten = undefined
    for (const { job, rewards } of results)
      commit(job.cached, job.pass, (position, from, count) => computed?.write(job, position, from, count), rewards)
  }

  release(key: number): void {
    this.settle()
    const cached = this.sequences[key]
    if (!cached) return
    this.sequences[key] = undefined
    cached.slab?.remove(cached.slot, cached.dirty)
  }

  /** Bytes of all rows in their full length, and bytes that the cached tokens fill. */
  get usage(): CacheUsage {
    let bytes = 0
    let tokens = 0
    for (const slab of this.slabs.values()) bytes += slab.bytes
    for (const cached of this.sequences) tokens += cached?.tokenIds.length ?? 0
    return { bytes, needed: tokens * cacheBytesPerToken(this.model.shape) }
  }

  private sequenceOf(key: number): CachedSequence {
    const existing = this.sequences[key]
    if (existing) return existing
    const cached = emptySequence()
    this.sequences[key] = cached
    return cached
  }

  /** The passes that a call needs. None if a tree already has the answer. */
  private plan(call: ModelCall, readings: Map<ModelCall, ModelAnswer>): Plan[] {
    const { tokenIds, branches } = call
    const cached = this.sequenceOf(call.key)
    const long = isLong(call, this.model.longAfter)
    if (cached.long !== long) truncate(cached, 0)
    cached.long = long
    const reward = align(cached, tokenIds)
    if (call.from !== undefined) {
      truncate(cached, Math.min(cached.tokenIds.length, call.from - 1))
      adoptPrefix(cached, tokenIds.subarray(0, call.from), this.sequences)
      return [{ call, cached, single: false, passes: planScoring(cached.tokenIds.length, tokenIds, call.from) }]
    }
    if (call.states !== undefined) {
      truncate(cached, Math.min(cached.tokenIds.length, call.states))
      const start = cached.tokenIds.length
      return [{ call, cached, single: false, passes: planStates(start, tokenIds, branches, call.states) }]
    }
    const readsChain = branches.some((branch) => branch.length === 0)
    if (reward !== undefined && readsChain && branches.length === 1) {
      readings.set(call, { values: Float32Array.of(reward) })
      return []
    }
    adoptPrefix(cached, tokenIds, this.sequences)
    if (cached.tokenIds.length === tokenIds.length) {
      if (branches.length === 0) return []
      if (readsChain) truncate(cached, tokenIds.length - 1)
    }
    const start = cached.tokenIds.length
    const single = call.decode === true && start > 0 && tokenIds.length - start === 1
    return [{ call, cached, single, passes: planPasses(start, tokenIds, branches) }]
  }

  /** Gives every sequence a long enough row in the slab of its length class. */
  private place(calls: readonly ModelCall[]): void {
    const places = calls.map(({ key, tokenIds, branches, expected = 0 }) => {
      const cached = this.sequenceOf(key)
      const tokens = Math.max(tokenIds.length, usedPositions(cached)) + branches.reduce((sum, { length }) => sum + length, 0)
      const fits = cached.slab && cached.slab.longest >= tokens
      const slab = fits ? cached.slab! : this.slabOf(lengthClass(Math.max(tokens, expected) + GROWTH))
      return { cached, tokens, slab }
    })
    const arrivals = new Map<KvSlab<CachedSequence>, number>()
    for (const { cached, slab } of places) if (cached.slab !== slab) arrivals.set(slab, (arrivals.get(slab) ?? 0) + 1)
    for (const [slab, more] of arrivals) slab.reserve(more)
    for (const { cached, tokens, slab } of places) {
      if (!cached.slab) slab.add(cached)
      else if (cached.slab !== slab) cached.slab.moveTo(slab, cached, usedPositions(cached), cached.dirty)
      cached.slab = slab
      slab.fit(tokens)
    }
  }

  private slabOf(length: number): KvSlab<CachedSequence> {
    const slab = this.slabs.get(length) ?? this.memory.slab(length)
    this.slabs.set(length, slab)
    return slab
  }

  private outputOf([job]: readonly PlannedJob[]): Output {
    return job!.pass.states ? this.states : this.head
  }

  private async runBatch(jobs: readonly PlannedJob[], readings: Map<ModelCall, ModelAnswer>): Promise<void> {
    this.settle()
    const tops = jobs.filter(({ pass }) => pass.reads.length > 0).map(({ call }) => call.top ?? Number.POSITIVE_INFINITY)
    const request = { output: this.outputOf(jobs), single: jobs[0]!.single, top: Math.max(0, ...tops) }
    const startedAt = clock()
    const computed = await this.memory.run(jobs, request)
    const { tokens, reads, traffic } = computed
    this.onRun({ startedAt, endedAt: clock(), rows: jobs.length, tokens, reads, cache: this.usage, ...(traffic && { traffic }) })
    const results = jobs.map((job) => {
      const { call, cached, pass, last } = job
      const { values, tokenIds, finite } = computed.values(job)
      if (!finite) cached.dirty = true
      if (pass.states) readings.set(call, appendValues(readings.get(call), values))
      else if (pass.next) readings.set(call, appendLogprobs(readings.get(call), values, pass.next))
      else if (last && tokenIds) readings.set(call, { tokenIds: tokenIds.slice(0, call.top), values: values.slice(0, call.top) })
      else if (last)
        readings.set(call, call.pick ? { values: logprobsOf(values, call.pick) } : readingOf(values, call.top, finite))
      const rewards = this.model.output === 'reward' ? pass.reads.map((token, read) => [token, values[read]!] as const) : []
      return { job, rewards: new Map(rewards) }
    })
    this.unwritten = { results, computed }
  }
}

/** Groups passes over the same whole chunk after the same tokens. Leaders run; followers copy the results of their leader. */
function groupByChunk(jobs: readonly PlannedJob[]) {
  const leaders: PlannedJob[] = []
  const followers: { job: PlannedJob; leader: PlannedJob }[] = []
  const whole = ({ cached, pass }: PlannedJob) => pass.kept === CHUNK && cached.tokenIds.length === cached.chunked
  for (const job of jobs) {
    const length = job.cached.chunked + CHUNK
    const same = (other: PlannedJob) =>
      whole(other) &&
      other.cached.chunked === job.cached.chunked &&
      other.cached.long === job.cached.long &&
      sameTokens(other.call.tokenIds, job.call.tokenIds, length) === length
    const leader = whole(job) && job.pass.reads.length === 0 ? leaders.find(same) : undefined
    if (leader) followers.push({ job, leader })
    else leaders.push(job)
  }
  return { leaders, followers }
}
