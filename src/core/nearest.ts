/** Finds the name with the smallest edit distance to `name`, ignoring case; undefined if half of it or more would change. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const distances = names.map((other) => editDistance(name.toLowerCase(), other.toLowerCase()))
  const least = Math.min(...distances)
  return least < name.length / 2 ? names[distances.indexOf(least)] : undefined
}

/** Returns ` (did you mean \`topK\`?)`, or an empty text if no name is near. */
export function didYouMean(name: string, names: readonly string[]): string {
  const near = nearest(name, names)
  return near === undefined ? '' : ` (did you mean \`${near}\`?)`
}

/** Levenshtein distance: how many letters to insert, delete or replace. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
