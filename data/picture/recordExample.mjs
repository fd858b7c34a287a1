/** Records the example of the playground's first visit from the embedded models: `npm run picture:example`. */
import { writeFileSync } from 'node:fs'
import { serveEmbedded } from './serveEmbedded.mjs'

const root = new URL('../../', import.meta.url)
const page = 'src/server/page'
const state = (name) => import(new URL(`dist/${page}/state/${name}.js`, root).href)

const { defaultSettings, fittedTo } = await state('settings')
const { requestOf, sides } = await state('request')
const { serverInfoOf } = await state('serverInfo')

/** Drops from events what differs from run to run, and rounds numbers to six digits, which float32 has on every machine. */
const withoutNoise = (stream) =>
  stream.replace(/^data: (\{.*)$/gm, (_, json) => {
    const { choices } = JSON.parse(json)
    return `data: ${JSON.stringify({ choices }, (_key, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value))}`
  })

await serveEmbedded(async (url) => {
  const server = serverInfoOf(await (await fetch(`${url}/v1/models`)).json())
  const settings = fittedTo(defaultSettings, server)
  const streams = {}
  for (const side of sides) {
    const { path, body } = requestOf(settings, side, server, [])
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(await response.text())
    streams[side] = withoutNoise(await response.text())
  }
  writeFileSync(new URL(`${page}/example.json`, root), `${JSON.stringify({ lm: server.lm, settings, streams })}\n`)
})
