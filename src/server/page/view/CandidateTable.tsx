import { type ColourScale, levelOf, shownReward } from '../state/colour.js'
import type { ShownToken } from '../state/reply.js'
import type { PageSettings } from '../state/settings.js'
import { figure, plain, visible } from './format.js'
import type { Place } from './place.js'

export type CandidateTableProps = Readonly<{
  place: Place | undefined
  token: ShownToken | undefined
  settings: PageSettings
  scale: ColourScale
  canContinue: boolean
  take: (chosen: number) => void
}>

/** The candidates of one token, the likeliest first: what the decoder chose from, and what greedy decoding would have taken. */
export function CandidateTable({ place, token, settings, scale, canContinue, take }: CandidateTableProps) {
  const { rewards } = settings
  return (
    <section class="candidates" aria-labelledby="candidates">
      <div class="bar">
        <h2 id="candidates">Candidates{place && ` at token ${place.index + 1}`}</h2>
        <p class="quiet">
          {place && (place.side === 'greedy' ? 'of Greedy' : `of ${settings.decoder === 'args' ? 'ARGS' : settings.decoder}`)}
        </p>
      </div>
      {token === undefined ? (
        <p class="quiet">Point at a token to see what it was chosen from.</p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Token</th>
                <th scope="col">Logit</th>
                {rewards.map(({ name, weight }) => (
                  <th scope="col" key={name}>
                    {rewards.length > 1 ? name : 'Reward'}
                    {place?.side === 'guided' && <span class="times"> × {plain(weight)}</span>}
                  </th>
                ))}
                <th scope="col">Score</th>
                <th scope="col">
                  <span class="visually-hidden">Taken by</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {token.candidates.map((candidate, index) => {
                const reward = shownReward(candidate, rewards)
                return (
                  <tr key={candidate.id} class={index === token.chosen ? 'chosen' : ''}>
                    <th scope="row">
                      <button
                        type="button"
                        class="candidate"
                        disabled={!canContinue}
                        title="Continue from this candidate"
                        aria-label={`Continue from “${candidate.text}”`}
                        onClick={() => take(index)}
                      >
                        {visible(candidate.text) || '∎'}
                      </button>
                    </th>
                    <td>{figure(candidate.logit)}</td>
                    {rewards.map(({ name }) => (
                      <td key={name}>
                        <span
                          class="swatch"
                          data-level={rewards.length > 1 || reward === undefined ? undefined : levelOf(reward, scale)}
                        >
                          {figure(candidate.rewards[name])}
                        </span>
                      </td>
                    ))}
                    <td class="score">{figure(candidate.score)}</td>
                    <td class="tags">{tagsOf(token, index).join(', ')}</td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      )}
      {token && <p class="quiet">Press a candidate to continue the reply from it.</p>}
    </section>
  )
}

function tagsOf({ chosen, picked }: ShownToken, index: number): readonly string[] {
  return [...(index === chosen ? [picked ? 'your choice' : 'taken'] : []), ...(index === 0 ? ['greedy'] : [])]
}
