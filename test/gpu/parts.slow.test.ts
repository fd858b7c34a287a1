import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { loadModels } from '../../src/models/loadModels.js'
import { openGpu } from '../../src/models/runtime/device/gpu.js'
import { gpuProblem, isGpuLost } from '../../src/models/runtime/device/webgpu.js'
import { useSoftwareGpu, WITHOUT_GPU } from '../softwareGpu.js'
import { tempFolder } from '../tempFolder.js'
import { goldenFolder } from './deviceEngine.js'
import { expectSameInParts, LIMITS, writePair } from './partsCases.js'
import { SLOW } from './tracedRows.js'

beforeEach((context) => context.skip(WITHOUT_GPU !== undefined, WITHOUT_GPU))

describe('a GPU', () => {
  it(
    'fails a run whose buffer it cannot give, and says so in one line with the numbers',
    async () => {
      useSoftwareGpu()
      const gpu = await openGpu()
      try {
        const error: unknown = await gpu.zeros(2 ** 24, 64).catch((reason: unknown) => reason)
        expect(gpuProblem(error)).toMatch(
          /^The GPU takes buffers of at most \d+ bytes, and this run needs one of 4294967296 bytes/,
        )
        expect(isGpuLost(error)).toBe(true)
      } finally {
        await gpu.close()
      }
    },
    SLOW,
  )

  it(
    'without 16-bit numbers refuses fp16 by name',
    async () => {
      useSoftwareGpu()
      const path = join(goldenFolder('grouped'), 'lm')
      await expect(loadModels({ lm: path, device: 'webgpu', dtype: 'fp16' })).rejects.toThrow(
        /^Expected a GPU for `device` webgpu, but SwiftShader .* has no 16-bit numbers \(`shader-f16`\) for `dtype` fp16; it takes fp32, q8 and q4$/,
      )
    },
    SLOW,
  )
})

describe('weights larger than a tensor of the device, on a GPU', () => {
  let folder: string
  tempFolder((path) => {
    folder = path
  })

  it.each(LIMITS)(
    'give in parts what they give as a whole: $model, $dtype',
    async ({ model, ...limit }) => {
      useSoftwareGpu()
      await writePair(folder)
      await expectSameInParts(join(folder, model), limit, { arrays: false, most: 0 })
    },
    SLOW,
  )
})
