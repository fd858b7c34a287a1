import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findNotFinite } from '../../../../../src/models/checkpoint/weights/findNotFinite.js'
import type { Dtype, Tensor } from '../../../../../src/models/checkpoint/weights/storedTensor.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-finite-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A tensor of 700,001 elements with these bits somewhere, behind some bytes of another, so that it is read in pieces. */
async function tensor(dtype: Dtype, bits: number, index: number): Promise<Tensor> {
  const bytes = dtype === 'F32' ? 4 : 2
  const data = Buffer.alloc(3 + 700_001 * bytes)
  data.fill(0xff, 0, 3)
  if (bytes === 4) data.writeUInt32LE(bits, 3 + 4 * index)
  else data.writeUInt16LE(bits, 3 + 2 * index)
  const file = join(folder, `${dtype}-${bits}-${index}`)
  await writeFile(file, data)
  return { file, dtype, shape: [700_001], begin: 3, length: data.length - 3 }
}
const found = async (dtype: Dtype, bits: number, index: number) =>
  findNotFinite({ entries: new Map([['w', await tensor(dtype, bits, index)]]) })

it.each<[Dtype, number, number, string]>([
  ['F32', 0x7fc00000, 0, 'NaN'],
  ['F32', 0xff800001, 700_000, 'NaN'],
  ['F32', 0xff800000, 262_143, 'an infinity'],
  ['F16', 0x7c00, 524_288, 'an infinity'],
  ['F16', 0xfe00, 9, 'NaN'],
  ['BF16', 0xff80, 9, 'an infinity'],
  ['BF16', 0x7fc0, 699_999, 'NaN'],
])('finds %s %i at element %i', async (dtype, bits, index, value) => {
  expect(await found(dtype, bits, index)).toMatchObject({ name: 'w', index, value })
})

it.each<[Dtype, number]>([
  ['F32', 0x7f7fffff],
  ['F32', 0x80000001],
  ['F16', 0xfbff],
  ['BF16', 0x7f7f],
])('finds nothing in the largest and smallest numbers of %s', async (dtype, bits) => {
  expect(await found(dtype, bits, 11)).toBeUndefined()
})

it('reads no file of a tensor without elements', async () => {
  const none: Tensor = { file: join(folder, 'none'), dtype: 'F32', shape: [0], begin: 8, length: 0 }
  expect(await findNotFinite({ entries: new Map([['w', none]]) })).toBeUndefined()
})
