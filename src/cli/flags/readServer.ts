import { messageOf, OptionError } from '../../core/errors.js'
import { httpAddress, saidAddress } from '../../models/remote/httpAddress.js'

/**
 * A reward's server with its name; `path`: its address as it may be said, without what may be secret.
 *
 * @throws OptionError for an address that is none, or holds a password, and for one without a name
 */
export function readServer({ name, path: url }: Readonly<{ name?: string | undefined; path: string }>) {
  try {
    httpAddress(url)
  } catch (error) {
    throw new OptionError(messageOf(error))
  }
  const path = saidAddress(url)
  if (name === undefined) throw new OptionError(`Expected a reward behind HTTP to have a name, NAME=${path}, got none`)
  return { name, path, url }
}
