import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { rewardMeasure } from '../../../pipelines/evaluation/measures.js'
import { type SweepPoint, sweepPoints } from '../../../pipelines/evaluation/sweep.js'
import { GREEDY, type TuneRound, tune } from '../../../pipelines/evaluation/tune.js'
import { InputError, OptionError } from '../../core/errors.js'
import { fromFile } from '../../io/fromFile.js'
import { checkOutput } from '../../io/outputFolder.js'
import { checkInput } from '../../io/prompts/openInput.js'
import { promptColumns } from '../../io/prompts/toPrompt.js'
import { readReplies } from '../../io/readReplies.js'
import { toParquet } from '../../io/toParquet.js'
import { checkEngine } from '../../models/gpuNeeds.js'
import { hashModel } from '../../models/hashModel.js'
import { loadModels } from '../../models/loadModels.js'
import { joinBase } from '../flags/adapterFlags.js'
import { type ChosenDecoder, chooseDecoder } from '../flags/chooseDecoder.js'
import { engineOf, localRewards } from '../flags/engineFlags.js'
import { END_TOKEN_HELP, type NamedPath, namedPath, oneOf, type RewardPath, text, withLabels } from '../flags/flags.js'
import { decodingFlags, type GenerateFlags, type GivenFlags, settingsOf } from '../flags/generateFlags.js'
import { type Grid, type GridFlags, gridHelp, gridOf } from '../flags/gridFlags.js'
import { loadRewards } from '../flags/loadRewards.js'
import { localOf } from '../flags/modelFlags.js'
import { openReward } from '../flags/openReward.js'
import { type TableFormat, tableFormats } from '../print/formatTable.js'
import { startProgress } from '../print/progress.js'
import { generateRun } from '../run/generateRun.js'
import { takeFirst } from '../run/takePrompts.js'
import { type Terminal, writeLine } from '../terminal.js'
import { type GivenFlag, generateCommandLine } from './generateCommandLine.js'
import { tuneAdvice, tuneJson, tuneTable } from './report.js'

type Flags = Omit<GivenFlags, keyof Grid> &
  Grid &
  Readonly<{
    judge: NamedPath
    judgeLabel?: string
    judgeEndToken?: string
    format: TableFormat
    json?: boolean
  }>

/** The coarse grid. The paper's k; weights by factors of two, because rewards of models are on different scales. */
const GRID: Grid = { k: [5, 10, 20], weight: [0.25, 0.5, 1, 2, 4] }

/** `rxargs tune` finds the weight and k that a judge likes best. */
export const tuneCommand = (terminal: Terminal): Command => {
  const command = decodingFlags(
    new Command('tune')
      .argument('<input>', 'file with validation prompts: JSONL, JSON, CSV or Parquet')
      .requiredOption(
        '--judge <[name=]reward>',
        'reward model or server (NAME=http://…) that judges the replies; it should be trained on other data than the guide',
        namedPath('judge'),
      )
      .option('--judge-label <label>', 'label of the judge, if it has several', text('judge-label'))
      .option('--judge-end-token <token>', END_TOKEN_HELP.replace('a reward model', 'the judge'), text('judge-end-token'))
      .option('-o, --output <folder>', 'folder for the runs and their figures; the same command goes on there', text('output')),
    gridHelp({ k: 'coarse grid of candidates per step', weight: 'coarse grid of weights of the first reward' }, GRID),
  )
    .description(
      'find the weight and k that a judge likes best on validation prompts: a coarse grid, then a finer one; prints the command to use',
    )
    .option('--format <name>', `table format: ${tableFormats.join(', ')}`, oneOf('format', tableFormats), 'text')
    .option('--json', 'print the settings with their figures as JSON')
  const given: GivenFlag[] = []
  for (const { name, long } of command.options.map((option) => ({ name: option.name(), long: option.long! })))
    command.on(`option:${name}`, (value: string | null) => given.push({ flag: long, value: value ?? undefined }))
  return command.action((input: string, flags: Omit<Flags, keyof Grid> & GridFlags) =>
    run(input, { ...flags, ...gridOf(flags, GRID) }, given, terminal),
  )
}

