import { type ColourScale, levelOf, shownReward } from '../state/colour.js'
import { isOverruled, replySoFar, type ShownReply } from '../state/reply.js'
import type { Side } from '../state/request.js'
import type { PageSettings } from '../state/settings.js'
import { CopyButton } from './CopyButton.js'
import { figure, titleOf, weightedSum } from './format.js'
import type { Place } from './place.js'
import { Tokens } from './Tokens.js'

export type ReplyPanelProps = Readonly<{
  side: Side
  reply: ShownReply
  /** Those that the reply was made with. */
  settings: PageSettings
  /** What the decoder does, in words. */
  about: string | undefined
  scale: ColourScale
  place: Place | undefined
  keep: (place: Place) => void
  point: (place: Place | undefined) => void
  change: (change: Partial<PageSettings>) => void
}>

/** One of the two replies: its rule, its tokens, its reward. */
export function ReplyPanel({ side, reply, settings, about, scale, place, keep, point, change }: ReplyPanelProps) {
  const { tokens, status, rewards, error } = reply
  const name = titleOf(side, settings)
  const overruled = tokens.filter(isOverruled).length
  return (
    <article class={`reply ${side}`} aria-label={name}>
      <div class="head">
        <h3>{name}</h3>
        <p class="rule">{ruleOf(side, settings, about)}</p>
        <p class="rewards">
          {settings.rewards.map(({ name: reward }) => (
            <span key={reward}>
              {reward} <b>{figure(rewards?.[reward] ?? tokens.at(-1)?.rewards[reward])}</b>
            </span>
          ))}
        </p>
      </div>
      <div class="text" aria-busy={status === 'running'}>
        {tokens.length > 0 && (
          <Tokens
            {...{ side, tokens, point, keep }}
            running={status === 'running'}
            label={`Tokens of ${name}`}
            current={place?.side === side ? place.index : undefined}
            levelOf={(token) => {
              const reward = shownReward(token, settings.rewards)
              return reward === undefined ? undefined : levelOf(reward, scale)
            }}
            rewardOf={(token) => figure(shownReward(token, settings.rewards))}
          />
        )}
        {status === 'running' && <span class="caret" aria-hidden="true" />}
        {status === 'empty' && <span class="quiet">Nothing yet.</span>}
      </div>
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <div class="foot">
        <p role="status">
          {statusOf(reply)}
          {overruled > 0 && ` · reward overruled ${overruled}`}
        </p>
        {settings.mode === 'chat' && status === 'finished' && (
          <button
            type="button"
            onClick={() =>
              change({
                mode: 'chat',
                messages: [
                  ...settings.messages,
                  { role: 'assistant', content: replySoFar(reply).trim() },
                  { role: 'user', content: '' },
                ],
              })
            }
          >
            Reply
          </button>
        )}
        <CopyButton name="Copy" text={() => replySoFar(reply)} disabled={tokens.length === 0} />
      </div>
    </article>
  )
}

function ruleOf(side: Side, { decoder, rewards, temperature }: PageSettings, about: string | undefined): string {
  if (side === 'greedy') return 'highest logit'
  if (decoder !== 'args') return about ?? ''
  return `${temperature > 0 ? 'sampled by' : 'highest'} ${weightedSum(rewards)}`
}

function statusOf({ status, reason, tokens }: ShownReply): string {
  const count = `${tokens.length} ${tokens.length === 1 ? 'token' : 'tokens'}`
  if (status === 'finished') return `${count} · ${reason === 'length' ? 'stopped at the limit' : 'ended by the model'}`
  if (status === 'stopped') return `${count} · stopped`
  if (status === 'failed') return `${count} · failed`
  return status === 'running' ? 'Writing…' : ''
}
