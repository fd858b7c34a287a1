import type { SchemaTree } from 'hyparquet'
import { JsonNumber } from '../../core/text/json.js'

const isFloat = ({ element }: SchemaTree): boolean => element.type === 'DOUBLE' || element.type === 'FLOAT'

/** The elements of a list, which has them in a group of its own. */
const elementOf = ({ children }: SchemaTree): SchemaTree | undefined => {
  const [repeated] = children
  return repeated && (repeated.children.length === 1 ? repeated.children[0] : repeated)
}

function marked(value: unknown, tree: SchemaTree | undefined): unknown {
  if (!tree || value === null || value === undefined) return value
  if (typeof value === 'number' && isFloat(tree) && Number.isInteger(value))
    return new JsonNumber(`${Object.is(value, -0) ? '-0' : value}.0`)
  if (Array.isArray(value)) {
    const element = tree.children.length > 0 ? elementOf(tree) : tree
    return value.map((inner) => marked(inner, element))
  }
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value
  const children = new Map(tree.children.map((child) => [child.element.name, child]))
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, marked(inner, children.get(key))]))
}

/** A column's values with floats that have no fraction marked as such: JavaScript takes them for integers, a chat template does not. */
export function parquetNumbers(schema: SchemaTree): (column: string, value: unknown) => unknown {
  const columns = new Map(schema.children.map((child) => [child.element.name, child]))
  return (column, value) => marked(value, columns.get(column))
}
