import { type FileMetaData, parquetSchema, type SchemaElement, type SchemaTree } from 'hyparquet'
import { JsonNumber } from '../../core/text/json.js'

type Convert = (value: unknown) => unknown

/** `metadata` reads decimals as the stored integers; `restore` makes them decimals again. */
export type UnscaledDecimals = Readonly<{
  metadata: FileMetaData
  restore: (record: Record<string, unknown>) => Record<string, unknown>
}>

const isDecimal = ({ converted_type: converted, logical_type: logical }: SchemaElement): boolean =>
  converted === 'DECIMAL' || logical?.type === 'DECIMAL'

/** Reads decimals exactly. The library multiplies them as doubles, which rounds beyond 15 digits. */
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

/** Applies a converter to the items of lists, at any depth; null stays. */
const through =
  (convert: Convert): Convert =>
  (value) => {
    if (value === null || value === undefined) return value
    return Array.isArray(value) ? value.map(through(convert)) : convert(value)
  }

/** Finds the converter of a column or field; undefined if it has no decimals. Keys of maps stay as the library reads them. */
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
    return convert && through((map) => mapValue(map, () => convert))
  }
  const fields = new Map(children.map((child) => [child.element.name, converterOf(child, stripped)]))
  if ([...fields.values()].every((convert) => convert === undefined)) return undefined
  return through((struct) => mapValue(struct, (name) => fields.get(name)))
}

const mapValue = (value: unknown, convertOf: (name: string) => Convert | undefined): unknown =>
  Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, convertOf(name)?.(inner) ?? inner]))

const scaleOf = ({ scale, logical_type: logical }: SchemaElement): number =>
  scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0)

/** Reads big-endian bytes in two's complement. The library turns bytes that are UTF-8 into text, which keeps all of them. */
function integerOf(value: unknown): bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value)
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value as Uint8Array)
  return bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`))
}

/** Gives a number if it prints the same digits, else a BigInt for an integer, else a `JsonNumber`. */
function decimalOf(value: unknown, scale: number): unknown {
  const integer = integerOf(value)
  const digits = String(integer < 0n ? -integer : integer).padStart(scale + 1, '0')
  const at = digits.length - scale
  const fraction = digits.slice(at).replace(/0+$/, '')
  const text = `${integer < 0n ? '-' : ''}${digits.slice(0, at)}${fraction === '' ? '' : `.${fraction}`}`
  if (String(Number(text)) === text) return Number(text)
  return fraction === '' ? BigInt(text) : new JsonNumber(text)
}
