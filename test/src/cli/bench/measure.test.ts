import { describe, expect, it } from 'vitest'
import { rooflineShare } from '../../../../src/cli/bench/measure.js'

const run = (tokens: number) => ({ startedAt: 0, endedAt: 1, rows: 1, tokens, reads: 1 })
const wall = { startedAt: 1000, endedAt: 2000 }
const peaks = { peak_gflops: 1, peak_read_gb_s: 10 }
const large = { flops: ({ tokens }: { tokens: number }) => 1e6 * tokens, bytes: 5e8 }
const small = { ...large, bytes: 5e6 }

describe('rooflineShare', () => {
  it('counts operations at the peak for many tokens, weights at memory speed for few', () => {
    expect(
      rooflineShare({ ...wall, runs: { lm: [run(80), run(1)], rm: [run(60)] } }, { lm: large, rm: large }, peaks),
    ).toBeCloseTo((80 + 50 + 60) / 1000, 12)
  })
  it('ignores weights that caches may hold', () => {
    expect(rooflineShare({ ...wall, runs: { lm: [run(80), run(1)] } }, { lm: small }, peaks)).toBeCloseTo(0.081, 12)
  })
  it('is absent if the work of a model is unknown, or no model ran here', () => {
    expect(rooflineShare({ ...wall, runs: { lm: [run(1)], onnx: [run(1)] } }, { lm: small }, peaks)).toBeNull()
    expect(rooflineShare({ ...wall, runs: {} }, {}, peaks)).toBeNull()
  })
})
