import { type Json, JsonNumber, JsonObject } from '../../core/text/json.js'

const PART = /[\s,:]*(?:("(?:[^"\\]|\\.)*")|([{}[\]])|([^\s,:{}[\]"]+))/suy

/** A number, with its text where JavaScript would lose what it says: integers of any size, floats without a fraction. */
function numberOf(text: string): Json {
  // Python's integer has no -0.
  const number = text === '-0' ? 0 : Number(text)
  const isInteger = /^-?\d+$/.test(text)
  return isInteger === Number.isInteger(number) && (!isInteger || Number.isSafeInteger(number)) ? number : new JsonNumber(text)
}

const CONSTANTS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ['true', true],
  ['false', false],
  ['null', null],
])

/**
 * The value of a text that is JSON, objects as maps: `JSON.parse` changes the order of keys that look like numbers, and takes 22.0 for 22,
 * both of which a chat template shows. Of a key that comes twice the last value counts, as in Python.
 */
export function orderedJson(text: string): Json {
  let at = 0
  const next = (): RegExpExecArray => {
    PART.lastIndex = at
    const part = PART.exec(text)!
    at = PART.lastIndex
    return part
  }
  const value = ([, string, bracket, word]: RegExpExecArray): Json => {
    if (string !== undefined) return JSON.parse(string) as string
    if (word !== undefined) return CONSTANTS.has(word) ? CONSTANTS.get(word)! : numberOf(word)
    if (bracket === '[') {
      const items: Json[] = []
      for (let part = next(); part[2] !== ']'; part = next()) items.push(value(part))
      return items
    }
    const entries = new JsonObject()
    for (let part = next(); part[2] !== '}'; part = next()) entries.set(JSON.parse(part[1]!) as string, value(next()))
    return entries
  }
  return value(next())
}
