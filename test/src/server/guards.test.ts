import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Served, serve } from './served.js'

const KEY = 'sk-open'
const ORIGIN = 'http://localhost:5173'
let served: Served
beforeAll(async () => {
  served = await serve(undefined, { keys: [KEY, 'sk-second'], origins: [ORIGIN] })
})
afterAll(() => served.close())

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${served.url}${path}`, { headers })
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

describe('keys', () => {
  it.each(['/v1/models', '/metrics', '/v1/nowhere'])('are asked for at %s', async (path) => {
    const refused = await get(path)
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await refused.json()).toMatchObject({ error: { code: 'invalid_api_key', type: 'authentication_error' } })
    for (const wrong of ['', KEY.slice(0, -1), `${KEY}x`]) expect((await get(path, bearer(wrong))).status).toBe(401)
    expect((await get(path, bearer(KEY))).status).not.toBe(401)
    expect((await get(path, bearer('sk-second'))).status).not.toBe(401)
  })

  it.each(['/classify', '/v1/score', '/v1/chat/completions'])('are asked for at %s before a body is read', async (path) => {
    expect((await served.post(path, 'no JSON')).status).toBe(401)
  })

  it.each(['/', '/health', '/ready', '/openapi.json'])('are not asked for at %s', async (path) => {
    expect((await get(path)).status).toBe(200)
  })
})

describe('pages of other sites', () => {
  const asked = (origin: string) =>
    fetch(`${served.url}/v1/chat/completions`, {
      ...{ method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } },
    })

  it('read answers if their origin is named', async () => {
    const preflight = await asked(ORIGIN)
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, ORIGIN])
    expect((await get('/v1/models', { ...bearer(KEY), origin: ORIGIN })).headers.get('access-control-allow-origin')).toBe(ORIGIN)
  })

  it('read none otherwise', async () => {
    expect((await asked('http://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
    const closed = await serve()
    const answer = await fetch(`${closed.url}/v1/models`, { headers: { origin: ORIGIN } })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    await closed.close()
  })
})

describe('pages of the server', () => {
  it('run no script of another site and are shown in no frame', async () => {
    const { headers } = await get('/')
    expect(headers.get('content-type')).toMatch(/^text\/html/)
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })
})

describe('the description of the API', () => {
  it('tells of every route and refers to schemas that are there', async () => {
    const text = await (await get('/openapi.json')).text()
    const { paths, components } = JSON.parse(text) as {
      paths: Record<string, object>
      components: { schemas: Record<string, { additionalProperties?: boolean }> }
    }
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/v1/completions', '/v1/chat/completions', '/classify', '/v1/score']),
    )
    expect(text).not.toContain('#/$defs')
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) expect(components.schemas).toHaveProperty(name!)
    // Nothing is ignored, so no request has further fields.
    const requests = Object.entries(components.schemas).filter(([name]) => name.endsWith('Request'))
    expect(requests.map(([, schema]) => schema.additionalProperties)).toEqual([false, false, false, false])
  })
})
