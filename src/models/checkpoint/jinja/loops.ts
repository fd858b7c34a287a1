import { equals } from './operators.js'
import { Func, type JinjaValue, Loop, Tuple, Undefined, valueOr } from './values.js'

/** The variable `loop` for each item. */
export function loopsOf(items: readonly JinjaValue[]): (index: number) => Loop {
  const { length } = items
  let before: JinjaValue | undefined
  const changed = new Func('loop.changed', (args) => {
    const now = new Tuple(args)
    const isChanged = before === undefined || !equals(before, now)
    before = now
    return isChanged
  })
  return (index) => {
    const cycle = new Func('loop.cycle', (args) => {
      if (args.length === 0) throw new TypeError('no items for cycling given')
      return args[index % args.length]!
    })
    const number = (value: number) => BigInt(value)
    return new Loop(
      new Map<string, JinjaValue>([
        ...([
          ['index', number(index + 1)],
          ['index0', number(index)],
        ] as const),
        ...([
          ['revindex', number(length - index)],
          ['revindex0', number(length - index - 1)],
        ] as const),
        ...([
          ['first', index === 0],
          ['last', index === length - 1],
          ['length', number(length)],
        ] as const),
        ['previtem', valueOr(items[index - 1], new Undefined('there is no previous item'))],
        ['nextitem', valueOr(items[index + 1], new Undefined('there is no next item'))],
        ...([
          ['depth', 1n],
          ['depth0', 0n],
          ['cycle', cycle],
          ['changed', changed],
        ] as const),
      ]),
    )
  }
}
