import { OptionError } from '../../src/core/errors.js'

/** @throws OptionError for a source of prompts that is not iterable, which JavaScript programs can pass */
export function checkIterable(source: unknown): void {
  const isObject = typeof source === 'object' && source !== null
  if (!isObject || !(Symbol.asyncIterator in source || Symbol.iterator in source))
    throw new OptionError(`Expected the prompts to be iterable, such as fromFile(…), got \`${String(source)}\``)
}

/** Generators that a run has begun to read. A generator itself does not tell whether it is used up. */
const begun = new WeakSet<object>()

/** Generators, and iterators of the language such as `list.values()`. */
const READ_ONCE = /^\[object ((Async)?Generator|.+ Iterator|Iterator Helper)\]$/

/**
 * Marks a source as read by a run. A generator gives its prompts once, and a second run over it would end without rows and without an error.
 *
 * @throws OptionError for a generator that a run has read
 */
export function beginReading(source: object): void {
  if (!READ_ONCE.test(Object.prototype.toString.call(source))) return
  if (begun.has(source))
    throw new OptionError(
      'Expected prompts that nobody has read, got a generator or an iterator that a run has read already. Make a new one for each run',
    )
  begun.add(source)
}
