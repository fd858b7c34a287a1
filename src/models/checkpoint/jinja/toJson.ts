import { bind, flagArgument } from './arguments.js'
import { compareValues } from './operators.js'
import { floatText } from './text.js'
import { Dict, isList, type JinjaValue, type Kwargs, Markup, Tuple, typeName } from './values.js'

type Style = Readonly<{ indent: string | undefined; item: string; key: string; ascii: boolean; sorted: boolean }>

const FLOATS: Readonly<Record<string, string>> = { nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' }
const floatJson = (value: number): string => FLOATS[floatText(value)] ?? floatText(value)

function textJson(text: string, isAscii: boolean): string {
  const json = JSON.stringify(text)
  return isAscii ? json.replace(/[\x7f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`) : json
}

/** A dictionary's key as text: a text itself, or a number, bool or None. */
function keyJson(key: JinjaValue, style: Style): string {
  if (typeof key === 'string' || key === null || typeof key === 'boolean' || typeof key === 'bigint' || typeof key === 'number')
    return typeof key === 'string' ? textJson(key, style.ascii) : `"${json(key, style, '\n')}"`
  throw new TypeError(`keys must be str, int, float, bool or None, not ${typeName(key)}`)
}

function enclosed(
  [open, close]: readonly [string, string],
  parts: readonly string[],
  { indent, item }: Style,
  line: string,
): string {
  if (parts.length === 0) return open + close
  if (indent === undefined) return open + parts.join(item) + close
  return open + line + indent + parts.join(item + line + indent) + line + close
}

/** @param line a line end with the indent of the value around */
function json(value: JinjaValue, style: Style, line: string): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return floatJson(value)
  if (typeof value === 'string') return textJson(value, style.ascii)
  if (value instanceof Markup) return textJson(value.text, style.ascii)
  const inner = line + (style.indent ?? '')
  if (isList(value) || value instanceof Tuple) {
    const items = isList(value) ? value : value.items
    return enclosed(
      ['[', ']'],
      items.map((one) => json(one, style, inner)),
      style,
      line,
    )
  }
  if (!(value instanceof Dict)) throw new TypeError(`Object of type ${typeName(value)} is not JSON serializable`)
  const entries = style.sorted ? [...value.entries].sort(([a], [b]) => compareValues(a, b)) : value.entries
  const parts = entries.map(([key, one]) => keyJson(key, style) + style.key + json(one, style, inner))
  return enclosed(['{', '}'], parts, style, line)
}

function indentOf(indent: JinjaValue): string | undefined {
  if (indent === null) return undefined
  if (typeof indent === 'string') return indent
  if (typeof indent === 'bigint' || typeof indent === 'boolean') return ' '.repeat(Math.max(0, Number(indent)))
  throw new TypeError(`tojson() expects an int for indent, got ${typeName(indent)}`)
}

/**
 * The filter `tojson` as transformers defines it: `json.dumps` without escapes for characters.
 *
 * @throws TypeError for values that JSON cannot hold, and for bad arguments
 */
export function toJson(value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): string {
  const names = ['ensure_ascii', 'indent', 'separators', 'sort_keys']
  const [ascii = false, width = null, separators = null, sorted] = bind('tojson', names, args, kwargs)
  const indent = indentOf(width)
  const pair = isList(separators) ? separators : separators instanceof Tuple ? separators.items : undefined
  if (separators !== null && pair?.length !== 2) throw new TypeError('tojson() expects two texts for separators')
  const [item, key] = pair ?? [indent === undefined ? ', ' : ',', ': ']
  if (typeof item !== 'string' || typeof key !== 'string') throw new TypeError('tojson() expects two texts for separators')
  return json(value, { indent, item, key, ascii: flagArgument(ascii), sorted: flagArgument(sorted) }, '\n')
}
