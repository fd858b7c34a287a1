import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Serves the embedded models with the built command on a free port, for as long as `use` takes. */
export async function serveEmbedded(use) {
  const args = ['serve', '--port', '0', '--lm', 'data/models/chat-lm', '--reward', 'data/models/chat-rm']
  const server = spawn(process.execPath, ['dist/src/cli/main.js', ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(server, 'close')
  let said = ''
  server.stderr.setEncoding('utf8')
  try {
    const url = await new Promise((resolve, reject) => {
      server.stderr.on('data', (text) => {
        said += text
        const found = said.match(/http:\/\/\S+/)
        if (found) resolve(found[0])
      })
      server.once('close', () => reject(new Error(`The server ended: ${said}`)))
    })
    return await use(url)
  } finally {
    server.kill()
    await ended
  }
}
