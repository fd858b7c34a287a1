import { describe, expect, it } from 'vitest'
import { startProgress } from '../../../../src/cli/print/progress.js'
import { row } from '../../io/fakeRun.js'

describe('startProgress', () => {
  const drawn = (isTTY: boolean) => {
    let text = ''
    let time = 0
    const write = (more: string) => {
      text += more
    }
    const stream = { isTTY, columns: 60, write } as unknown as NodeJS.WriteStream
    const progress = startProgress({ stream, now: () => time })
    const [observer] = progress.observers
    progress.expect(4)
    for (let count = 0; count < 3; count++) {
      time += 3000
      observer?.onToken?.({ key: { id: 'a', sample: 0 }, text: 'a' })
      observer?.onRow?.(row('a', { reward: 0.5 }))
    }
    progress.skip()
    progress.end()
    progress.end()
    return text
  }

  it('draws a line every few seconds without a terminal', () => {
    const lines = drawn(false).trimEnd().split('\n')
    expect(lines).toEqual([
      expect.stringMatching(/^1 of 4 rows, \d+ tokens\/s, mean reward 0\.500, /),
      '4 of 4 rows, 0 tokens/s, mean reward 0.500',
    ])
  })

  it('draws a bar in one line on a terminal', () => {
    const text = drawn(true)
    expect(text.match(/\n/g)).toHaveLength(1)
    expect(text).toContain('\r\u001b[K██████░░░░')
    for (const draw of text.split('\r\u001b[K')) expect(draw.trimEnd().length).toBeLessThan(60)
  })
})
