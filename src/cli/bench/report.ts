import type { Peaks } from '../../models/peaks/peak.js'
import type { MeasuredMachine } from '../run/machine.js'
import type { Compared } from './compare.js'
import type { ArgsComparison } from './compareWithArgs.js'
import type { Figures } from './figures.js'

export type BenchSetting = Readonly<{
  decoder: string
  concurrency: number
  prompts: number
  /** Seconds a token over those of greedy at the same concurrency, where both were measured. */
  cost_over_greedy: number | null
  /** Where both were measured, of decoders that a reward steers. */
  beside_args: ArgsComparison | null
  baseline: Compared | null
  /** What the machine could do when the pair was measured, of fp32. */
  peaks: Peaks
  /** As `rooflineShare` says; null where it is not known, and of rounded weights. */
  roofline_share: number | null
}> &
  Figures

const WIDTH = 40

const number = (value: number | null, digits = 1): string => (value === null ? '-' : value.toFixed(digits))
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`
const bar = (share: number): string => '#'.repeat(Math.round(WIDTH * Math.min(1, Math.max(0, share))))

export const machineText = (machine: MeasuredMachine): string =>
  `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB; Node ${machine.node}; rxargs ${machine.version}; fp32 products of up to ${number(machine.peak_gflops, 0)} GFLOP/s, weights read at up to ${number(machine.peak_read_gb_s, 0)} GB/s`

/** A setting for people: its figures, where the time went, and how large the batches were. */
export function settingText(setting: BenchSetting): string {
  const { time_to_first_token_ms: first, time_per_token_ms: per, run_share: shares, batch_sizes: sizes } = setting
  const cost = setting.cost_over_greedy === null ? '' : `, ${number(setting.cost_over_greedy, 2)}x greedy's time a token`
  const time: (readonly [string, number])[] = [
    ['lm prefill', setting.lm_prefill_share],
    ['lm decode', Math.max(0, (shares.lm ?? 0) - setting.lm_prefill_share)],
    ...Object.entries(shares).filter(([model]) => model !== 'lm'),
    ['workers', setting.outside_share.workers],
    ['messages', setting.outside_share.messages],
    ['operators', setting.outside_share.operators],
  ]
  const widest = Math.max(...time.map(([name]) => name.length))
  return [
    `${setting.decoder}, ${setting.concurrency} at once: ${number(setting.tokens_per_second)} tokens/s${cost}`,
    `  ${setting.prompts} prompts, ${setting.completion_tokens} tokens in ${number(setting.seconds, 2)} s; ${number(setting.prompt_tokens_per_second)} prompt tokens/s; peak RSS ${(setting.peak_rss_bytes / 2 ** 20).toFixed(0)} MiB`,
    `  first token ${number(first.p50)} ms (p95 ${number(first.p95)}), each further ${number(per.p50, 2)} ms (p95 ${number(per.p95, 2)})`,
    `  ${number(setting.decode_tokens_per_second)} tokens/s from the second token on; GFLOP/s in runs: ${Object.entries(
      setting.gflops,
    )
      .map(([model, gflops]) => `${model} ${number(gflops, 0)}`)
      .join(', ')} of ${number(setting.peaks.peak_gflops, 0)}`,
    ...rooflineLines(setting.roofline_share),
    ...cacheLines(setting.cache_overhead),
    ...gpuLines(setting),
    ...baselineLines(setting.baseline),
    ...besideLines(setting.beside_args),
    `  wall time by what ran (${percent(setting.outside_run_share)} outside runs):`,
    ...time.map(([name, share]) => `    ${name.padEnd(widest)} ${percent(share).padStart(6)} ${bar(share)}`.trimEnd()),
    '  a step in each operator (what waits for a model waits for its batch):',
    ...operatorLines(setting.operator_ms),
    ...Object.entries(sizes).flatMap(([model, counts]) => [
      `  calls a batch of ${model}, mean ${number(setting.mean_batch[model] ?? 0, 2)}:`,
      ...histogram(counts),
    ]),
  ].join('\n')
}

function operatorLines(times: Readonly<Record<string, number>>): string[] {
  const widest = Math.max(0, ...Object.keys(times).map((name) => name.length))
  return Object.entries(times).map(([name, ms]) => `    ${name.padEnd(widest)} ${number(ms, 3).padStart(9)} ms`)
}

function histogram(counts: Readonly<Record<string, number>>): string[] {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  return Object.entries(counts)
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([size, count]) => `    ${size.padStart(4)} ${String(count).padStart(6)} ${bar(count / total)}`.trimEnd())
}

const rooflineLines = (share: number | null): string[] =>
  share === null
    ? []
    : [`  ${percent(share)} of the time is about the least that the linear layers take on this machine (roofline)`]

const cacheLines = (overheads: Readonly<Record<string, number>>): string[] => {
  const each = Object.entries(overheads).map(([model, overhead]) => `${model} ${number(overhead, 2)}x`)
  return each.length === 0 ? [] : [`  KV cache over what its tokens need: ${each.join(', ')}`]
}

const gpuLines = ({ gpu_bytes: bytes, completion_tokens: tokens }: BenchSetting): string[] => {
  const each = Object.entries(bytes).map(
    ([model, { up, down }]) => `${model} ${number(up / tokens, 0)} up, ${number(down / tokens, 0)} down`,
  )
  return each.length === 0 ? [] : [`  bytes between host and GPU for each token: ${each.join(', ')}`]
}

const besideLines = (beside: ArgsComparison | null): string[] =>
  beside
    ? [
        `  ${percent(beside.same_tokens)} of the tokens are those of args, ${beside.same_completions} of ${beside.completions} completions; ${number(beside.reward_time, 2)}x its time of reward models a token`,
      ]
    : []

const baselineLines = (compared: Compared | null): string[] =>
  compared
    ? [
        `  ${number(compared.ratio, 2)}x the baseline, ${number(compared.decode_ratio, 2)}x from the second token on (${number(compared.tokens_per_second)} tokens/s); ${compared.equal_completions} of ${compared.completions} completions equal`,
      ]
    : []
