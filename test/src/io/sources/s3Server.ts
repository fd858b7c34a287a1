import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'

type Server = Readonly<{
  configureBuckets: () => Promise<unknown>
  callback: () => (request: unknown, response: unknown) => void
}>
type ServerClass = new (options: Readonly<Record<string, unknown>>) => Server

/** Starts a real S3 server with the bucket `data` on this machine, and sets the environment that S3 clients read. */
export async function s3Server(): Promise<Readonly<{ close: () => Promise<void> }>> {
  const directory = await mkdtemp(join(tmpdir(), 'rxargs-s3-'))
  const S3rver = createRequire(import.meta.url)('s3rver') as ServerClass
  const s3 = new S3rver({ silent: true, directory, configureBuckets: [{ name: 'data' }] })
  await s3.configureBuckets()
  const http = createServer(s3.callback())
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'S3RVER')
  return {
    close: async () => {
      http.closeAllConnections()
      http.close()
      vi.unstubAllEnvs()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
