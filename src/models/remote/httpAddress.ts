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
      `Expected an address without user and password, got those in ${saidAddress(url)}: keys come from the environment`,
      true,
    )
  return address
}

/** An address for messages and files, without user, password and query, because each may be a secret. */
export function saidAddress(url: string): string {
  const { origin, pathname, search } = new URL(url)
  return `${origin}${pathname}${search === '' ? '' : '?…'}`
}
