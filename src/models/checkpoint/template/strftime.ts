const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const two = (value: number): string => String(value).padStart(2, '0')
const hour12 = (date: Date): number => date.getHours() % 12 || 12
const dayOfYear = (date: Date): number =>
  Math.round((Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 0)) / 86_400_000)

const FIELDS: ReadonlyMap<string, (date: Date) => string> = new Map<string, (date: Date) => string>([
  ['Y', (date) => String(date.getFullYear())],
  ['y', (date) => two(date.getFullYear() % 100)],
  ['m', (date) => two(date.getMonth() + 1)],
  ['d', (date) => two(date.getDate())],
  ['e', (date) => String(date.getDate()).padStart(2)],
  ['H', (date) => two(date.getHours())],
  ['I', (date) => two(hour12(date))],
  ['M', (date) => two(date.getMinutes())],
  ['S', (date) => two(date.getSeconds())],
  ['f', (date) => String(date.getMilliseconds()).padStart(3, '0').padEnd(6, '0')],
  ['p', (date) => (date.getHours() < 12 ? 'AM' : 'PM')],
  ['B', (date) => MONTHS[date.getMonth()]!],
  ['b', (date) => MONTHS[date.getMonth()]!.slice(0, 3)],
  ['h', (date) => MONTHS[date.getMonth()]!.slice(0, 3)],
  ['A', (date) => DAYS[date.getDay()]!],
  ['a', (date) => DAYS[date.getDay()]!.slice(0, 3)],
  ['w', (date) => String(date.getDay())],
  ['u', (date) => String(date.getDay() || 7)],
  ['j', (date) => String(dayOfYear(date)).padStart(3, '0')],
  ['F', (date) => strftime(date, '%Y-%m-%d')],
  ['D', (date) => strftime(date, '%m/%d/%y')],
  ['T', (date) => strftime(date, '%H:%M:%S')],
  ['R', (date) => strftime(date, '%H:%M')],
  ['c', (date) => strftime(date, '%a %b %e %H:%M:%S %Y')],
  ['x', (date) => strftime(date, '%m/%d/%y')],
  ['X', (date) => strftime(date, '%H:%M:%S')],
  // Python's local time has no zone.
  ['z', () => ''],
  ['Z', () => ''],
  ['n', () => '\n'],
  ['t', () => '\t'],
  ['%', () => '%'],
])

/** Further fields of Linux: weeks, other calendars, seconds since the epoch, and so on. */
const OTHERS = 'UVWGgCsEOklPr_0^#'

/**
 * Python's strftime in the C locale, so a prompt does not depend on the machine's language. As on Linux, `%-d` and the like drop leading
 * zeros, and unknown fields stay as they are.
 *
 * @throws Error for a field that is not supported
 */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)(.)/gsu, (written, dash: string, letter: string) => {
    const field = FIELDS.get(letter)?.(date)
    if (OTHERS.includes(letter)) throw new Error(`the field \`${written}\` of strftime_now is not supported`)
    if (field === undefined) return written
    return dash === '-' ? field.replace(/^[0 ]+(?=\d)/, '') : field
  })
}
