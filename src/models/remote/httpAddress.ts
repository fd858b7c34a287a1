import { RemoteError } from '../../core/errors.js'

export const isHttp = (text: string): boolean => /^https?:\/\//i.test(text)

/**
 * Checks an address.
 *
 * @throws RemoteError unless it is http or https without user and password
 */
export function httpAddress(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined
  if (!address || !isHttp(address.href))
    throw new RemoteError(`Expected an http(s) address, got \`${url.replace(/\/\/[^/]*@/, '//…@')}\``, true)
  if (address.username !== '' || address.password !== '')
    throw new RemoteError(
      `Expected an address without user and password, got one of them in ${redactAddress(url)}: put the key in an environment variable`,
      true,
    )
  return address
}

/** Removes user, password and query from an address, because each may be a secret. Messages and files show the result. */
export function redactAddress(url: string): string {
  const { origin, pathname, search } = new URL(url)
  return `${origin}${pathname}${search === '' ? '' : '?…'}`
}
