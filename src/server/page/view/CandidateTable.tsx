import { type ColourScale, levelOf, shownReward } from '../state/colour.js'
import { carriesReward, isWeightedSum, type ShownToken } from '../state/reply.js'
import type { PageSettings } from '../state/settings.js'
import { figure, titleOf, visible, weightedSum } from './format.js'
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
  const rewards = settings.rewards.filter(({ name }) => token && carriesReward(token, name))
  const rule = place?.side === 'guided' && token && ruleOf(token, rewards)
  return (
    <section class="candidates" aria-labelledby="candidates">
      <div class="bar">
        <h2 id="candidates">Candidates{place && ` at token ${place.index + 1}`}</h2>
        <p class="quiet">{place && `of ${titleOf(place.side, settings)}`}</p>
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
                {rewards.map(({ name }) => (
                  <th scope="col" key={name}>
                    {settings.rewards.length > 1 ? name : 'Reward'}
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
      {rule && <p class="quiet">{rule}</p>}
      {token && <p class="quiet">Press a candidate to continue the reply from it.</p>}
    </section>
  )
}

/** How the score comes about, where it is the weighted sum. Other decoders have scores of their own. */
function ruleOf(token: ShownToken, rewards: PageSettings['rewards']): string | undefined {
  const weights = Object.fromEntries(rewards.map(({ name, weight }) => [name, weight]))
  return rewards.length > 0 && isWeightedSum(token, weights) ? `Score = ${weightedSum(rewards)}` : undefined
}

function tagsOf({ chosen, picked }: ShownToken, index: number): readonly string[] {
  return [...(index === chosen ? [picked ? 'your choice' : 'taken'] : []), ...(index === 0 ? ['greedy'] : [])]
}
