import type { Peaks } from '../../models/peaks/peak.js'
import type { Machine, MeasuredMachine } from '../run/machine.js'
import type { Compared } from './compare.js'
import type { ArgsComparison } from './compareWithArgs.js'
import type { Figures } from './figures.js'

export type BenchSetting = Readonly<{
  decoder: string
  concurrency: number
  prompts: number
  /** Seconds per token over those of greedy at the same concurrency, if both were measured. */
  cost_over_greedy: number | null
  /** For decoders that use the reward, if args was measured, too. */
  beside_args: ArgsComparison | null
  baseline: Compared | null
  /** Peak speed of the machine in fp32 when the pair was measured; null if both models are servers. */
  peaks: Peaks | null
  /** See `rooflineShare`; null if unknown, or for quantized weights. */
  roofline_share: number | null
}> &
  Figures

const WIDTH = 40

const number = (value: number | null, digits = 1): string => (value === null ? '-' : value.toFixed(digits))
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`
const bar = (share: number): string => '#'.repeat(Math.round(WIDTH * Math.min(1, Math.max(0, share))))

export const machineText = (machine: Machine | MeasuredMachine): string =>
  `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB; Node ${machine.node}; rxargs ${machine.version}${'peak_gflops' in machine ? peaksText(machine) : ''}`

const peaksText = (machine: Peaks): string =>
  `; fp32 products of up to ${number(machine.peak_gflops, 0)} GFLOP/s, weights read at up to ${number(machine.peak_read_gb_s, 0)} GB/s`

/** Formats a setting as text: figures, where the time went, and sizes of batches. */
export function settingText(setting: BenchSetting): string {
  const { time_to_first_token_ms: first, time_per_token_ms: per, run_share: shares, batch_sizes: sizes } = setting
  const cost = setting.cost_over_greedy === null ? '' : `, ${number(setting.cost_over_greedy, 2)}x the time per token of greedy`
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
    `  first token ${number(first.p50)} ms (p95 ${number(first.p95)}), later tokens ${number(per.p50, 2)} ms (p95 ${number(per.p95, 2)})`,
    `  ${number(setting.decode_tokens_per_second)} tokens/s from the second token on${speedOf(setting)}`,
    cpuLine(setting),
    ...rooflineLines(setting.roofline_share),
    ...cacheLines(setting.cache_overhead),
    ...gpuLines(setting),
    ...requestLines(setting.requests),
    ...baselineLines(setting.baseline),
    ...besideLines(setting.beside_args),
    `  wall time by activity (${percent(setting.outside_run_share)} outside runs):`,
    ...time.map(([name, share]) => `    ${name.padEnd(widest)} ${percent(share).padStart(6)} ${bar(share)}`.trimEnd()),
    '  time of a step in each operator, including the wait for a batch:',
    ...operatorLines(setting.operator_ms),
    ...Object.entries(sizes).flatMap(([model, counts]) => [
      `  calls per batch of ${model}, mean ${number(setting.mean_batch[model] ?? 0, 2)}:`,
      ...histogram(counts),
    ]),
  ].join('\n')
}

/** The speed of models whose cost is known: not of servers and exported graphs. */
function speedOf({ gflops, peaks }: BenchSetting): string {
  const each = Object.entries(gflops).map(([model, speed]) => `${model} ${number(speed, 0)}`)
  return each.length === 0 ? '' : `; GFLOP/s in runs: ${each.join(', ')} of ${number(peaks?.peak_gflops ?? null, 0)}`
}

/** One token of each sequence that runs at the same time is what other tools call a step. */
function cpuLine({ cpu_ms_per_token: ms, concurrency, prompts }: BenchSetting): string {
  const together = Math.min(concurrency, prompts)
  return `  processor time ${number(ms, 3)} ms a token, ${number(ms * together, 2)} ms for one token of each of ${together} prompts`
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
  share === null ? [] : [`  ${percent(share)} of the time is the lower bound for the linear layers on this machine (roofline)`]

const cacheLines = (overheads: Readonly<Record<string, number>>): string[] => {
  const each = Object.entries(overheads).map(([model, overhead]) => `${model} ${number(overhead, 2)}x`)
  return each.length === 0 ? [] : [`  size of the KV cache over the need of its tokens: ${each.join(', ')}`]
}

const gpuLines = ({ gpu_bytes: bytes, completion_tokens: tokens }: BenchSetting): string[] => {
  const each = Object.entries(bytes).map(
    ([model, { up, down }]) => `${model} ${number(up / tokens, 0)} up, ${number(down / tokens, 0)} down`,
  )
  return each.length === 0 ? [] : [`  bytes between host and GPU for each token: ${each.join(', ')}`]
}

const requestLines = (requests: BenchSetting['requests']): string[] =>
  Object.entries(requests).map(
    ([model, { count, mean_items: items, ms }]) =>
      `  requests to the server of ${model}: ${count} of ${number(items)} ${model === 'lm' ? 'prompts' : 'texts'}, answered in ${number(ms.p50)} ms (p95 ${number(ms.p95)})`,
  )

const besideLines = (beside: ArgsComparison | null): string[] =>
  beside
    ? [
        `  ${percent(beside.same_tokens)} of the tokens and ${beside.same_completions} of ${beside.completions} completions equal those of args; ${number(beside.reward_time, 2)}x its time per token in reward models`,
      ]
    : []

const baselineLines = (compared: Compared | null): string[] =>
  compared
    ? [
        `  ${number(compared.ratio, 2)}x the baseline, ${number(compared.decode_ratio, 2)}x from the second token on (${number(compared.tokens_per_second)} tokens/s); ${compared.equal_completions} of ${compared.completions} completions equal`,
      ]
    : []
