import { describe, expect, it } from 'vitest'
import { asksForJson } from '../../../../src/cli/flags/watchFlags.js'
import { lines, rxargs, tiny } from '../rxargs.js'

describe('the flags for watching a run', () => {
  it.each([
    [['--metrics-port', '70000'], 'Expected `--metrics-port` to be an integer from 0 to 65535, got `70000`'],
    [['--otlp', 'ftp://x'], 'Expected `--otlp` to be an address such as http://127.0.0.1:4318, got `ftp://x`'],
    [['--otlp-sample', '0.5'], 'Expected `--otlp` beside `--otlp-sample`, got none'],
    [['--otlp', 'http://127.0.0.1:1', '--otlp-sample', '2'], 'Expected `--otlp-sample` to be a number from 0 to 1, got `2`'],
    [['--log', 'yaml'], 'Expected `--log` to be one of text, json, got `yaml`'],
    [['--metrics-port', '0', '--metrics-host', '192.0.2.1'], 'Expected `--metrics-host` to be an address of this machine'],
  ])('refuse %j in one line', async (flags, message) => {
    const { code, stderr } = await rxargs(['generate', '-', ...tiny, ...flags], lines({ prompt: 'a' }))
    expect([code, stderr]).toEqual([2, expect.stringContaining(`rxargs: ${message}`)])
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it.each(['generate', 'score'])('serve figures and send traces beside `%s`', async (verb) => {
    const input = lines({ id: 'a', prompt: 'Say', completion: 'yes' })
    const flags = verb === 'score' ? ['--reward', 'length(target=5)'] : tiny
    const plain = await rxargs([verb, '-', ...flags, '--columns', 'id,reward'], input)
    const watched = await rxargs([verb, '-', ...flags, '--columns', 'id,reward', '--metrics-port', '0'], input)
    expect([watched.code, watched.stdout]).toEqual([0, plain.stdout])
    expect(watched.stderr).toMatch(/Metrics at http:\/\/127\.0\.0\.1:\d+\/metrics/)
  })
})

describe('asksForJson', () => {
  it.each([
    [['generate', '--log', 'json'], true],
    [['generate', '--log=json'], true],
    [['generate', '--log', 'text'], false],
    [['generate', 'json', '--log'], false],
  ])('%j: %s', (args, expected) => expect(asksForJson(args)).toBe(expected))
})
