const PARTS = /["{}[\],]/g

/**
 * Finds the quote that ends the string which `open` begins; -1 if there is none. Not one regular expression: on a string of megabytes its
 * stack overflows.
 */
export function closingQuote(json: string, open: number): number {
  let close = json.indexOf('"', open + 1)
  while (close !== -1 && isEscaped(json, close)) close = json.indexOf('"', close + 1)
  return close
}

function isEscaped(json: string, at: number): boolean {
  let before = at
  while (json[before - 1] === '\\') before--
  return (at - before) % 2 === 1
}

/**
 * Finds a key that one object of a JSON text has twice: some readers take the first value, others the last. Returns `undefined` if all keys
 * differ. The text must be JSON.
 */
export function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  PARTS.lastIndex = 0
  for (let match = PARTS.exec(json); match !== null; match = PARTS.exec(json)) {
    const [part] = match
    if (part === '{' || part === '[') open.push(part === '{' ? new Set() : undefined)
    else if (part === '}' || part === ']') open.pop()
    else if (part === '"') {
      const close = closingQuote(json, match.index)
      PARTS.lastIndex = close + 1
      const keys = isKey ? open.at(-1) : undefined
      if (keys !== undefined) {
        const text = json.slice(match.index + 1, close)
        const key = text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
        if (keys.has(key)) return key
        keys.add(key)
      }
    }
    isKey = (part === '{' || part === ',') && open.at(-1) !== undefined
  }
  return undefined
}
