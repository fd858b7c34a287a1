import { bind, integerArgument, textArgument } from '../arguments.js'
import { str } from '../text.js'
import { Dict, Func, iterate, type JinjaValue, type Kwargs, Namespace, Range } from '../values.js'

/** The limit of Jinja's sandbox. */
const LONGEST_RANGE = 100_000

function range(args: readonly JinjaValue[], kwargs: Kwargs): Range {
  if (kwargs.size > 0 || args.length === 0 || args.length > 3) throw new TypeError('range() expects 1 to 3 numbers')
  const numbers = args.map((arg) => integerArgument('range', arg, 0))
  const [from = 0, to = 0, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers
  if (step === 0) throw new RangeError('range() arg 3 must not be zero')
  const length = Math.max(0, Math.ceil((to - from) / step))
  if (length > LONGEST_RANGE) throw new RangeError(`range() of ${length} numbers, at most ${LONGEST_RANGE} are allowed`)
  const text = step === 1 ? `range(${from}, ${to})` : `range(${from}, ${to}, ${step})`
  return new Range(
    text,
    Array.from({ length }, (_, index) => BigInt(from + index * step)),
  )
}

function dict(args: readonly JinjaValue[], kwargs: Kwargs): Dict {
  const [first] = bind('dict', ['iterable'], args, new Map())
  const entries = first instanceof Dict ? first.entries : first === undefined ? [] : Array.from(iterate(first), pairOf)
  return new Dict([...entries, ...kwargs])
}

function pairOf(value: JinjaValue): readonly [JinjaValue, JinjaValue] {
  const [key, inner, ...more] = iterate(value)
  if (key === undefined || inner === undefined || more.length > 0) throw new TypeError('dict() expects pairs of keys and values')
  return [key, inner]
}

function namespace(args: readonly JinjaValue[], kwargs: Kwargs): Namespace {
  const made = new Namespace()
  for (const [key, value] of dict(args, kwargs).entries) {
    if (str(key).startsWith('_'))
      throw new Error(`Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${str(key)}'`)
    made.values.set(str(key), value)
  }
  return made
}

function joiner(args: readonly JinjaValue[], kwargs: Kwargs): Func {
  const [between = ', '] = bind('joiner', ['sep'], args, kwargs)
  let isUsed = false
  return new Func('joiner', () => {
    const text = isUsed ? between : ''
    isUsed = true
    return text
  })
}

const unsupported = (name: string): Func =>
  new Func(name, () => {
    throw new Error(`the function ${name}() is not supported`)
  })

/** The global functions and variables. `tell` is `strftime_now`, and `refuse` is `raise_exception`. */
export function globals(tell: (format: string) => string, refuse: (reason: string) => never): [string, JinjaValue][] {
  return [
    ['range', new Func('range', range)],
    ['dict', new Func('dict', dict)],
    ['namespace', new Func('namespace', namespace)],
    ['joiner', new Func('joiner', joiner)],
    ['cycler', unsupported('cycler')],
    ['lipsum', unsupported('lipsum')],
    [
      'strftime_now',
      new Func('strftime_now', (args, kwargs) =>
        tell(textArgument('strftime_now', bind('strftime_now', ['format'], args, kwargs, 1)[0])),
      ),
    ],
    [
      'raise_exception',
      new Func('raise_exception', (args, kwargs) => refuse(str(bind('raise_exception', ['message'], args, kwargs, 1)[0]!))),
    ],
  ].map(([name, value]) => [name as string, value as JinjaValue])
}
