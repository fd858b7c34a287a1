import type * as z from 'zod'
import { OptionError } from '../../src/core/errors.js'
import { parseOptions } from '../../src/core/parseOptions.js'

/** Options with all defaults filled in. */
export type Filled<Options> = Readonly<{ [K in keyof Options]-?: Exclude<Options[K], undefined> }>

/**
 * Makes a factory that checks its options when it is called: `make` gets them with their defaults. Plain JavaScript may pass anything, so
 * an unknown key, a value of the wrong kind and options that are no object are refused.
 *
 * @param name the factory's name in messages
 * @returns a factory that throws OptionError
 */
export const withOptions =
  <Options extends object, Made>(
    name: string,
    schema: z.ZodType<Filled<Options>, Options>,
    make: (options: Filled<Options>) => Made,
  ): ((options?: Options) => Made) =>
  (options) => {
    if (looksLikeModels(options))
      throw new OptionError(`Expected \`${name}\` to be called, such as ${name}(), got the function itself`)
    return make(parseOptions(schema, options === undefined ? {} : options, name))
  }

/** A factory that stands where its decoder belongs is called with the models. */
const looksLikeModels = (options: unknown): boolean =>
  typeof options === 'object' && options !== null && 'lm' in options && 'rewards' in options
