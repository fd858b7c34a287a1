import type { SchemaTree } from 'hyparquet'
import { JsonNumber } from '../../core/text/json.js'

const isFloat = ({ element }: SchemaTree): boolean => element.type === 'DOUBLE' || element.type === 'FLOAT'

const hasFloats = (tree: SchemaTree): boolean => isFloat(tree) || tree.children.some(hasFloats)

/** Schema of a list's elements, which are in a group of their own. */
const elementOf = ({ children }: SchemaTree): SchemaTree | undefined => {
  const [repeated] = children
  return repeated && (repeated.children.length === 1 ? repeated.children[0] : repeated)
}

function floatText(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value)
  return text.includes('e') ? text : `${text}.0`
}

function mark(value: unknown, tree: SchemaTree | undefined): unknown {
  if (!tree || value === null || value === undefined) return value
  if (typeof value === 'number' && isFloat(tree) && Number.isInteger(value)) return new JsonNumber(floatText(value))
  if (Array.isArray(value)) {
    const element = tree.children.length > 0 ? elementOf(tree) : tree
    return value.map((inner) => mark(inner, element))
  }
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value
  const children = new Map(tree.children.map((child) => [child.element.name, child]))
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mark(inner, children.get(key))]))
}

type Values = Readonly<Record<string, unknown>>

/**
 * Gives floats without a fraction inside lists and structs as `JsonNumber`: JavaScript takes them for integers, a chat template does not.
 * A column that is a number itself stays: an id 7 is the text `7` whatever type its column has.
 */
export function markFloats(schema: SchemaTree): (values: Values) => Values {
  const nested = schema.children.filter((child) => child.children.length > 0 && hasFloats(child))
  if (nested.length === 0) return (values) => values
  return (values) => {
    const own = nested.filter(({ element: { name } }) => values[name] !== undefined)
    return { ...values, ...Object.fromEntries(own.map((tree) => [tree.element.name, mark(values[tree.element.name], tree)])) }
  }
}
