const SCORE = String.raw`["'*_\s]*(\d+(?:\.\d+)?)(?:\s*\/\s*10)?(?![\d.]*\d)`

/** Ways in which judges give two scores; the first that fits decides, and of each its last match: before it they think aloud. */
const forms: readonly RegExp[] = [
  new RegExp(String.raw`["']first["']\s*:${SCORE}["']?\s*,\s*["']second["']\s*:${SCORE}`, 'gi'),
  new RegExp(
    String.raw`\bfirst(?:\s+reply)?\b[^\d\n]{0,20}[:=]${SCORE}[\s\S]{0,80}?\bsecond(?:\s+reply)?\b[^\d\n]{0,20}[:=]${SCORE}`,
    'gi',
  ),
  new RegExp(
    String.raw`\breply\s*(?:1|A)\b[^\d\n]{0,20}[:=]${SCORE}[\s\S]{0,80}?\breply\s*(?:2|B)\b[^\d\n]{0,20}[:=]${SCORE}`,
    'gi',
  ),
  // A line of two numbers and nothing else.
  new RegExp(String.raw`^${SCORE}\s*[,;\s]\s*${SCORE}["'*_.\s]*$`, 'gim'),
]

const isScore = (score: number): boolean => score >= 1 && score <= 10

/** The scores, 1 to 10, of the first and the second reply in a judge's answer; undefined where it gives none, or others. */
export function parseScores(answer: string): readonly [first: number, second: number] | undefined {
  for (const form of forms) {
    const found = [...answer.matchAll(form)].at(-1)
    if (!found) continue
    const [first, second] = [Number(found[1]), Number(found[2])]
    return isScore(first) && isScore(second) ? [first, second] : undefined
  }
  return undefined
}
