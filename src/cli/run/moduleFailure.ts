import { fileURLToPath } from 'node:url'
import { textRewardOptions } from '../../../pipelines/rewards/textReward.js'
import { messageOf } from '../../core/errors.js'

/** A user's module failed outside of our calls: in a timer, in a promise that nobody awaits, or by ending the process. */
export class ModuleFailure extends Error {}

const HERE = new URL('../../../', import.meta.url).href

/** Finds the first file and line of a stack that belong to the user, not to Node, rxargs or a package. */
export function placeIn(stack: string): string | undefined {
  const places = stack.matchAll(/(file:\/\/[^\s)]+?):(\d+):\d+/g)
  for (const [, url, line] of places)
    if (!url!.startsWith(HERE) && !url!.includes('/node_modules/')) return `${fileURLToPath(url!.replace(/[?#].*$/, ''))}:${line}`
  return undefined
}

/** Modules on the command line, for failures without a stack. */
export const modulesOf = (args: readonly string[]): string =>
  args.flatMap((arg) => arg.match(/(?:^|=)([^=]+\.m?js)$/)?.[1] ?? []).join(', ')

/** The time-out of a reward's call on the command line, in milliseconds. */
export function timeoutOf(args: readonly string[]): number {
  const timeout = Number(args.join(' ').match(/--reward-timeout[= ](\d+)/)?.[1])
  return Number.isNaN(timeout) ? textRewardOptions.parse({}).timeoutMs : timeout
}

/** Names the module that failed outside of any call. */
export function asyncFailure(error: unknown, args: readonly string[]): Error {
  const place = placeIn(error instanceof Error ? (error.stack ?? '') : '') ?? modulesOf(args)
  if (place === '') return error instanceof Error ? error : new Error(messageOf(error))
  return new ModuleFailure(`${place} failed outside of its call, in a timer or an unawaited promise: ${messageOf(error)}`)
}

/** Refuses to let a module end the process, because finished rows would be lost. */
export function exitFailure(code: unknown, args: readonly string[]): ModuleFailure {
  const place = placeIn(new Error('exit').stack ?? '') ?? (modulesOf(args) || 'A module')
  return new ModuleFailure(
    `${place} called process.exit(${code === undefined ? '' : String(code)}); a module must not end the process`,
  )
}

/** What to say when a module waits for a promise that nothing can settle any more, such as while it loads. */
export const endlessWait = (args: readonly string[]): string =>
  `${modulesOf(args) || 'The run'} waits for a promise that nothing will settle`

/** What the watching thread knows. `beat` counts up while this thread can do anything. */
export type Watched = Readonly<{ beat: Int32Array; limitMs: number; modules: string }>

/** What to say of a module at `place` that lets nothing else run. */
export const loopMessage = (place: string, limitMs: number): string =>
  `${place} let nothing else run for ${limitMs / 1000} s: a module must not loop without end`
