import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { shownReward } from '../state/colour.js'
import { extentOf, linePath, ticksOf } from '../state/plot.js'
import { type Side, sides } from '../state/request.js'
import type { Replies } from '../state/session.js'
import type { PageSettings } from '../state/settings.js'
import { figure, plain, titleOf } from './format.js'
import type { Place } from './place.js'

const HEIGHT = 220
const EDGE = { left: 44, right: 14, top: 12, bottom: 26 }

export type RewardPlotProps = Readonly<{
  replies: Replies
  settings: PageSettings
  place: Place | undefined
  point: (place: Place | undefined) => void
  keep: (place: Place) => void
}>

/** The reward along both replies, token by token. */
export function RewardPlot({ replies, settings, place, point, keep }: RewardPlotProps) {
  const frame = useRef<HTMLDivElement>(null)
  const width = useWidth(frame)
  const values = { greedy: valuesOf('greedy'), guided: valuesOf('guided') }
  function valuesOf(side: Side): readonly (number | undefined)[] {
    return replies[side].tokens.map((token) => shownReward(token, settings.rewards))
  }
  const extent = extentOf(sides.flatMap((side) => values[side].filter((value) => value !== undefined)))
  const last = Math.max(1, ...sides.map((side) => values[side].length - 1))
  const x = (index: number): number => EDGE.left + (index / last) * (width - EDGE.left - EDGE.right)
  const y = (value: number): number =>
    EDGE.top + ((extent.high - value) / (extent.high - extent.low)) * (HEIGHT - EDGE.top - EDGE.bottom)
  const placeAt = ({ offsetX, offsetY }: PointerEvent): Place | undefined => {
    const index = Math.round(((offsetX - EDGE.left) / (width - EDGE.left - EDGE.right)) * last)
    const near = sides.flatMap((side) => {
      const value = values[side][index]
      return value === undefined ? [] : [{ side, distance: Math.abs(y(value) - offsetY) }]
    })
    const nearest = near.sort((one, other) => one.distance - other.distance)[0]
    return nearest && { side: nearest.side, index }
  }
  const shown = place === undefined ? undefined : values[place.side][place.index]
  const summary = sides.map((side) => `${titleOf(side, settings)} ends at ${figure(values[side].at(-1))}`)
  return (
    <section class="plot" aria-labelledby="plot">
      <div class="bar">
        <h2 id="plot">Reward along the reply</h2>
      </div>
      <div ref={frame}>
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`Reward after each token. ${summary.join('. ')}.`}
          onPointerMove={(event) => event.pointerType !== 'touch' && point(placeAt(event))}
          onPointerLeave={() => point(undefined)}
          onPointerDown={(event) => {
            const found = placeAt(event)
            if (found) keep(found)
          }}
        >
          {ticksOf(extent, 4).map((tick) => (
            <g key={tick} class="tick">
              <line x1={EDGE.left} x2={width - EDGE.right} y1={y(tick)} y2={y(tick)} />
              <text x={EDGE.left - 8} y={y(tick) + 4} text-anchor="end">
                {plain(tick)}
              </text>
            </g>
          ))}
          {ticksOf({ low: 1, high: last + 1 }, width / 90)
            .filter(Number.isInteger)
            .map((tick) => (
              <text key={tick} x={x(tick - 1)} y={HEIGHT - 6} text-anchor="middle">
                {tick}
              </text>
            ))}
          {place && <line class="cursor" x1={x(place.index)} x2={x(place.index)} y1={EDGE.top} y2={HEIGHT - EDGE.bottom} />}
          {sides.map((side) => (
            <path key={side} class={`line ${side}`} d={linePath(values[side], x, y)} />
          ))}
          {place && shown !== undefined && <circle class={`dot ${place.side}`} cx={x(place.index)} cy={y(shown)} r="4.5" />}
        </svg>
      </div>
      <p class="keys quiet">
        {sides.map((side) => (
          <span key={side} class={`key ${side}`}>
            {titleOf(side, settings)}
          </span>
        ))}
        <span>token →</span>
      </p>
    </section>
  )
}

/** The width of an element, as it changes. */
function useWidth(element: Readonly<{ current: HTMLElement | null }>): number {
  const [width, setWidth] = useState(480)
  useLayoutEffect(() => {
    const { current } = element
    if (current === null) return
    const observer = new ResizeObserver(() => setWidth(current.clientWidth))
    observer.observe(current)
    setWidth(current.clientWidth)
    return () => observer.disconnect()
  }, [])
  return width
}
