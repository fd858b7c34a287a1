import { type PlotOptions, plot } from '@observablehq/plot'
import { parseHTML } from 'linkedom'

/** Series colours for light and dark pages. The contrast is at least 4.5 to 1, enough for text. */
const palette = [
  ['#2b5fd9', '#8fb0ff'],
  ['#b45309', '#f5a65b'],
  ['#1a7f37', '#63c97f'],
  ['#8250df', '#c5a3ff'],
  ['#0f766e', '#5cc8bd'],
  ['#bf3989', '#ff9bcf'],
  ['#7d4e2d', '#d6a77f'],
  ['#57606a', '#afb8c1'],
] as const

const variables = (theme: 0 | 1): string => palette.map((pair, index) => `--series-${index + 1}:${pair[theme]}`).join(';')

/** Overrides Plot's own rules, which have no specificity. Follows the reader's theme, even if the SVG is used as an image. */
const style = [
  `.rxargs-plot{color:#1c1e21;background:#fff;--plot-background:#fff;${variables(0)};font:12px system-ui,sans-serif}`,
  `@media (prefers-color-scheme:dark){.rxargs-plot{color:#e6e8eb;background:#16181b;--plot-background:#16181b;${variables(1)}}}`,
  '.rxargs-plot .title{font-size:14px;font-weight:600}',
].join('\n')

/** Width of a letter of the title, in pixels. */
const LETTER = 8.5
/** Height of title and subtitle, in pixels. */
const HEADING = 44

export type Drawing = Omit<PlotOptions, 'document' | 'style' | 'className' | 'title' | 'subtitle' | 'caption' | 'marginTop'> &
  Readonly<{ title: string; subtitle: string; width: number; height: number }>

/** Colour of a series by its number. Colours repeat after the eighth. */
export const seriesColour = (series: number): string => `var(--series-${(series % palette.length) + 1})`

const LONGEST_NAME = 40

/** Shortens the name of a run. Keeps the end, which says more than the beginning. */
export const shortName = (name: string, longest = LONGEST_NAME): string =>
  name.length > longest ? `…${name.slice(1 - longest)}` : name

/**
 * Draws a plot with a title as a self-contained SVG for light and dark pages.
 *
 * @param drawing `height`: pixels of the plot without its heading
 */
export function drawPlot({ title, subtitle, height, ...options }: Drawing): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const svg = plot({
    ...options,
    document: document as never,
    className: 'rxargs-plot',
    height: HEADING + height,
    marginTop: HEADING,
  })
  const heading = (name: string, text: string, y: number): void => {
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'text')
    const place = { class: name, x: '4', y: String(y), 'text-anchor': 'start', fill: 'currentColor' }
    for (const [attribute, value] of Object.entries(place)) line.setAttribute(attribute, value)
    line.textContent = text
    svg.append(line as never)
  }
  heading('title', shortName(title, Math.floor(options.width / LETTER)), 16)
  heading('subtitle', subtitle, 34)
  const own = document.createElement('style')
  own.textContent = style
  svg.prepend(own as never)
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', `${title}. ${subtitle}`)
  return svg.outerHTML
}
