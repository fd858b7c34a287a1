type Value = string | number | boolean | readonly string[] | readonly number[]

/** A tensor of zeros: its shape [columns, rows], the number of its type, and where it begins if not behind the one before it. */
export type GgufTensor = Readonly<{ shape: readonly number[]; type?: number; bytes?: number; offset?: number }>

export type GgufParts = Readonly<{
  magic?: string
  version?: number
  fields: readonly (readonly [key: string, value: Value])[]
  tensors: readonly (readonly [name: string, tensor: GgufTensor])[]
}>

const [UINT32, FLOAT32, BOOL, STRING, ARRAY] = [4, 6, 7, 8, 9]

function number(value: number, bytes: 4 | 8): Buffer {
  const data = Buffer.alloc(bytes)
  if (bytes === 4) data.writeUInt32LE(value)
  else data.writeBigUInt64LE(BigInt(value))
  return data
}

const text = (value: string): Buffer => Buffer.concat([number(Buffer.byteLength(value), 8), Buffer.from(value)])

const float = (value: number): Buffer => {
  const data = Buffer.alloc(4)
  data.writeFloatLE(value)
  return data
}

/** Numbers with a fraction, and those in lists, are floats. */
function typed(value: Value): readonly [type: number, data: Buffer] {
  if (typeof value === 'string') return [STRING, text(value)]
  if (typeof value === 'boolean') return [BOOL, Buffer.of(value ? 1 : 0)]
  if (typeof value === 'number') return Number.isInteger(value) ? [UINT32, number(value, 4)] : [FLOAT32, float(value)]
  const items = value.map((item) => (typeof item === 'string' ? text(item) : float(item)))
  const type = typeof value[0] === 'string' ? STRING : FLOAT32
  return [ARRAY, Buffer.concat([number(type, 4), number(value.length, 8), ...items])]
}

/** The bytes of a GGUF file, right or wrong. */
export function ggufBytes({ magic = 'GGUF', version = 3, fields, tensors }: GgufParts): Buffer {
  let end = 0
  const infos = tensors.map(
    ([name, { shape, type = 0, bytes = 4 * shape.reduce((all, side) => all * side, 1), offset = end }]) => {
      end = Math.max(end, Math.ceil((offset + bytes) / 32) * 32)
      const sides = shape.map((side) => number(side, 8))
      return Buffer.concat([text(name), number(shape.length, 4), ...sides, number(type, 4), number(offset, 8)])
    },
  )
  const pairs = fields.map(([key, value]) => {
    const [type, data] = typed(value)
    return Buffer.concat([text(key), number(type, 4), data])
  })
  const header = Buffer.concat([
    ...[Buffer.from(magic), number(version, 4), number(tensors.length, 8), number(fields.length, 8)],
    ...pairs,
    ...infos,
  ])
  return Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32), Buffer.alloc(end)])
}
