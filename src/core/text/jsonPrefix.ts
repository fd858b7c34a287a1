/** How many characters of a text begin a JSON text (RFC 8259), and whether they are a whole one. */
export type JsonPrefix = Readonly<{ length: number; complete: boolean }>

/** What can come next: a value, a key or its colon, the part after a value, or the rest of a string, number or word. */
type State =
  | 'value'
  | 'value or ]'
  | 'key'
  | 'key or }'
  | ':'
  | 'after'
  | 'string'
  | 'escape'
  | Readonly<{ word: string }>
  | Readonly<{ number: NumberPart }>
  | Readonly<{ hex: number }>

type NumberPart = '-' | '0' | 'digits' | '.' | 'fraction' | 'e' | 'e sign' | 'exponent'

/** Next part of a number by the next character: a digit, a zero or a sign. A number cannot end in a part without `end`. */
const numbers: Readonly<Record<NumberPart, Readonly<{ ends: boolean; next: (char: string) => NumberPart | undefined }>>> = {
  '-': { ends: false, next: (char) => (char === '0' ? '0' : isDigit(char) ? 'digits' : undefined) },
  '0': { ends: true, next: fractionOrExponent },
  digits: { ends: true, next: (char) => (isDigit(char) ? 'digits' : fractionOrExponent(char)) },
  '.': { ends: false, next: (char) => (isDigit(char) ? 'fraction' : undefined) },
  fraction: { ends: true, next: (char) => (isDigit(char) ? 'fraction' : /[eE]/.test(char) ? 'e' : undefined) },
  e: { ends: false, next: (char) => (isDigit(char) ? 'exponent' : /[+-]/.test(char) ? 'e sign' : undefined) },
  'e sign': { ends: false, next: (char) => (isDigit(char) ? 'exponent' : undefined) },
  exponent: { ends: true, next: (char) => (isDigit(char) ? 'exponent' : undefined) },
}

const words: Readonly<Record<string, string>> = { t: 'rue', f: 'alse', n: 'ull' }
const isDigit = (char: string): boolean => char >= '0' && char <= '9'
const isSpace = (char: string): boolean => ' \t\n\r'.includes(char)

function fractionOrExponent(char: string): NumberPart | undefined {
  if (char === '.') return '.'
  return /[eE]/.test(char) ? 'e' : undefined
}

/** Finds the longest beginning of `text` that can be continued to a JSON text. This is all of `text` if it has no fault so far. */
export function jsonPrefix(text: string): JsonPrefix {
  const open: ('[' | '{')[] = []
  let state: State = 'value'
  let isKey = false

  /** Returns the state after a character; undefined if the character is not allowed here. */
  const after = (char: string): State | undefined => {
    if (typeof state === 'object') {
      if ('word' in state)
        return char === state.word[0] ? (state.word.length === 1 ? 'after' : { word: state.word.slice(1) }) : undefined
      if ('hex' in state) return /[\da-fA-F]/.test(char) ? (state.hex === 1 ? 'string' : { hex: state.hex - 1 }) : undefined
      const { ends, next } = numbers[state.number]
      const part = next(char)
      return part ? { number: part } : ends ? closing(char) : undefined
    }
    if (state === 'string') {
      if (char === '"') return isKey ? ':' : 'after'
      return char === '\\' ? 'escape' : char >= ' ' ? 'string' : undefined
    }
    if (state === 'escape') return char === 'u' ? { hex: 4 } : '"\\/bfnrt'.includes(char) ? 'string' : undefined
    if (isSpace(char)) return state
    if (state === ':') return char === ':' ? 'value' : undefined
    if (state === 'after') return closing(char)
    if (state === 'value or ]' && char === ']') return closing(char)
    if (state === 'key or }' && char === '}') return closing(char)
    isKey = state === 'key' || state === 'key or }'
    return isKey ? (char === '"' ? 'string' : undefined) : opening(char)
  }
  const opening = (char: string): State | undefined => {
    if (char === '{' || char === '[') {
      open.push(char)
      return char === '{' ? 'key or }' : 'value or ]'
    }
    if (char === '"') return 'string'
    if (Object.hasOwn(words, char)) return { word: words[char]! }
    return char === '0' || char === '-' ? { number: char } : isDigit(char) ? { number: 'digits' } : undefined
  }
  const closing = (char: string): State | undefined => {
    if (isSpace(char)) return 'after'
    const inside = open.at(-1)
    if (char === ',' && inside) return inside === '{' ? 'key' : 'value'
    if (inside === undefined || char !== (inside === '{' ? '}' : ']')) return undefined
    open.pop()
    return 'after'
  }
  for (let at = 0; at < text.length; at++) {
    const next = after(text[at]!)
    if (next === undefined) return { length: at, complete: false }
    state = next
  }
  const ends: boolean = state === 'after' || (typeof state === 'object' && 'number' in state && numbers[state.number].ends)
  return { length: text.length, complete: ends && open.length === 0 }
}
