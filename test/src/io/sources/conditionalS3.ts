import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

const found = (name: string): string | undefined =>
  [process.env.RXARGS_S3_SERVERS ?? '', ...(process.env.PATH ?? '').split(delimiter)]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

const [versitygw, moto] = [found('versitygw'), found('moto_server')]

/** Real servers of S3 that keep the conditions of writes, which s3rver does not. */
export const server = versitygw ?? moto
export const WITHOUT_SERVER = 'neither versitygw nor moto_server on the PATH or in RXARGS_S3_SERVERS (pip install moto[server])'

/** moto answers one request after the other here: between its threads, conditions do not hold. */
const MOTO = `
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
app = DomainDispatcherApplication(create_backend_app)
run_simple('127.0.0.1', int(sys.argv[1]), app, threaded=False)
`

/** Whether the server has its objects after a restart. */
export const KEEPS_OBJECTS = versitygw !== undefined

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

export type ConditionalS3 = Readonly<{
  /** What clients need in their environment. */
  env: Readonly<Record<string, string>>
  stop: () => Promise<void>
  /** Starts the server again at its address. versitygw still has its objects, moto has none. */
  start: () => Promise<void>
  close: () => Promise<void>
}>

/** Starts a server with the bucket `data` on this machine, and sets the environment that S3 clients read. */
export async function conditionalS3(): Promise<ConditionalS3> {
  const folder = await mkdtemp(join(tmpdir(), 'rxargs-s3-'))
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const env = { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'secret' }
  Object.assign(process.env, env)
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    await mkdir(join(folder, 'objects', 'data'), { recursive: true })
    const settings = { ...process.env, ROOT_ACCESS_KEY: 'tester', ROOT_SECRET_KEY: 'secret' }
    child = versitygw
      ? spawn(versitygw, ['--quiet', '--port', `127.0.0.1:${port}`, 'posix', join(folder, 'objects')], {
          env: settings,
          stdio: 'ignore',
        })
      : spawn(join(dirname(moto!), 'python3'), ['-c', MOTO, String(port)], { stdio: 'ignore' })
    const isUp = () =>
      fetch(endpoint).then(
        () => true,
        () => false,
      )
    while (!(await isUp())) {
      if (child.exitCode !== null) throw new Error(`${server} ended with ${child.exitCode}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    if (!versitygw) await fetch(`${endpoint}/data`, { method: 'PUT' })
  }
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => child?.once('close', resolve))
    if (child?.kill('SIGKILL')) await ended
  }
  await start()
  return {
    ...{ env, start, stop },
    close: async () => {
      await stop()
      for (const name of Object.keys(env)) delete process.env[name]
      await rm(folder, { recursive: true, force: true })
    },
  }
}
