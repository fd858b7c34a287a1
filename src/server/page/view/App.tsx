import { useLayoutEffect, useState } from 'preact/hooks'
import { colourScale } from '../state/colour.js'
import { problemOf } from '../state/problemOf.js'
import { isOverruled } from '../state/reply.js'
import { sides } from '../state/request.js'
import { isRunning, type Replies } from '../state/session.js'
import type { PageSettings } from '../state/settings.js'
import { CandidateTable } from './CandidateTable.js'
import { Composer } from './Composer.js'
import { Header, Introduction } from './Header.js'
import { KeyForm } from './KeyForm.js'
import { Legend } from './Legend.js'
import type { Place } from './place.js'
import { ReplyPanel } from './ReplyPanel.js'
import { RewardPlot } from './RewardPlot.js'
import { SettingsPanel } from './SettingsPanel.js'
import { useSession } from './useSession.js'

/** Where the candidates are of interest before a reader has looked: the reward's first change of a choice. */
function firstPlace({ guided, greedy }: Replies): Place | undefined {
  const index = guided.tokens.findIndex(isOverruled)
  if (index >= 0) return { side: 'guided', index }
  if (guided.tokens.length > 0) return { side: 'guided', index: 0 }
  return greedy.tokens.length > 0 ? { side: 'greedy', index: 0 } : undefined
}

export function App() {
  const { session, needsKey, change, run, stop, undo, continueFrom, useKey } = useSession()
  const [kept, setKept] = useState<Place>()
  const [pointed, setPointed] = useState<Place>()
  const [refused, setRefused] = useState(false)
  const { server, settings, notice, past } = session
  const { replies, settings: made, recordedOf } = session.run
  const canContinue = server !== undefined && (recordedOf === undefined || recordedOf === server.lm)
  const running = isRunning(session)
  const exists = (place: Place | undefined) => place && replies[place.side].tokens[place.index] && place
  const place = exists(pointed) ?? exists(kept) ?? firstPlace(replies)
  const scale = colourScale([replies.greedy, replies.guided], made.rewards)
  const problem = problemOf(settings, server)
  const start = (): void => {
    setRefused(problem !== undefined)
    if (problem !== undefined) return
    setKept(undefined)
    run()
  }

  // A key right after a change must find that change: an ordinary effect runs a frame later.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && running) stop()
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) start()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  })

  return (
    <>
      <Header server={server} />
      <main>
        <Introduction />
        {notice !== undefined && (
          <p class="notice" role="alert">
            {notice}
          </p>
        )}
        {needsKey && <KeyForm onKey={useKey} />}
        <div class="columns">
          <div class="work">
            <Composer
              {...{ settings, running, change, stop, undo }}
              run={start}
              canUndo={past.length > 0}
              problem={refused ? problem : undefined}
            />
            <section aria-labelledby="replies">
              <h2 id="replies" class="visually-hidden">
                Replies
              </h2>
              {recordedOf !== undefined && (
                <p class="hint">
                  A recorded example: the embedded models, of 5.5 and 7.0 million parameters, answered “{promptOf(made)}”. Press
                  Run for your own.
                </p>
              )}
              <div class="pair">
                {sides.map((side) => (
                  <ReplyPanel
                    key={side}
                    {...{ side, settings: made, scale, place, change }}
                    about={server?.decoders.find(({ name }) => name === made.decoder)?.about}
                    reply={replies[side]}
                    keep={setKept}
                    point={setPointed}
                  />
                ))}
              </div>
              <Legend scale={scale} rewards={made.rewards} />
            </section>
            <div class="pair">
              <CandidateTable
                {...{ place, scale, settings: made }}
                token={place && replies[place.side].tokens[place.index]}
                canContinue={canContinue && place !== undefined && replies[place.side].status !== 'running'}
                take={(chosen) => {
                  if (place === undefined) return
                  setKept(place)
                  setPointed(undefined)
                  continueFrom(place.side, place.index, chosen)
                }}
              />
              <RewardPlot {...{ replies, place }} settings={made} point={setPointed} keep={setKept} />
            </div>
          </div>
          <SettingsPanel {...{ settings, server, change }} />
        </div>
      </main>
    </>
  )
}

const promptOf = ({ mode, prompt, messages }: PageSettings): string =>
  mode === 'chat' ? (messages.at(-1)?.content ?? '') : prompt
