import { RemoteError } from '../../core/errors.js'

export const isHttp = (text: string): boolean => /^https?:\/\//i.test(text)

/**
 * An address, checked.
 *
 * @throws RemoteError unless it is http or https and has neither user nor password in it
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

/** An address as it is said and written: without user, password and query, any of which may be a secret. */
export function saidAddress(url: string): string {
  const { origin, pathname, search } = new URL(url)
  return `${origin}${pathname}${search === '' ? '' : '?…'}`
}
