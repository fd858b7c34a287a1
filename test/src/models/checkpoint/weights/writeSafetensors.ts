import { writeFile } from 'node:fs/promises'

const BYTES: Readonly<Record<string, number>> = { F64: 8, I64: 8, F32: 4, F16: 2, BF16: 2, U8: 1 }

/** A tensor to write; its bytes are all `fill`. */
export type WrittenTensor = Readonly<{ name: string; dtype: string; shape: readonly number[]; fill?: number }>

/** A safetensors file out of any header and data, for files that are wrong, too. */
export function safetensorsBytes(header: string | object, data: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, data])
}

/** Writes tensors side by side, as the format wants them. */
export async function writeSafetensors(file: string, tensors: readonly WrittenTensor[]): Promise<void> {
  const header: [string, unknown][] = [['__metadata__', { format: 'pt' }]]
  const data: Buffer[] = []
  let offset = 0
  for (const { name, dtype, shape, fill = 0 } of tensors) {
    const length = shape.reduce((product, side) => product * side, BYTES[dtype] ?? 1)
    header.push([name, { dtype, shape, data_offsets: [offset, offset + length] }])
    data.push(Buffer.alloc(length, fill))
    offset += length
  }
  await writeFile(file, safetensorsBytes(Object.fromEntries(header), Buffer.concat(data)))
}
