import type { PairSizes } from '../../models/checkpoint/writeRandomPair.js'
import type { BenchSetting } from './report.js'

/** One row: a pair of random models and its settings. `goal`: goals for the ratios to the paper's loop. */
export type TableRow = Readonly<{
  name: string
  sizes: Partial<PairSizes>
  decoder: readonly string[]
  prompts: number
  concurrency: number
  maxNewTokens: number
  weight?: number
  goal?: Readonly<{ ratio: number; decode_ratio: number }>
}>

const small = { d: 256, layers: 4, heads: 4, ffn: 704, vocab: 4096 }
const large = { d: 768, layers: 12, heads: 12, ffn: 2048, vocab: 32_000 }
const args = { decoder: ['args'] }
const costs = { decoder: ['args', 'greedy'], prompts: 2, concurrency: 1, maxNewTokens: 32 }
const goal = (ratio: number, decode: number) => ({ goal: { ratio, decode_ratio: decode } })

/** Small models have 5.3 M parameters, large ones 134 M, and reward models are as large as language models. Names: prompt / new tokens. */
// biome-ignore format: a row a line
export const tableRows: readonly TableRow[] = [
  { name: 'small, 128 / 128, 1 at once', sizes: small, ...args, prompts: 4, concurrency: 1, maxNewTokens: 128, ...goal(6, 7) },
  { name: 'small, 128 / 128, 32 at once', sizes: small, ...args, prompts: 32, concurrency: 32, maxNewTokens: 128, ...goal(16, 22) },
  { name: 'large, 128 / 32, 1 at once', sizes: large, ...args, prompts: 2, concurrency: 1, maxNewTokens: 32, ...goal(4.3, 5) },
  { name: 'large, 128 / 32, 16 at once', sizes: large, ...args, prompts: 16, concurrency: 16, maxNewTokens: 32, ...goal(11, 18) },
  { name: 'large, 512 / 32, 1 at once', sizes: { ...large, 'prompt-tokens': [512] }, ...args, prompts: 2, concurrency: 1, maxNewTokens: 32, ...goal(10, 15) },
  { name: 'large, 512 / 32, 8 at once', sizes: { ...large, 'prompt-tokens': [512] }, ...args, prompts: 8, concurrency: 8, maxNewTokens: 32, ...goal(16, 40) },
  { name: 'large, context 256', sizes: { ...large, 'prompt-tokens': [240] }, ...costs },
  { name: 'large, context 1,024', sizes: { ...large, 'prompt-tokens': [1008] }, ...costs },
  { name: 'large, 20 to 1,500 / 32, 8 at once', sizes: { ...large, 'prompt-tokens': [20, 100, 250, 400, 600, 800, 1100, 1500] }, ...args, prompts: 8, concurrency: 8, maxNewTokens: 32 },
  { name: 'large, 596 / 32, 8 at once', sizes: { ...large, 'prompt-tokens': [596] }, ...args, prompts: 8, concurrency: 8, maxNewTokens: 32 },
  { name: 'large, 128 / 32, 16 at once, weight 0.25', sizes: large, decoder: ['args', 'args-pruned'], prompts: 16, concurrency: 16, maxNewTokens: 32, weight: 0.25 },
  { name: 'large, reward model of one layer', sizes: { ...large, 'reward-layers': 1 }, ...costs },
]

/** A row of the table with its figures. */
export type TableSetting = Pick<TableRow, 'name' | 'goal'> & BenchSetting
