import type { Command } from 'commander'
import * as z from 'zod'
import { OptionError } from '../../core/errors.js'
import { number, oneOf, text } from './flags.js'

/** Forms of what a run says on stderr. */
export const logFormats = ['text', 'json'] as const

/** Flags for watching a run: its log, figures for Prometheus, traces for OpenTelemetry. */
export type WatchFlags = TraceFlags &
  Readonly<{
    log?: (typeof logFormats)[number]
    metricsPort?: number
    metricsHost: string
  }>

export type TraceFlags = Readonly<{ otlp?: string; otlpSample?: number }>

const PORT = z.int().min(0).max(65_535).describe('an integer from 0 to 65535')
const PORT_HELP = 'serve figures for Prometheus at /metrics on this port; 0 takes a free one; needs prom-client'
const SHARE = z.number().min(0).max(1).describe('a number from 0 to 1')

/** Parses the address of a collector. */
function collector(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value
  throw new OptionError(`Expected \`--otlp\` to be an address such as http://127.0.0.1:4318, got \`${value}\``)
}

/** Adds the flags for watching a run. */
export const watchFlags = (command: Command, portHelp = PORT_HELP): Command =>
  traceFlags(
    command
      .option(
        '--log <format>',
        'form of what goes to stderr: text, json (a record a line; needs pino)',
        oneOf('log', logFormats),
        'text',
      )
      .option('--metrics-port <number>', portHelp, number('metrics-port', PORT))
      .option('--metrics-host <address>', 'address for --metrics-port to listen on', text('metrics-host'), '127.0.0.1'),
  )

/** Adds the flags for traces. */
export const traceFlags = (command: Command): Command =>
  command
    .option('--otlp <url>', 'send traces of prompts to this OpenTelemetry collector', collector)
    .option(
      '--otlp-sample <share>',
      'share of the prompts to trace, from 0 to 1 (default: the first 100, then one in 100)',
      number('otlp-sample', SHARE),
    )

/** Refuses a share of traces that go nowhere. */
export function checkTraceFlags({ otlp, otlpSample }: TraceFlags): void {
  if (otlp === undefined && otlpSample !== undefined) throw new OptionError('Expected `--otlp` beside `--otlp-sample`, got none')
}

/** Whether a command line asks for JSON records. Errors of the command line itself are records, too. */
export const asksForJson = (args: readonly string[]): boolean =>
  args.some((arg, index) => arg === '--log=json' || (arg === '--log' && args[index + 1] === 'json'))
