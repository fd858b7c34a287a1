import { Fragment } from 'preact'
import { isOverruled, type ShownToken } from '../state/reply.js'
import type { Side } from '../state/request.js'
import type { Place } from './place.js'

export type TokensProps = Readonly<{
  side: Side
  tokens: readonly ShownToken[]
  label: string
  /** The token whose candidates are shown. */
  current: number | undefined
  levelOf: (token: ShownToken) => number | undefined
  rewardOf: (token: ShownToken) => string
  point: (place: Place | undefined) => void
  keep: (place: Place) => void
}>

/** The tokens of a reply as one list: the arrow keys walk along it, Enter goes to the candidates. */
export function Tokens({ side, tokens, label, current, levelOf, rewardOf, point, keep }: TokensProps) {
  const reachable = current ?? 0
  const hasEnd = isEnd(tokens.at(-1))
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
        const text = shownText(token, index)
        const level = levelOf(token)
        return (
          <Fragment key={index}>
            <span
              role="option"
              tabIndex={index === reachable ? 0 : -1}
              aria-selected={index === current}
              aria-label={`${text.trim() || 'space'}, reward ${rewardOf(token)}${isOverruled(token) ? ', the reward overruled greedy' : ''}`}
              class={`token${isOverruled(token) ? ' overruled' : ''}${token.picked ? ' picked' : ''}${index === tokens.length - 1 && hasEnd ? ' end' : ''}`}
              data-level={level}
              onPointerEnter={({ pointerType }) => pointerType !== 'touch' && point({ side, index })}
              onFocus={() => keep({ side, index })}
            >
              {text === '' ? '∎' : text.replaceAll('\n', '↵')}
            </span>
            {'\n'.repeat(text.split('\n').length - 1)}
          </Fragment>
        )
      })}
    </div>
  )
}

/** A token that writes nothing, such as the end of a turn. Part of a character writes nothing either, but its text is a replacement character. */
const isEnd = (token: ShownToken | undefined): boolean =>
  token !== undefined && token.delta === '' && !token.text.includes('\uFFFD')

/** A token that is part of a character shows the character where it is complete. */
function shownText({ text, delta }: ShownToken, index: number): string {
  if (text.includes('\uFFFD')) return delta || '▫'
  return index === 0 ? text.replace(/^ /, '') : text
}
