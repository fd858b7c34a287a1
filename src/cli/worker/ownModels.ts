import type { Command } from 'commander'
import { OptionError } from '../../core/errors.js'
import { isHttp, redactAddress } from '../../models/remote/httpAddress.js'
import type { RunRecord } from '../../queue/runStore.js'
import { UnfitWorker } from '../../queue/work.js'
import { checkNames, collect, type NamedPath, namedPath, otherLm, text } from '../flags/flags.js'
import { rewardFlag } from '../flags/rewardFlag.js'

type Named = Required<Pick<NamedPath, 'name' | 'path'>>

/** Where a worker has models, if not where `submit` had them. */
export type OwnModels = Readonly<{
  lm?: string
  lmAdapter?: string
  base?: string
  otherLm?: readonly Named[]
  reward?: readonly Named[]
}>

/** Adds the flags for a worker's own paths of models. They are spelled as those of `generate`. */
export const ownModelFlags = (command: Command): Command =>
  command
    .option(
      '--lm <folder>',
      'path of the language model here, if the run has another path; it is refused unless its SHA-256 is that of the submitted model, as with the next flags',
      fileOnly('lm', text('lm')),
    )
    .option('--lm-adapter <folder>', 'path of its LoRA adapter here', text('lm-adapter'))
    .option('--base <model>', 'path of the base model of adapters here', text('base'))
    .option('--other-lm <name=folder>', 'path of a further language model here, repeatable', collect(otherLm))
    .option('--reward <[name=]reward>', 'path of a reward model or module here, repeatable', collect(ownReward))

/** @throws OptionError for a server, which has no hash to compare */
function fileOnly(flag: string, parse: (value: string) => string): (value: string) => string {
  return (value) => {
    const path = parse(value)
    if (!isHttp(path)) return path
    throw new OptionError(
      `Expected \`--${flag}\` of a worker to be a folder or a file, got ${redactAddress(path)}: a server has no hash to compare`,
    )
  }
}

function ownReward(value: string): Named {
  fileOnly('reward', (given) => namedPath('reward')(given).path)(value)
  const { kind, name, path } = rewardFlag(value)
  if (kind === 'function')
    throw new OptionError(`Expected \`--reward\` of a worker to be a model or a module, got the function \`${path}\``)
  return { name, path }
}

/** @throws OptionError for two models of the same name */
export function checkOwnModels({ otherLm: lms = [], reward: rewards = [] }: OwnModels): void {
  checkNames('other-lm', lms)
  checkNames('reward', rewards)
}

const nameOfReward = (value: string): string => namedPath('reward')(value).name ?? rewardFlag(value).name

/**
 * Puts a worker's own paths into the flags of a run.
 *
 * @throws UnfitWorker for a model that the run does not read from files
 */
export function withOwnModels({ id, args, meta }: Pick<RunRecord, 'id' | 'args' | 'meta'>, own: OwnModels): readonly string[] {
  const { lm, lmAdapter, base, otherLm: lms = [], reward: rewards = [] } = own
  const fromFiles = Object.keys(meta.models).filter((role) => meta.models[role]!.sha256 !== undefined)
  const named = [
    ...(lm === undefined ? [] : [{ role: 'lm', flag: '--lm' }]),
    ...lms.map(({ name }) => ({ role: `lm ${name}`, flag: `--other-lm ${name}` })),
    ...rewards.map(({ name }) => ({ role: `reward ${name}`, flag: `--reward ${name}` })),
  ]
  const foreign = named.find(({ role }) => !fromFiles.includes(role))
  if (foreign !== undefined)
    throw new UnfitWorker(
      `\`${foreign.flag}\` of this worker is no model of the run ${id}, whose files are those of: ${fromFiles.join(', ') || 'no model'}`,
    )
  const single = Object.entries({ '--lm': lm, '--lm-adapter': lmAdapter, '--base': base }).filter(
    ([, path]) => path !== undefined,
  )
  const kept = args.filter((arg) => !single.some(([flag]) => arg.startsWith(`${flag}=`)))
  return [
    ...replaceNamed(
      replaceNamed(kept, '--other-lm', lms, (value) => otherLm(value).name),
      '--reward',
      rewards,
      nameOfReward,
    ),
    ...single.map(([flag, path]) => `${flag}=${path}`),
  ]
}

/** Replaces the values of a flag by those of the same name. They keep their places, since the first reward is the column `reward`. */
function replaceNamed(
  args: readonly string[],
  flag: string,
  own: readonly Named[],
  nameOf: (value: string) => string,
): readonly string[] {
  if (own.length === 0) return args
  const left = new Map(own.map(({ name, path }) => [name, `${flag}=${name}=${path}`]))
  const replaced = args.map((arg) => {
    if (!arg.startsWith(`${flag}=`)) return arg
    const name = nameOf(arg.slice(flag.length + 1))
    const mine = left.get(name)
    left.delete(name)
    return mine ?? arg
  })
  // The run names none: it has the default.
  return [...replaced, ...left.values()]
}

/** Says which model of a worker has other files than that of the run; undefined if none has. */
export function describeOtherModel(run: RunRecord['meta']['models'], worker: RunRecord['meta']['models']): string | undefined {
  for (const [role, { path, sha256 }] of Object.entries(run)) {
    const mine = worker[role]
    if (sha256 !== undefined && mine?.sha256 !== undefined && mine.sha256 !== sha256)
      return `its \`${role}\`, ${mine.path}, is another model than that of the run, ${path} (SHA-256 ${mine.sha256}, not ${sha256})`
  }
  return undefined
}
