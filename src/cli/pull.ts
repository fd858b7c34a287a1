import { Command } from 'commander'
import { OptionError } from '../core/errors.js'
import { isGguf } from '../models/checkpoint/gguf/readGguf.js'
import { hubSettings } from '../models/hub/hubSettings.js'
import type { HubFile } from '../models/hub/neededFiles.js'
import { publicPairs } from '../models/hub/publicPairs.js'
import { pull } from '../models/hub/pull.js'
import { repositoryOf } from '../models/hub/repository.js'
import { collect, text } from './flags/flags.js'
import { bytes } from './print/describeModel.js'
import { formatTable } from './print/formatTable.js'
import { type Terminal, writeLine } from './terminal.js'

/** Time between two updates, on a terminal and elsewhere. */
const [DRAW_MS, LINE_MS] = [100, 5_000]

type Flags = Readonly<{ include?: readonly string[]; list?: boolean }>

/** `rxargs pull` downloads a model. No other verb downloads anything. */
export const pullCommand = ({ stdout, stderr, signal }: Terminal): Command =>
  new Command('pull')
    .description('download a model from the hub into the cache shared with the Python tools, and print its folder')
    .argument('[model]', 'ORG/NAME, or ORG/NAME@REVISION for another branch, tag or commit than main')
    .argument('[files...]', 'download only these files, such as one FILE.gguf')
    .option(
      '--include <pattern>',
      "files to download besides configs, tokenizer and safetensors, such as 'onnx/*'; repeatable",
      collect(text('include')),
    )
    .option('--list', 'instead of downloading, list public language models with a reward model that fits')
    .action(async (model: string | undefined, only: readonly string[], { include, list }: Flags) => {
      if (list) {
        const unused = model ?? (include && '--include')
        if (unused !== undefined) throw new OptionError(`Expected nothing beside \`--list\`, got \`${unused}\``)
        for (const line of pairLines()) await writeLine(stdout, line, signal)
        return
      }
      if (model === undefined) throw new OptionError('Expected a model as ORG/NAME, or `--list` for suggestions, got nothing')
      const repository = repositoryOf(model)
      const settings = await hubSettings(process.env)
      const progress = showDownload({ stream: stderr })
      progress.say(`${model} from ${settings.endpoint}`)
      const folder = await pull(settings, repository, {
        ...(include && { include }),
        ...(only.length > 0 && { only }),
        signal,
        onFiles: (files) => {
          progress.files(files)
          progress.say(`${files.length} files, ${bytes(files.reduce((sum, { size }) => sum + size, 0))}`)
        },
        onBytes: progress.bytes,
      })
      const [gguf] = only.filter(isGguf)
      const name = gguf === undefined ? model : `${model}:${gguf}`
      progress.say(`${name} is in the cache: --lm ${name} and --reward ${name} need no network`)
      await writeLine(stdout, folder, signal)
    })

/** One line a pair, and what to do with it. */
const pairLines = (): string[] => [
  ...formatTable(
    [
      ['--lm', '--reward', 'size', 'head of the reward model'],
      ...publicPairs.map(({ lm, reward, size, head }) => [lm, reward, size, head]),
    ],
    'text',
  ),
  '',
  'Pull both models of a pair, then name them with --lm and --reward. src/models/README.md says what was checked.',
]

type PullProgressOptions = Readonly<{
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }
  now?: () => number
}>

/** Shows a download's progress on stderr: one line that is redrawn on a terminal, or a plain line every few seconds elsewhere. */
function showDownload({ stream, now = Date.now }: PullProgressOptions) {
  const isTerminal = stream.isTTY === true
  const startedAt = now()
  const there = new Map<string, number>()
  let [total, before, drawnAt] = [0, undefined as number | undefined, startedAt]
  const sum = (): number => [...there.values()].reduce((all, each) => all + each, 0)

  const draw = (path: string): void => {
    drawnAt = now()
    const speed = ((sum() - (before ?? 0)) * 1000) / Math.max(1, drawnAt - startedAt)
    const line = `${path}: ${bytes(sum())} of ${bytes(total)}, ${bytes(Math.round(speed))}/s`
    stream.write(isTerminal ? `\r\u001b[K${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`)
  }

  return {
    files(files: readonly HubFile[]): void {
      total = files.reduce((all, { size }) => all + size, 0)
    },
    bytes(path: string, count: number): void {
      there.set(path, count)
      before ??= count // Speed does not count what an earlier run downloaded.
      if (total > 0 && now() - drawnAt >= (isTerminal ? DRAW_MS : LINE_MS)) draw(path)
    },
    say(line: string): void {
      stream.write(`${isTerminal ? '\r\u001b[K' : ''}${line}\n`)
    },
  }
}
