import { dot } from '@observablehq/plot'
import { describe, expect, it } from 'vitest'
import { drawPlot, seriesColour } from '../../../../src/cli/print/drawPlot.js'

const drawn = (title = 'Reward') =>
  drawPlot({ title, subtitle: 'by weight', width: 400, height: 100, marks: [dot([[1, 2]], { fill: seriesColour(0) })] })

const luminance = (hex: string): number => {
  const [red, green, blue] = hex.match(/[\da-f]{2}/g)!.map((part) => {
    const value = Number.parseInt(part, 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}
const contrast = (one: string, other: string): number => {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light! + 0.05) / (dark! + 0.05)
}

describe('drawPlot', () => {
  it('has its title as text and for screen readers', () => {
    expect(drawn()).toMatch(/^<svg [^>]*aria-label="Reward. by weight"/)
    expect(drawn()).toMatch(/<text [^>]*class="title"[^>]*>Reward<\/text>/)
    expect(drawn('r'.repeat(90))).toMatch(/>…r{46}<\/text>/)
  })

  it('is deterministic, and valid XML', () => {
    expect(drawn()).toBe(drawn())
    expect(drawn()).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    expect(drawn('a < b & c')).toContain('a &lt; b &amp; c</text>')
  })

  it.each(['light', 'dark'])('has text and series colours with contrast on a %s page', (theme) => {
    const rules = drawn().split('@media (prefers-color-scheme:dark)')[theme === 'light' ? 0 : 1]!
    const paper = rules.match(/background:(#[\da-f]+)/)![1]!.replace(/^#(.)(.)(.)$/, '#$1$1$2$2$3$3')
    const colours = [...rules.matchAll(/(?:\{color|--series-\d):(#[\da-f]{6})/g)].map(([, colour]) => colour!)
    expect(colours).toHaveLength(9)
    for (const colour of colours)
      expect([colour, contrast(colour, paper)]).toEqual([colour, expect.toSatisfy((ratio) => ratio >= 4.5)])
  })
})
