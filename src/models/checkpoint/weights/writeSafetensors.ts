import { open } from 'node:fs/promises'

/** Writes fp32 tensors one after the other; `values` makes each when its turn comes, so that only one is in memory. */
export async function writeSafetensors(
  file: string,
  shapes: readonly (readonly [name: string, shape: readonly number[]])[],
  values: (shape: readonly number[], index: number) => Float32Array,
): Promise<void> {
  let end = 0
  const entries = shapes.map(([name, shape]) => {
    const begin = end
    end += 4 * shape.reduce((all, each) => all * each, 1)
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const
  })
  const header = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const handle = await open(file, 'w')
  try {
    await handle.writeFile(length)
    await handle.writeFile(header)
    for (const [index, [, shape]] of shapes.entries()) {
      const { buffer, byteOffset, byteLength } = values(shape, index)
      await handle.writeFile(Buffer.from(buffer, byteOffset, byteLength))
    }
  } finally {
    await handle.close()
  }
}
