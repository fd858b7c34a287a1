import { messageOf, OptionError } from '../../core/errors.js'
import { httpAddress, isHttp, redactAddress } from '../../models/remote/httpAddress.js'

/**
 * Reads the name and address of a reward's server. `path` is the address without secrets, for messages.
 *
 * @throws OptionError for a wrong address, one that holds a password, or one without a name
 */
export function readServer({ name, path: url }: Readonly<{ name?: string | undefined; path: string }>) {
  try {
    httpAddress(url)
  } catch (error) {
    throw new OptionError(messageOf(error))
  }
  const path = redactAddress(url)
  if (name === undefined) throw new OptionError(`Expected a reward behind HTTP to have a name, NAME=${path}, got none`)
  return { name, path, url }
}

/** Flags whose model may be a server. */
const MODEL_FLAGS: readonly (string | undefined)[] = ['--lm', '--reward', '--reward-model', '--judge']

/** Whether a command line, which nobody has checked yet, names a model behind HTTP. */
export const namesServer = (args: readonly string[]): boolean =>
  args.some((arg, index) => {
    const [, flag, value = args[index + 1] ?? ''] = arg.match(/^(--[a-z-]+)(?:=(.*))?$/s) ?? []
    return MODEL_FLAGS.includes(flag) && isHttp(value.replace(/^[\w-]+=/, ''))
  })
