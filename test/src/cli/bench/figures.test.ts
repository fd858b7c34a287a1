import { describe, expect, it } from 'vitest'
import { figuresOf, percentile, unionMs } from '../../../../src/cli/bench/figures.js'

const run = (startedAt: number, endedAt: number, tokens = 1) => ({ startedAt, endedAt, rows: 1, tokens, reads: 1 })

describe('unionMs', () => {
  it('counts overlapping runs once', () => {
    expect(unionMs([])).toBe(0)
    expect(unionMs([run(10, 20), run(0, 5)])).toBe(15)
    expect(unionMs([run(0, 10), run(5, 12), run(6, 7), run(20, 21)])).toBe(13)
  })
})

describe('percentile', () => {
  it('is the value at the nearest rank', () => {
    expect(percentile([3, 1, 2, 4], 0.5)).toBe(2)
    expect(percentile([3, 1, 2, 4], 0.95)).toBe(4)
    expect(percentile([7], 0.5)).toBe(7)
    expect(percentile([], 0.5)).toBeNull()
  })
})

describe('figuresOf', () => {
  const recording = {
    startedAt: 1000,
    endedAt: 2000,
    promptTokens: 30,
    completionTokens: 5,
    rows: [],
    sequences: [
      { startedAt: 1000, tokensAt: [1200, 1300, 1500] },
      { startedAt: 1100, tokensAt: [1200, 1210] },
      { startedAt: 1900, tokensAt: [] },
    ],
    runs: { lm: [run(1000, 1100, 30), { ...run(1200, 1300, 2), rows: 2 }], rm: [run(1250, 1450, 10)] },
    requests: {},
    trips: {
      lm: [{ postedAt: 990, receivedAt: 1000, answeredAt: 1110, arrivedAt: 1120 }],
      rm: [{ postedAt: 1190, receivedAt: 1200, answeredAt: 1460, arrivedAt: 1470 }],
    },
    batches: { lm: [1, 2, 2], rm: [3] },
    operators: { topK: 10, batchReward: 400 },
    peakRssBytes: 1,
    cpuMs: 20,
  }
  const work = { flops: ({ tokens }: { tokens: number }) => 1e6 * tokens, bytes: 2e6 }
  const figures = figuresOf(recording, { lm: work })

  it('gives rates over the wall time, and latencies of sequences', () => {
    expect(figures).toMatchObject({ seconds: 1, tokens_per_second: 5, prompt_tokens_per_second: 30 })
    expect(figures.time_to_first_token_ms).toEqual({ p50: 100, p95: 200 })
    expect(figures.time_per_token_ms).toEqual({ p50: 100, p95: 200 })
  })
  it('gives the share of the wall time of each model, and of none', () => {
    expect(figures.run_share).toEqual({ lm: 0.2, rm: 0.2 })
    expect(figures.lm_prefill_share).toBe(0.1)
    expect(figures.outside_run_share).toBeCloseTo(0.65, 12)
  })
  it('gives the time of a step in each operator', () => {
    expect(figures.operator_ms).toEqual({ topK: 2, batchReward: 80 })
  })
  it('gives the processor time of a token', () => {
    expect(figures.cpu_ms_per_token).toBe(4)
  })
  it('counts batches by size', () => {
    expect(figures.mean_batch).toEqual({ lm: 5 / 3, rm: 3 })
    expect(figures.batch_sizes).toEqual({ lm: { 1: 1, 2: 2 }, rm: { 3: 1 } })
  })
  it('splits the time outside runs into workers, messages and the rest', () => {
    const { workers, messages, operators } = figures.outside_share
    expect(workers).toBeCloseTo(0.02, 12)
    expect(messages).toBeCloseTo(0.04, 12)
    expect(operators).toBeCloseTo(0.59, 12)
  })
  it('counts tokens from the second on over the decoding time', () => {
    expect(figures.decode_tokens_per_second).toBeCloseTo(3000 / 300, 12)
  })
  it('gives operations per second over the time in runs', () => {
    expect(figures.gflops).toEqual({ lm: (32 * 1e6) / 200 / 1e6 })
  })
  it("gives the size of a cache beside its tokens' need at the peak", () => {
    const cached = [
      { ...run(0, 1), cache: { bytes: 64, needed: 8 } },
      { ...run(1, 2), cache: { bytes: 64, needed: 32 } },
      { ...run(2, 3), cache: { bytes: 64, needed: 16 } },
    ]
    expect(figuresOf({ ...recording, runs: { lm: cached, encoder: [run(0, 1)] } }).cache_overhead).toEqual({ lm: 2 })
  })
})
