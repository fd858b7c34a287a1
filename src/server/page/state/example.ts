import { answerError, chunkParser } from './readReply.js'
import { emptyReply, type ShownReply, withChunk } from './reply.js'
import type { Side } from './request.js'
import type { ShownRun } from './session.js'
import type { PageSettings } from './settings.js'

/** A recorded run: its settings, and the text of both streams. `npm run picture:example` writes it. */
export type Example = Readonly<{ lm: string; settings: PageSettings; streams: Readonly<Record<Side, string>> }>

export function exampleRun({ lm, settings, streams }: Example): ShownRun {
  return { settings, replies: { greedy: replyOf(streams.greedy), guided: replyOf(streams.guided) }, recordedOf: lm }
}

function replyOf(stream: string): ShownReply {
  let reply: ShownReply = { ...emptyReply, status: 'running' }
  const parser = chunkParser((chunk) => {
    reply = withChunk(reply, chunk)
  })
  parser.feed(stream)
  return reply
}

/** The run that a first visit shows, recorded from the embedded models. */
export async function readExample(): Promise<ShownRun> {
  const response = await fetch('example.json')
  if (!response.ok) throw await answerError(response)
  return exampleRun((await response.json()) as Example)
}
