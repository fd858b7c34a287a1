import stringWidth from 'string-width'

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Puts text on one line. Removes control characters, so that a reply cannot control the terminal. */
export const inOneLine = (text: string): string =>
  text
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Control}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()

/** Makes a line exactly `columns` terminal columns wide: pads it with spaces, or cuts it and adds an ellipsis. */
export function fit(text: string, columns: number): string {
  const width = stringWidth(text)
  if (width <= columns) return text + ' '.repeat(columns - width)
  let [kept, taken] = ['', 0]
  for (const { segment } of segmenter.segment(text)) {
    const wider = stringWidth(kept + segment)
    if (wider > columns - 1) break
    kept += segment
    taken = wider
  }
  return `${kept}…${' '.repeat(columns - 1 - taken)}`
}
