import { type FileMetaData, parquetSchema, type SchemaElement, type SchemaTree } from 'hyparquet'
import { exactNumber } from '../exactJson.js'

type Convert = (value: unknown) => unknown

/** Metadata under which decimals are read as the integers that are stored, and what makes decimals of a record's. */
export type UnscaledDecimals = Readonly<{
  metadata: FileMetaData
  restore: (record: Record<string, unknown>) => Record<string, unknown>
}>

const isDecimal = ({ converted_type: converted, logical_type: logical }: SchemaElement): boolean =>
  converted === 'DECIMAL' || logical?.type === 'DECIMAL'

/** The library multiplies decimals as doubles, which rounds them: 19 digits are two too many. */
export function unscaleDecimals(metadata: FileMetaData): UnscaledDecimals {
  const stripped = new Set<SchemaElement>()
  const columns = parquetSchema(metadata).children.flatMap((node) => {
    const convert = converterOf(node, stripped)
    return convert ? [[node.element.name, convert] as const] : []
  })
  if (columns.length === 0) return { metadata, restore: (record) => record }
  const schema = metadata.schema.map((element) =>
    stripped.has(element) ? { ...element, converted_type: undefined, logical_type: undefined } : element,
  )
  return {
    metadata: { ...metadata, schema } as FileMetaData,
    restore: (record) => {
      const own = columns.filter(([name]) => name in record)
      return { ...record, ...Object.fromEntries(own.map(([name, convert]) => [name, convert(record[name])])) }
    },
  }
}

/** A converter sees through the arrays of lists, and leaves what is missing. */
const through =
  (convert: Convert): Convert =>
  (value) => {
    if (value === null || value === undefined) return value
    return Array.isArray(value) ? value.map(through(convert)) : convert(value)
  }

/** How the decimals at and under a node are made; undefined where there are none. Keys of maps stay as the library reads them. */
function converterOf({ element, children }: SchemaTree, stripped: Set<SchemaElement>): Convert | undefined {
  if (children.length === 0) {
    if (!isDecimal(element)) return undefined
    stripped.add(element)
    return through((value) => decimalOf(value, scaleOf(element)))
  }
  const [only] = children
  if (element.converted_type === 'LIST' && only && children.length === 1)
    return converterOf(only.children.length === 1 ? only.children[0]! : only, stripped)
  const entry = element.converted_type === 'MAP' ? only?.children : undefined
  if (entry?.length === 2) {
    const convert = converterOf(entry[1]!, stripped)
    return convert && through((map) => mapped(map, () => convert))
  }
  const fields = new Map(children.map((child) => [child.element.name, converterOf(child, stripped)]))
  if ([...fields.values()].every((convert) => convert === undefined)) return undefined
  return through((struct) => mapped(struct, (name) => fields.get(name)))
}

const mapped = (value: unknown, convertOf: (name: string) => Convert | undefined): unknown =>
  Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, convertOf(name)?.(inner) ?? inner]))

const scaleOf = ({ scale, logical_type: logical }: SchemaElement): number =>
  scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0)

/** The integer of big-endian bytes in two's complement. The library makes text of bytes that are UTF-8, which loses none. */
function integerOf(value: unknown): bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value)
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value as Uint8Array)
  return bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`))
}

/** A number where one has exactly this value, an integer of any size, or the digits. */
function decimalOf(value: unknown, scale: number): unknown {
  const integer = integerOf(value)
  const digits = String(integer < 0n ? -integer : integer).padStart(scale + 1, '0')
  const at = digits.length - scale
  const fraction = digits.slice(at).replace(/0+$/, '')
  const text = `${integer < 0n ? '-' : ''}${digits.slice(0, at)}${fraction === '' ? '' : `.${fraction}`}`
  if (String(Number(text)) === text) return Number(text)
  return fraction === '' ? BigInt(text) : exactNumber(text)
}
