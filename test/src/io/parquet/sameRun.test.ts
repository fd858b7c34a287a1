import { describe, expect, it } from 'vitest'
import type { RunMeta } from '../../../../src/core/run.js'
import { sameRun } from '../../../../src/io/parquet/sameRun.js'

const meta = (device?: string): RunMeta => ({
  ...{ version: '0', spec: {}, seed: 0 },
  models: { lm: { path: 'lm', sha256: 'a', ...(device !== undefined && { device }) } },
})

describe('sameRun', () => {
  it('refuses rows of another device, because its sums round differently', () => {
    expect(() => sameRun('out', meta(), meta('webgpu'))).toThrow(
      'out holds rows made with `device of lm` "cpu", but this run has "webgpu"',
    )
    expect(() => sameRun('out', meta('webgpu'), meta())).toThrow('`device of lm` "webgpu", but this run has "cpu"')
  })

  it('takes a run without a device for one on the CPU', () => {
    expect(() => sameRun('out', meta(), meta('cpu'))).not.toThrow()
    expect(() => sameRun('out', meta('webgpu'), meta('webgpu'))).not.toThrow()
  })
})
