import { createReadStream } from 'node:fs'
import type { Tensors } from './safetensors.js'
import { type Dtype, isPlain, readValues, type StoredTensor, type Tensor } from './storedTensor.js'

export type NotFinite = Readonly<{ name: string; file: string; index: number; value: string }>

/** Bytes per element, and the exponent bits, which are all set in infinities and NaN. */
const layouts: Readonly<Record<Dtype, Readonly<{ bytes: 2 | 4; exponent: number }>>> = {
  F32: { bytes: 4, exponent: 0x7f800000 },
  F16: { bytes: 2, exponent: 0x7c00 },
  BF16: { bytes: 2, exponent: 0x7f80 },
}

type Found = Pick<NotFinite, 'index' | 'value'>

async function notFiniteIn(tensor: Tensor): Promise<Found | undefined> {
  if (isPlain(tensor)) return notFiniteInFile(tensor)
  const values = await readValues(tensor)
  const index = values.findIndex((value) => !Number.isFinite(value))
  return index === -1 ? undefined : { index, value: Number.isNaN(values[index]) ? 'NaN' : 'an infinity' }
}

async function notFiniteInFile({
  file,
  dtype,
  begin,
  length,
}: StoredTensor & Readonly<{ dtype: Dtype }>): Promise<Found | undefined> {
  const { bytes, exponent } = layouts[dtype]
  const magnitude = bytes === 4 ? 0x7fffffff : 0x7fff
  let index = 0
  let rest: Buffer = Buffer.alloc(0)
  if (length === 0) return undefined
  for await (const chunk of createReadStream(file, { start: begin, end: begin + length - 1, highWaterMark: 1 << 20 })) {
    const data = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer)
    const whole = data.length - (data.length % bytes)
    for (let at = 0; at < whole; at += bytes, index++) {
      const bits = bytes === 4 ? data.readUInt32LE(at) : data.readUInt16LE(at)
      if ((bits & exponent) === exponent) return { index, value: (bits & magnitude) === exponent ? 'an infinity' : 'NaN' }
    }
    rest = data.subarray(whole)
  }
  return undefined
}

/**
 * Finds the first weight that is not finite. It reads all weights, which takes as long as loading the model, so it runs only after a
 * result was not finite.
 */
export async function findNotFinite({ entries }: Pick<Tensors, 'entries'>): Promise<NotFinite | undefined> {
  for (const [name, tensor] of entries) {
    const found = await notFiniteIn(tensor)
    if (found) return { name, file: tensor.file, ...found }
  }
  return undefined
}