async function run(input: string, flags: Flags, given: readonly GivenFlag[], terminal: Terminal): Promise<void> {
  const { k, weight, judge: _, judgeLabel: __, judgeEndToken, ...others } = flags
  if (input === '-')
    throw new OptionError('Expected a file with prompts, because each setting reads it again, got standard input')
  const settings = settingsOf(others)
  const judge = judgeOf(flags)
  const local = localOf(settings)
  checkEngine([...local, ...localRewards([judge])], settings.engine)
  const rewards = await loadRewards(settings.rewards, settings.rewardTimeout)
  const choose = (point: Pick<SweepPoint, 'k' | 'weight'>) =>
    chooseDecoder({ ...others, k: String(point.k), weight: String(point.weight) })
  // Each point of the grid is checked before anything is loaded.
  for (const point of sweepPoints(k, weight)) await choose(point)
  await checkInput(input, promptColumns(flags))
  if (settings.output !== undefined) await checkOutput(settings.output)
  const prompts = await promptIds(input, settings)
  await checkJudge(judge, settings)

  const folder = settings.output ?? (await mkdtemp(join(tmpdir(), 'rxargs-tune-')))
  const progress = startProgress({ stream: terminal.stderr })
  const closing: (() => Promise<void>)[] = []
  try {
    const { lm, lms, engine, force, retryErrors, redoChanged } = settings
    // The flags may be about the judge alone.
    const models = await loadModels({ lm, lms, reward: rewards, ...(local.length > 0 && engine), onNotice: progress.say })
    closing.push(models.close)
    const opened = await openReward(judge, await engineOf(engine, progress.say, localRewards([judge])))
    closing.push(opened.close)
    for (const notice of opened.notices) progress.say(notice)
    const begun = new Set<string>()
    const decode = async (point: SweepPoint | typeof GREEDY, limit: number): Promise<void> => {
      const name = point === GREEDY ? GREEDY : point.name
      const chosen: ChosenDecoder = await (point === GREEDY ? chooseDecoder({ decoder: GREEDY }) : choose(point))
      // Only the first round of a setting may replace rows; the next ones go on, and do not count its rows again.
      const first = !begun.has(name)
      progress.say(`${name}, ${counted(limit, 'prompt')}`)
      const observers = first ? progress.observers : progress.observers.map(({ onSkip: _, ...rest }) => rest)
      const rows = generateRun(input, { ...settings, limit }, chosen, models, { ...progress, observers }, terminal)
      begun.add(name)
      await toParquet(join(folder, name), rows, { force: force && first, retryErrors, redoChanged, signal: terminal.signal })
    }
    const tuned = await tune({
      ...{ ks: k, weights: weight, prompts, decode, signal: terminal.signal },
      judge: rewardMeasure(opened.source, { endToken: judgeEndToken }),
      repliesOf: (name) => readReplies(join(folder, name), { texts: true }),
      onRound: (round) => progress.say(aboutRound(round)),
    })
    progress.end()
    for (const line of progress.errors()) progress.say(line)
    const reported = { ...tuned, command: generateCommandLine(input, given, tuned.best) }
    const json = tuneJson(reported)
    if (settings.output !== undefined) await writeFile(join(settings.output, 'tune.json'), `${json}\n`)
    const { stdout, signal } = terminal
    if (flags.json) return await writeLine(stdout, json, signal)
    for (const line of tuneTable(reported, flags.format)) await writeLine(stdout, line, signal)
    // CSV is for programs, so what is for people goes to stderr.
    if (flags.format === 'csv') for (const line of tuneAdvice(reported)) progress.say(line)
    else for (const line of ['', ...tuneAdvice(reported)]) await writeLine(stdout, line, signal)
  } finally {
    progress.end()
    for (const close of closing) await close()
    if (settings.output === undefined) await rm(folder, { recursive: true, force: true })
  }
}

/** Ids of the prompts that each setting decodes, in order. */
async function promptIds(input: string, { template, promptColumn, dataset, limit, onError }: GenerateFlags): Promise<string[]> {
  const ids: string[] = []
  const prompts = fromFile(input, { template, promptColumn, dataset, onError })
  for await (const { id, place = id, overrides } of takeFirst(prompts, limit)) {
    const own = (['pipeline', 'weight', 'k'] as const).find((name) => overrides?.[name] !== undefined)
    if (own !== undefined)
      throw new InputError(
        `Expected prompts without the columns \`pipeline\`, \`weight\` and \`k\`, which tuning sets, got \`${own}\` in ${place}`,
      )
    ids.push(id)
  }
  if (ids.length === 0) throw new InputError(`Expected at least one prompt in ${input}, found none`)
  return ids
}

function judgeOf({ judge, judgeLabel, base }: Flags): RewardPath {
  const labels = judgeLabel === undefined ? [] : [judgeLabel]
  const [reward] = withLabels([{ ...judge, path: joinBase(judge.path, base) }], labels)
  return reward!
}

/** @throws OptionError for a judge that is the guide: it would always be content */
async function checkJudge(judge: RewardPath, { rewards, engine: { dtype, cache } }: GenerateFlags): Promise<void> {
  for (const guide of rewards) {
    if (guide.kind === 'module' || guide.kind === 'function') continue
    const [address, other] = [guide.kind === 'server' ? guide.url : undefined, judge.url]
    const isServer = address !== undefined || other !== undefined
    const hash = (path: string) => hashModel(path, dtype, cache)
    const isSame = isServer ? address === other : (await hash(guide.path)) === (await hash(judge.path))
    if (isSame && guide.label === judge.label)
      throw new OptionError(`Expected \`--judge\` to be another model than the guide \`${guide.name}\`, got the same`)
  }
}

const counted = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

function aboutRound({ grid, prompts, settings, leader, behind }: TuneRound): string {
  const lost = behind.length === 0 ? 'none is behind' : `${behind.length} behind: ${behind.join(', ')}`
  return `${grid} grid, ${counted(prompts, 'prompt')}: ${leader} leads ${counted(settings, 'setting')}, ${lost}`
}
