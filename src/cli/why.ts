import { Command } from 'commander'
import * as z from 'zod'
import { InputError, OptionError } from '../core/errors.js'
import { decisions } from '../eval/decisions.js'
import { type FoundTrace, readTraces } from '../io/readTraces.js'
import { strayFiles } from '../io/strayFiles.js'
import { number, text } from './flags/flags.js'
import { decoderText, heading, inFull, overview, prunedNotice, whyJson } from './print/whyTable.js'
import { runCodec } from './run/runCodec.js'
import { type Terminal, writeLine } from './terminal.js'

type Range = Readonly<{ from: number; to: number }>
type Flags = Readonly<{ sample: number; step?: Range; lm?: string; json?: boolean }>

const atLeastZero = z.int().min(0).describe('an integer >= 0')

/** Parses `3` and `3-7`. */
function parseRange(text: string): Range {
  const match = text.match(/^(\d+)(?:-(\d+))?$/)
  const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])]
  if (!match || to < from)
    throw new OptionError(`Expected \`--step\` to be a step or a range of steps, such as 3 or 3-7, got \`${text}\``)
  return { from, to }
}

/** `rxargs why` shows for one reply which candidate won each step, and why. */
export const whyCommand = (terminal: Terminal): Command =>
  new Command('why')
    .description(
      'show why each token of a reply was chosen: its logit, rewards and score, and where greedy decoding would differ',
    )
    .argument('<run>', 'folder written by generate --trace, or one of its files')
    .argument('<id>', 'id of the row')
    .option('--sample <number>', 'sample of the prompt, if it has several', number('sample', atLeastZero), 0)
    .option('--step <from-to>', 'show all candidates of these steps, such as 3 or 3-7; the first step is 0', parseRange)
    .option('--lm <folder>', 'folder with the tokenizer of the run, if its language model has moved', text('lm'))
    .option('--json', 'print all candidates as JSON')
    .action((path: string, id: string, flags: Flags) => run(path, id, flags, terminal))

async function run(path: string, id: string, flags: Flags, { stdout, stderr, signal }: Terminal): Promise<void> {
  for (const notice of await strayFiles(path)) stderr.write(`${notice}\n`)
  const { reply, meta } = await rowOf(path, id, flags.sample)
  const all = decisions(reply)
  const { from, to } = flags.step ?? { from: 0, to: all.length }
  if (from >= all.length && flags.step)
    throw new InputError(`Expected \`--step\` below ${all.length}, the number of steps of \`${id}\`, got ${from}`)
  const steps = all.filter(({ position }) => position >= from && position <= to)
  const found = await runCodec(meta, reply, flags.lm)
  if (found.codec === undefined)
    stderr.write(`Tokens are shown as ids: ${found.reason}. Use --lm to name the tokenizer's folder.\n`)
  const notice = prunedNotice(meta)
  if (notice !== undefined) stderr.write(`Note: ${notice}\n`)
  const why = { reply, decisions: steps, codec: found.codec, decoder: decoderText(meta) }
  const lines = flags.json ? [whyJson(why)] : [...heading(why), ...(flags.step ? inFull(why) : overview(why))]
  for (const line of lines) await writeLine(stdout, line, signal)
}

/** @throws InputError unless the run has this row with its candidates */
async function rowOf(path: string, id: string, sample: number): Promise<FoundTrace> {
  const samples: number[] = []
  let [rows, example] = [0, '']
  const matches = (key: { id: string; sample: number }): boolean => {
    if (rows++ === 0) example = key.id
    if (key.id === id) samples.push(key.sample)
    return key.id === id && key.sample === sample
  }
  for await (const found of readTraces(path, matches)) {
    const { error, trace, finishReason } = found.reply
    if (trace !== null) return found
    if (finishReason === 'error') throw new InputError(`Expected a reply, but \`${id}\` is an error row: ${error}`)
    throw new InputError(`Expected the candidates of each step in ${path}, found none; \`rxargs generate --trace\` stores them`)
  }
  if (samples.length > 0)
    throw new InputError(
      `Expected one of the samples of \`${id}\` (${samples.sort((a, b) => a - b).join(', ')}), got \`${sample}\``,
    )
  const found = rows > 0 ? ` among ${rows} rows, such as \`${example}\`` : ''
  throw new InputError(`Expected a row with the id \`${id}\` in ${path}, found none${found}`)
}
