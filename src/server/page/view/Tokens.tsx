import { Fragment } from 'preact'
import { isOverruled, type ShownToken, surplusOf } from '../state/reply.js'
import type { Side } from '../state/request.js'
import type { Place } from './place.js'

export type TokensProps = Readonly<{
  side: Side
  tokens: readonly ShownToken[]
  /** Whether more tokens come. */
  running: boolean
  label: string
  /** The token whose candidates are shown. */
  current: number | undefined
  levelOf: (token: ShownToken) => number | undefined
  rewardOf: (token: ShownToken) => string
  point: (place: Place | undefined) => void
  keep: (place: Place) => void
}>

/** The tokens of a reply as one list: the arrow keys walk along it, Enter goes to the candidates. */
export function Tokens({ side, tokens, running, label, current, levelOf, rewardOf, point, keep }: TokensProps) {
  const reachable = current ?? 0
  // While a reply runs, text that may become a stop string is still to come.
  const surplus = running ? [] : surplusOf(tokens)
  const onKey = (event: KeyboardEvent & { currentTarget: HTMLElement }): void => {
    const places: Readonly<Record<string, number>> = {
      ...{ ArrowRight: reachable + 1, ArrowDown: reachable + 1, ArrowLeft: reachable - 1, ArrowUp: reachable - 1 },
      ...{ Home: 0, End: tokens.length - 1 },
    }
    if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) {
      document.querySelector<HTMLElement>('.candidates button')?.focus()
      event.preventDefault()
      return
    }
    const index = places[event.key]
    if (index === undefined || tokens[index] === undefined) return
    event.preventDefault()
    keep({ side, index })
    event.currentTarget.querySelectorAll<HTMLElement>('[role=option]')[index]?.focus()
  }
  return (
    <div
      role="listbox"
      aria-label={label}
      aria-orientation="horizontal"
      onKeyDown={onKey}
      onPointerLeave={() => point(undefined)}
    >
      {tokens.map((token, index) => {
        const outside = surplus[index] ?? 0
        const isOutside = outside > 0 && outside === token.text.length
        const text = shownText(token, index)
        const written = isOutside ? text : text.slice(0, text.length - outside)
        const level = levelOf(token)
        return (
          <Fragment key={index}>
            <span
              role="option"
              tabIndex={index === reachable ? 0 : -1}
              aria-selected={index === current}
              aria-label={`${text.trim() || 'space'}, reward ${rewardOf(token)}${isOverruled(token) ? ', the reward overruled greedy' : ''}${isOutside ? ', not part of the reply' : ''}`}
              class={`token${isOverruled(token) ? ' overruled' : ''}${token.picked ? ' picked' : ''}${isOutside ? ' outside' : ''}`}
              title={isOutside ? NOT_PART : undefined}
              data-level={level}
              onPointerEnter={({ pointerType }) => pointerType !== 'touch' && point({ side, index })}
              onFocus={() => keep({ side, index })}
            >
              {text === '' ? '∎' : written.replaceAll('\n', '↵')}
              {!isOutside && outside > 0 && (
                <span class="outside" title={NOT_PART}>
                  {text.slice(text.length - outside).replaceAll('\n', '↵')}
                </span>
              )}
            </span>
            {!isOutside && '\n'.repeat(written.split('\n').length - 1)}
          </Fragment>
        )
      })}
    </div>
  )
}

const NOT_PART = 'not part of the reply'

/** A token that is part of a character shows the character where it is complete. */
function shownText({ text, delta }: ShownToken, index: number): string {
  if (text.includes('\uFFFD')) return delta || '▫'
  return index === 0 ? text.replace(/^ /, '') : text
}
