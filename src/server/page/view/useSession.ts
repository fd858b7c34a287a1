import { useCallback, useEffect, useReducer, useRef, useState } from 'preact/hooks'
import { readExample } from '../state/example.js'
import { problemOf } from '../state/problemOf.js'
import { answerError, bearer, readReply, ServerError } from '../state/readReply.js'
import { type Chunk, continuedFrom } from '../state/reply.js'
import { requestOf, type Side, sides } from '../state/request.js'
import { type ServerInfo, serverInfoOf } from '../state/serverInfo.js'
import { firstSession, next, type Session } from '../state/session.js'
import { defaultSettings, fittedTo, lackOf, type PageSettings } from '../state/settings.js'
import { linkSettings } from '../state/share.js'

/** The settings of the link that opened the page, or what is wrong with them. */
function linked(): Readonly<{ settings: PageSettings; isLinked: boolean; problem?: string }> {
  if (location.hash.length < 2) return { settings: defaultSettings, isLinked: false }
  try {
    return { settings: linkSettings(location.hash), isLinked: true }
  } catch (error) {
    return { settings: defaultSettings, isLinked: false, problem: messageOf(error) }
  }
}

/** Why a link does not run here. */
const obstacleOf = (settings: PageSettings, server: ServerInfo): string | undefined =>
  lackOf(settings, server) ?? problemOf(settings, server)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** `fetch` rejects with a TypeError where nobody answers. */
const reasonOf = (error: unknown): string =>
  error instanceof TypeError ? 'The server does not answer. Start `rxargs serve` again, then run once more.' : messageOf(error)

export type SessionHandle = Readonly<{
  session: Session
  /** Whether the server asks for a key that it has not got. */
  needsKey: boolean
  change: (change: Partial<PageSettings>) => void
  run: () => void
  stop: () => void
  undo: () => void
  continueFrom: (side: Side, index: number, chosen: number) => void
  useKey: (key: string) => void
}>

type Source = Readonly<{ settings: PageSettings; server: ServerInfo; key: string | undefined }>

/** The session of the page, and what a reader can do with it. */
export function useSession(): SessionHandle {
  const [opened] = useState(linked)
  const [session, dispatch] = useReducer(next, opened.settings, firstSession)
  const [key, setKey] = useState<string>()
  const [needsKey, setNeedsKey] = useState(false)
  const streams = useRef(new Map<Side, AbortController>())

  const halt = (): void => {
    for (const stream of streams.current.values()) stream.abort()
  }

  const read = useCallback(async (side: Side, { settings, server, key }: Source, ids: readonly number[]) => {
    streams.current.get(side)?.abort()
    const controller = new AbortController()
    streams.current.set(side, controller)
    const { signal } = controller
    try {
      const onChunk = (chunk: Chunk): void => {
        if (!signal.aborted) dispatch({ type: 'chunk', side, chunk })
      }
      await readReply(requestOf(settings, side, server, ids), { key, signal, onChunk })
    } catch (error) {
      // A stream that was replaced by another one no longer speaks for its side.
      if (streams.current.get(side) !== controller) return
      if (signal.aborted) dispatch({ type: 'end', side, status: 'stopped' })
      else dispatch({ type: 'end', side, status: 'failed', error: reasonOf(error) })
      if (error instanceof ServerError && error.status === 401) setNeedsKey(true)
    }
  }, [])

  const start = (source: Source): void => {
    dispatch({ type: 'start' })
    for (const side of sides) void read(side, source, [])
  }

  const connect = async (withKey: string | undefined): Promise<ServerInfo | undefined> => {
    try {
      const response = await fetch('/v1/models', { headers: bearer(withKey) })
      if (!response.ok) throw await answerError(response)
      const server = serverInfoOf(await response.json())
      dispatch({ type: 'server', server })
      dispatch({ type: 'notice', notice: opened.problem ?? (opened.isLinked ? obstacleOf(opened.settings, server) : undefined) })
      setNeedsKey(false)
      return server
    } catch (error) {
      const asksForKey = error instanceof ServerError && error.status === 401
      if (asksForKey) setNeedsKey(true)
      // A page that has sent no key shows the form alone; a wrong key needs a line, too.
      if (!asksForKey || withKey !== undefined) dispatch({ type: 'notice', notice: reasonOf(error) })
    }
  }

  /** What a link asks for runs at once. */
  const startLinked = (server: ServerInfo | undefined, withKey?: string): void => {
    if (server && opened.isLinked && obstacleOf(opened.settings, server) === undefined)
      start({ settings: fittedTo(opened.settings, server), server, key: withKey })
  }

  useEffect(() => {
    // A link that is pasted over this one opens like any other.
    const onLink = (): void => location.reload()
    addEventListener('hashchange', onLink)
    void connect(undefined).then((server) => startLinked(server))
    if (!opened.isLinked) void readExample().then((run) => dispatch({ type: 'show', run }))
    return () => {
      removeEventListener('hashchange', onLink)
      halt()
    }
  }, [])

  return {
    session,
    needsKey,
    change: (change) => dispatch({ type: 'change', change }),
    run: () => {
      if (session.server) start({ settings: session.settings, server: session.server, key })
      else
        void connect(key).then((server) => {
          if (server) start({ settings: fittedTo(session.settings, server), server, key })
        })
    },
    stop: halt,
    undo: () => {
      halt()
      streams.current.clear()
      dispatch({ type: 'undo' })
    },
    continueFrom: (side, index, chosen) => {
      const { server, run } = session
      if (server === undefined) return
      const ids = continuedFrom(run.replies[side], index, chosen).tokens.map(({ id }) => id)
      dispatch({ type: 'continue', side, index, chosen })
      void read(side, { settings: run.settings, server, key }, ids)
    },
    useKey: (given) => {
      setKey(given)
      void connect(given).then((server) => startLinked(server, given))
    },
  }
}
