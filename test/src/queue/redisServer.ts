import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const isThere = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const program = ['valkey-server', 'redis-server'].find(isThere)

/** Why tests with a server are skipped; undefined if there is one. */
export const noRedis = program === undefined ? 'neither valkey-server nor redis-server is installed' : undefined

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

export type RedisServer = Readonly<{
  url: string
  port: number
  /** Ends the server by kill -9 and starts it again with what it had written. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}>

/** Starts a real server on a free port, which keeps its data in a temporary folder. */
export async function redisServer(flags: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'rxargs-redis-'))
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', '', ...flags]
  const start = async (): Promise<ChildProcess> => {
    const started = spawn(program!, args, { stdio: 'ignore' })
    while (!(await answers(port))) {
      if (started.exitCode !== null) throw new Error(`${program} ended with code ${started.exitCode}`)
      await sleep(20)
    }
    return started
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  let child = await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    async restart() {
      await kill()
      child = await start()
    },
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
