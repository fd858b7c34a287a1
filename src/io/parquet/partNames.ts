import { basename } from 'node:path'

const PART = /^part-(\d{5,})\.parquet$/
/** Name of an unfinished file. The dot and the ending keep it out of `*.parquet`. */
const TEMPORARY = /^\.(part|run)-[\w-]+\.(tmp|claim)$/

/** Name of the part with this number. */
export const partName = (number: number): string => `part-${String(number).padStart(5, '0')}.parquet`

/** Number of a part by its name or path; undefined for another file. */
export function partNumber(path: string): number | undefined {
  const number = basename(path).match(PART)?.[1]
  return number === undefined ? undefined : Number(number)
}

/** Picks the names of parts, by number. */
export const partsAmong = (names: readonly string[]): string[] =>
  names
    .flatMap((name) => {
      const number = partNumber(name)
      return number === undefined ? [] : [{ name, number }]
    })
    .sort((a, b) => a.number - b.number)
    .map(({ name }) => name)

export const isPart = (name: string): boolean => PART.test(name)
export const isUnfinishedPart = (name: string): boolean => name.startsWith('.part-') && TEMPORARY.test(name)
/** Whether a file is an unfinished lock. */
export const isUnfinishedLock = (name: string): boolean => TEMPORARY.test(name) && !isUnfinishedPart(name)
