import type { ReplySoFar } from '../../core/rewardSource.js'

/** A text as the inside of a JSON string. The texts of one step have the same `shared`. */
export type JsonText = Readonly<{ shared: Buffer; own: string }>

const EMPTY = Buffer.alloc(0)
/** Most bytes of a UTF-16 unit in UTF-8. */
const MOST_BYTES = 3

const inside = (text: string): string => JSON.stringify(text).slice(1, -1)

/**
 * Writes texts for a list in JSON. Candidates of a step differ in their last token only, so what they share is written once: writing 640
 * whole texts takes more processor time than the rest of a step.
 */
export function jsonTexts(texts: readonly string[], replies: readonly ReplySoFar[] = []): JsonText[] {
  let shared = EMPTY
  let last: readonly [prompt: string, begun: string] | undefined
  return texts.map((text, index) => {
    const { prompt, parts } = replies[index] ?? {}
    if (prompt === undefined || parts === undefined) return { shared: EMPTY, own: inside(text) }
    const [begun, own] = parts
    if (last?.[0] !== prompt || last[1] !== begun) {
      // Apart, because this makes `begun` one flat text, of which the next step's is made. Joined, all its pieces are copied at each step.
      shared = Buffer.from(inside(prompt) + inside(begun))
      last = [prompt, begun]
    }
    return { shared, own: inside(own) }
  })
}

/** Puts texts between the JSON before the first, between two and after the last of them. */
export function bodyOf([open, between, close]: readonly [string, string, string], texts: readonly JsonText[]): Buffer {
  const units = texts.reduce((sum, { own }) => sum + own.length + between.length, open.length + close.length)
  const body = Buffer.allocUnsafe(texts.reduce((sum, { shared }) => sum + shared.length, MOST_BYTES * units))
  let end = body.write(open)
  for (const [index, { shared, own }] of texts.entries()) {
    if (index > 0) end += body.write(between, end)
    end += shared.copy(body, end)
    end += body.write(own, end)
  }
  end += body.write(close, end)
  return body.subarray(0, end)
}
