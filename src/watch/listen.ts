import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OptionError } from '../core/errors.js'

/** Where a server listens, and the flags that say so. */
export type ListenAddress = Readonly<{ host: string; port: number; flags: Readonly<{ host: string; port: string }> }>

/**
 * Takes a port. `port` 0 takes a free one.
 *
 * @returns the server's address
 * @throws OptionError for an address that this machine does not have, and Error for a port that is taken
 */
export const listen = (server: Server, address: ListenAddress): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', (error) => reject(plainly(error, address)))
    server.listen(address.port, address.host, () => {
      const { address: bound, family, port } = server.address() as AddressInfo
      resolve(`http://${family === 'IPv6' ? `[${bound}]` : bound}:${port}`)
    })
  })

function plainly(error: NodeJS.ErrnoException, { host, port, flags }: ListenAddress): Error {
  const { code } = error
  const free = `\`${flags.port} 0\` takes a free`
  if (code === 'EADDRINUSE') return new Error(`Port ${port} of ${host} is taken by another program (EADDRINUSE); ${free} one`)
  if (code === 'EACCES') return new OptionError(`This user may not listen on port ${port} of ${host} (EACCES); ${free} one`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EINVAL')
    return new OptionError(
      `Expected \`${flags.host}\` to be an address of this machine, such as 127.0.0.1 or 0.0.0.0, got \`${host}\` (${code}); ${free} port of it`,
    )
  return error
}
