import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { finished, lm, rxargs, started } from './rxargs.js'

let folder: string
let input: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-usage-'))
  input = join(folder, 'in.jsonl')
  await writeFile(input, '{"prompt":"One"}\n')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A refusal of the program: one line on stderr, nothing on stdout, code 2. */
async function refusal(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await rxargs(args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^rxargs: .+\n$/)
  return stderr
}

describe('rxargs generate refuses', () => {
  it.each([
    [['--k', '0'], 'Expected `--k` to be an integer >= 1, got `0`'],
    [['--k', 'ten'], 'Expected `--k` to be an integer >= 1, got `ten`'],
    [['--weight', 'Infinity'], 'Expected `--weight` to be a finite number, or NAME=NUMBER separated by commas, got `Infinity`'],
    [['--weight', 'a=1,b'], 'Expected `--weight` to be a finite number, or NAME=NUMBER separated by commas, got nothing'],
    [['--weight', 'a=1,a=2'], 'Expected each reward once in `--weight`, got `a` twice'],
    [['--weight', 'kind=1'], 'Expected `weight` to name rewards (chat-rm), got `kind`'],
    [['--decoder', 'greedy', '--k', '3'], 'The decoder `greedy` takes no `--k`; it takes no options'],
    [['--top-p', '0.5'], 'The decoder `args` takes no `--top-p`; it takes --k, --weight'],
    [['--decoder', 'nucleus', '--top-p', '0'], 'Expected `--top-p` to be a number above 0 and at most 1, got `0`'],
    [['--decoder', 'best'], 'Expected `--decoder` to be one of args, '],
    [['--decoder', 'gredy'], 'got `gredy` (did you mean `greedy`?)'],
    [['--template', 'x'], 'Expected `--template` to be one of auto, none, hh, chat, got `x`'],
    [['--samples', '1.5'], 'Expected `--samples` to be an integer >= 1'],
    [['--stop', ''], 'Expected `--stop` to be text, got nothing'],
    [['--reward', 'x/a', '--reward', 'a'], 'Expected each `--reward` to have a name of its own, got `a` twice'],
    [['--reward', 'name='], 'Expected `--reward` to be [NAME=]PATH, got `name=`'],
    [['--force'], 'Expected `--output` beside `--force`, got none'],
    [['--output', 'x', '--force', '--retry-errors'], 'Expected `--force` or `--retry-errors`, got both'],
    [['--sample', '2'], "unknown option '--sample' (Did you mean --samples?)"],
    [['more'], 'too many arguments'],
  ])('%j', async (args, message) => expect(await refusal(['generate', input, ...args])).toContain(message))

  it('a missing input without a pipe', async () => {
    expect(await refusal(['generate'])).toContain(
      'Expected an input: a JSONL, JSON, CSV or Parquet file, a folder, a glob or an address, or - for standard input',
    )
  })

  it('in a separate process, too', async () => {
    const { code, stdout, stderr } = await finished(started(['generate', input, '--unknown']))
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toBe("rxargs: unknown option '--unknown'\n")
  })

  it('missing files and models with code 1; --debug adds the stack', async () => {
    const none = await rxargs(['generate', join(folder, 'none.jsonl')])
    expect(none).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rxargs: Expected an input file at .*found nothing there\n$/),
    })
    const { code, stderr } = await rxargs(['generate', input, '--lm', lm, '--reward', folder, '--debug'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/rxargs: Expected .*config\.json, found no such file\n/)
    expect(stderr).toMatch(/\n {4}at /)
  })
})

describe('rxargs score refuses', () => {
  it.each([
    [['--force'], 'Expected `--output` beside `--force`, got none'],
    [['--concurrency', '0'], 'Expected `--concurrency` to be an integer >= 1, got `0`'],
    [['--lm', 'x'], "unknown option '--lm'"],
  ])('%j', async (args, message) => expect(await refusal(['score', input, ...args])).toContain(message))
})
