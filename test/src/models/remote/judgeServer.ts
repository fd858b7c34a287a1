import { type Behaviour as Bad, jsonServer } from './jsonServer.js'

/** How a request is answered: with a text and its usage, or badly. */
export type Behaviour = Readonly<{ text: string; tokens?: number }> | Bad

type Body = Readonly<{ model: string; messages: { role: string; content: string }[] }>
export type Asked = Readonly<{ path: string; authorization: string | undefined }> & Body

/** A chat model on 127.0.0.1 that does as it is told: `behave` is asked for each request, with its number from 0. */
export async function judgeServer(behave: (asked: Asked, number: number) => Behaviour) {
  const requests: Asked[] = []
  const server = await jsonServer<Body>(({ path, authorization, body: { model, messages } }) => {
    const asked = { path, authorization, model, messages }
    const how = behave(asked, requests.push(asked) - 1)
    if (!('text' in how)) return how
    const usage = how.tokens === undefined ? {} : { usage: { total_tokens: how.tokens } }
    return { body: JSON.stringify({ choices: [{ message: { role: 'assistant', content: how.text } }], ...usage }) }
  })
  return { ...server, url: `${server.url}/v1`, requests }
}
export type JudgeServer = Awaited<ReturnType<typeof judgeServer>>
