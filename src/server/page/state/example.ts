import { chunkParser, errorOf } from './readReply.js'
import { emptyReply, type Reply, withChunk } from './reply.js'
import type { Side } from './request.js'
import type { Run } from './session.js'
import type { Settings } from './settings.js'

/** A run that record.mjs has recorded: the settings, and the text of both streams. */
export type Example = Readonly<{ lm: string; settings: Settings; streams: Readonly<Record<Side, string>> }>

export function runOf({ lm, settings, streams }: Example): Run {
  return { settings, replies: { greedy: replyOf(streams.greedy), guided: replyOf(streams.guided) }, recordedOf: lm }
}

function replyOf(stream: string): Reply {
  let reply: Reply = { ...emptyReply, status: 'running' }
  const parser = chunkParser((chunk) => {
    reply = withChunk(reply, chunk)
  })
  parser.feed(stream)
  return reply
}

/** The run that a first visit shows, recorded from the embedded models. */
export async function readExample(): Promise<Run> {
  const response = await fetch('example.json')
  if (!response.ok) throw await errorOf(response)
  return runOf((await response.json()) as Example)
}
