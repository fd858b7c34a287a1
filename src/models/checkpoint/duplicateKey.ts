const PARTS = /"(?:[^"\\]|\\.)*"|[{}[\],]/gs

/**
 * A key that one object of a JSON text has twice, of which a reader would take the one or the other; nothing where all differ. The
 * text must be JSON.
 */
export function duplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (const [part] of text.matchAll(PARTS)) {
    if (part === '{' || part === '[') open.push(part === '{' ? new Set() : undefined)
    else if (part === '}' || part === ']') open.pop()
    else if (part !== ',' && isKey) {
      const key = part.includes('\\') ? (JSON.parse(part) as string) : part.slice(1, -1)
      const keys = open.at(-1)!
      if (keys.has(key)) return key
      keys.add(key)
    }
    isKey = (part === '{' || part === ',') && open.at(-1) !== undefined
  }
  return undefined
}
