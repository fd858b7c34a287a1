import { type Chunk, continuedFrom, emptyReply, type ShownReply, withChunk } from './reply.js'
import type { Side } from './request.js'
import type { ServerInfo } from './serverInfo.js'
import { fittedTo, type PageSettings } from './settings.js'

export type Replies = Readonly<Record<Side, ShownReply>>

/** Replies and the settings that they were made with. */
export type ShownRun = Readonly<{
  settings: PageSettings
  replies: Replies
  /** The language model of a recorded run. Only the same one can continue it. */
  recordedOf?: string
}>

export type Session = Readonly<{
  settings: PageSettings
  run: ShownRun
  /** Runs to go back to, the latest last. */
  past: readonly ShownRun[]
  server?: ServerInfo
  /** A line about the page itself. */
  notice?: string
}>

export type Action =
  | Readonly<{ type: 'server'; server: ServerInfo }>
  | Readonly<{ type: 'notice'; notice: string | undefined }>
  | Readonly<{ type: 'change'; change: Partial<PageSettings> }>
  | Readonly<{ type: 'show'; run: ShownRun }>
  | Readonly<{ type: 'start' }>
  | Readonly<{ type: 'continue'; side: Side; index: number; chosen: number }>
  | Readonly<{ type: 'chunk'; side: Side; chunk: Chunk }>
  | Readonly<{ type: 'end'; side: Side; status: 'stopped' | 'failed'; error?: string }>
  | Readonly<{ type: 'undo' }>

const MOST_PAST = 50

const running: ShownReply = { status: 'running', tokens: [] }

export const firstSession = (settings: PageSettings): Session => ({
  settings,
  run: { settings, replies: { greedy: emptyReply, guided: emptyReply } },
  past: [],
})

export const isRunning = ({ run }: Session): boolean => Object.values(run.replies).some(({ status }) => status === 'running')

/** The session after something happened. */
export function next(session: Session, action: Action): Session {
  const { settings, run, past } = session
  const withReply = (side: Side, reply: ShownReply): Session => ({
    ...session,
    run: { ...run, replies: { ...run.replies, [side]: reply } },
  })
  switch (action.type) {
    case 'server':
      return { ...session, server: action.server, settings: fittedTo(settings, action.server) }
    case 'notice':
      return { ...session, notice: action.notice }
    case 'change':
      return { ...session, settings: { ...settings, ...action.change } }
    case 'show':
      // A reader may have started a run before the recorded one came.
      return isEmpty(run) ? { ...session, run: action.run } : session
    case 'start':
      return {
        ...session,
        past: remembered(session),
        run: { settings, replies: { greedy: running, guided: running } },
        notice: undefined,
      }
    case 'continue': {
      const reply = continuedFrom(run.replies[action.side], action.index, action.chosen)
      return { ...withReply(action.side, reply), past: remembered(session), notice: undefined }
    }
    case 'chunk':
      return run.replies[action.side].status === 'running'
        ? withReply(action.side, withChunk(run.replies[action.side], action.chunk))
        : session
    case 'end': {
      const reply = run.replies[action.side]
      const { status, error } = action
      return reply.status === 'running'
        ? withReply(action.side, { ...reply, status, ...(error !== undefined && { error }) })
        : session
    }
    case 'undo': {
      const before = past.at(-1)
      return before === undefined ? session : { ...session, run: before, settings: before.settings, past: past.slice(0, -1) }
    }
  }
}

/** The past with the current run, its unfinished replies as they are. */
function remembered({ run, past }: Session): readonly ShownRun[] {
  if (isEmpty(run)) return past
  const { greedy, guided } = run.replies
  const replies = { greedy: halted(greedy), guided: halted(guided) }
  return [...past, { ...run, replies }].slice(-MOST_PAST)
}

const isEmpty = ({ replies }: ShownRun): boolean => Object.values(replies).every(({ status }) => status === 'empty')

const halted = (reply: ShownReply): ShownReply => (reply.status === 'running' ? { ...reply, status: 'stopped' } : reply)
