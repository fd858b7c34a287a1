import { isTruthy, type JinjaValue, type Kwargs, Markup, typeName } from './values.js'

/** A filter, as a function of the value and the arguments. */
export type Filter = (value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs) => JinjaValue

/**
 * Binds arguments to `names` as Python does; a missing one is undefined. The first `required` ones must be there.
 *
 * @throws TypeError for too many or too few arguments, or an unknown name
 */
export function bind(
  name: string,
  names: readonly string[],
  args: readonly JinjaValue[],
  kwargs: Kwargs,
  required = 0,
): readonly (JinjaValue | undefined)[] {
  if (args.length > names.length) throw new TypeError(`${name}() takes at most ${names.length} arguments, got ${args.length}`)
  const bound: (JinjaValue | undefined)[] = names.map((_, index) => args[index])
  for (const [key, value] of kwargs) {
    const at = names.indexOf(key)
    if (at === -1) throw new TypeError(`${name}() got an unexpected keyword argument '${key}'`)
    if (bound[at] !== undefined) throw new TypeError(`${name}() got multiple values for argument '${key}'`)
    bound[at] = value
  }
  const missing = bound.findIndex((value, index) => index < required && value === undefined)
  if (missing !== -1) throw new TypeError(`${name}() missing argument '${names[missing]}'`)
  return bound
}

/** @throws TypeError unless the value is a text */
export function textArgument(name: string, value: JinjaValue | undefined): string {
  if (typeof value === 'string') return value
  if (value instanceof Markup) return value.text
  throw new TypeError(`${name}() expects a str, got ${value === undefined ? 'nothing' : typeName(value)}`)
}

/** @throws TypeError unless the value is an integer, or undefined, which means `byDefault` */
export function integerArgument(name: string, value: JinjaValue | undefined, byDefault: number): number {
  if (value === undefined) return byDefault
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value)
  throw new TypeError(`${name}() expects an int, got ${typeName(value)}`)
}

export const flagArgument = (value: JinjaValue | undefined): boolean => value !== undefined && isTruthy(value)
