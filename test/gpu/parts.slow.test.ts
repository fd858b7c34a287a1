import { join } from 'node:path'
import { beforeEach, describe, it } from 'vitest'
import { useSoftwareGpu, WITHOUT_GPU } from '../softwareGpu.js'
import { tempFolder } from '../tempFolder.js'
import { expectSameInParts, LIMITS, writePair } from './partsCases.js'
import { SLOW } from './tracedRows.js'

beforeEach((context) => context.skip(WITHOUT_GPU !== undefined, WITHOUT_GPU))

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
