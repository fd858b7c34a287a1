import * as z from 'zod'
import { selectGreedy } from '../../operators/selectGreedy.js'
import { topK } from '../../operators/topK.js'
import type { Decoder } from '../../src/core/step.js'
import { steps } from '../decoding/steps.js'

export const greedyOptions = z.strictObject({})

/** Greedy search: selects the likeliest token; ties go to the lower id. */
// biome-ignore format: one operator a line
export const greedy = (): Decoder => () => steps(
  topK({ k: 1 }),
  selectGreedy(),
)
