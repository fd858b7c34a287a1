import { readFile, writeFile } from 'node:fs/promises'
import { safetensorsBytes } from './weights/writeSafetensors.js'

/** A tensor of a small file, its bytes with it. */
export type StoredTensor = Readonly<{ dtype: string; shape: readonly number[]; bytes: Buffer }>
export type StoredTensors = ReadonlyMap<string, StoredTensor>

/** A tensor of zeros: F32 unless `dtype` is I64. */
export const zeros = (shape: readonly number[], dtype: 'F32' | 'I64' = 'F32'): StoredTensor => ({
  dtype,
  shape,
  bytes: Buffer.alloc(shape.reduce((product, side) => product * side, dtype === 'F32' ? 4 : 8)),
})

export async function readTensors(file: string): Promise<Map<string, StoredTensor>> {
  const bytes = await readFile(file)
  const data = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, data).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  const named = Object.entries(header).filter(([name]) => name !== '__metadata__')
  return new Map(
    named.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { dtype, shape, bytes: bytes.subarray(data + from, data + to) }],
    ),
  )
}

export async function writeTensors(file: string, tensors: StoredTensors): Promise<void> {
  let offset = 0
  const header = Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, bytes }]) => {
      offset += bytes.length
      return [name, { dtype, shape, data_offsets: [offset - bytes.length, offset] }]
    }),
  )
  await writeFile(file, safetensorsBytes(header, Buffer.concat([...tensors.values()].map(({ bytes }) => bytes))))
}

/** Changes the tensors of a file in place. */
export async function editTensors(file: string, edit: (tensors: Map<string, StoredTensor>) => StoredTensors): Promise<void> {
  await writeTensors(file, edit(await readTensors(file)))
}
