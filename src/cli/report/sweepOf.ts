import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { SweepRow } from '../../../pipelines/evaluation/sweep.js'
import { InputError, messageOf } from '../../core/errors.js'

const numbers = z.record(z.string(), z.number())
const intervals = z.record(z.string(), z.object({ low: z.number(), high: z.number() }).nullable())
const point = z
  .object({
    ...{
      name: z.string(),
      k: z.int(),
      weight: z.number(),
      rows: z.int(),
      errors: z.int(),
      counts: numbers,
      intervals: intervals.optional(),
    },
  })
  .catchall(z.number().nullable())
const sweepFile = z.object({ points: z.array(point).min(1) })

/**
 * Reads the points of `sweep.json` in a folder written by `rxargs sweep`.
 *
 * @throws InputError if the file is missing or has another content
 */
export async function sweepOf(folder: string): Promise<SweepRow[]> {
  const path = join(folder, 'sweep.json')
  const refuse = (why: string): never => {
    throw new InputError(`Expected a folder that rxargs sweep wrote at ${folder}: ${why}`)
  }
  const content = await readFile(path, 'utf8').catch((error: unknown) => refuse(messageOf(error)))
  let json: unknown
  try {
    json = JSON.parse(content)
  } catch (error) {
    return refuse(`${path}: ${messageOf(error)}`)
  }
  const { data } = sweepFile.safeParse(json)
  if (data === undefined) return refuse(`${path} has no list \`points\` of k, weight, rows, errors and figures`)
  return data.points.map(({ name, k, weight, rows, errors, counts, intervals: ranges, ...figures }) => ({
    ...{ name, k, weight, rows, errors, counts, figures, ...(ranges && { intervals: ranges }) },
  }))
}
