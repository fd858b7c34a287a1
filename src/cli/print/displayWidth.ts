const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Scripts and signs that terminals draw two columns wide (East Asian Wide and Fullwidth of Unicode's UAX #11, and emoji). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
const ZERO = /^[\p{Mark}\p{Format}\u200b]+$/u

const widthOfOne = (grapheme: string): number => (ZERO.test(grapheme) ? 0 : WIDE.test(grapheme) ? 2 : 1)

/** Text in one line: runs of white space become a space, control characters go (an answer must not steer the terminal). */
export const inOneLine = (text: string): string =>
  text
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Control}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()

/** Columns of a terminal that a line of text takes. */
export const displayWidth = (text: string): number => {
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += widthOfOne(segment)
  return width
}

/** The text in exactly `columns` columns: cut with an ellipsis, or filled with spaces. */
export function fitted(text: string, columns: number): string {
  let taken = ''
  let width = 0
  for (const { segment } of segmenter.segment(text)) {
    const more = widthOfOne(segment)
    if (width + more > columns) {
      while (taken !== '' && width > columns - 1) {
        const last = [...segmenter.segment(taken)].at(-1)!.segment
        taken = taken.slice(0, -last.length)
        width -= widthOfOne(last)
      }
      return `${taken}…${' '.repeat(Math.max(0, columns - width - 1))}`
    }
    taken += segment
    width += more
  }
  return taken + ' '.repeat(columns - width)
}
