const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const two = (value: number): string => String(value).padStart(2, '0')

const FIELDS: ReadonlyMap<string, (date: Date) => string> = new Map<string, (date: Date) => string>([
  ['Y', (date) => String(date.getFullYear())],
  ['y', (date) => two(date.getFullYear() % 100)],
  ['m', (date) => two(date.getMonth() + 1)],
  ['d', (date) => two(date.getDate())],
  ['H', (date) => two(date.getHours())],
  ['M', (date) => two(date.getMinutes())],
  ['S', (date) => two(date.getSeconds())],
  ['B', (date) => MONTHS[date.getMonth()]!],
  ['b', (date) => MONTHS[date.getMonth()]!.slice(0, 3)],
  ['A', (date) => DAYS[date.getDay()]!],
  ['a', (date) => DAYS[date.getDay()]!.slice(0, 3)],
  ['%', () => '%'],
])

/** Python's strftime in its C locale: a rendered prompt does not depend on the language of the machine. */
export const strftime = (date: Date, format: string): string =>
  format.replace(/%([A-Za-z%])/g, (written, letter: string) => FIELDS.get(letter)?.(date) ?? written)
