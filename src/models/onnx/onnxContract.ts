import { ModelError } from '../../core/errors.js'
import type { OnnxHeader, OnnxValue } from './readOnnxHeader.js'

/** Names of the input and the output of one layer's keys or values, [B, heads, positions, headDim]. */
export type Plane = Readonly<{ past: string; present: string; heads: number; headDim: number; type: 'float32' | 'float16' }>

/** Inputs and outputs of an exported graph, beside `input_ids` int64 [B, S]. */
export type OnnxContract = Readonly<{
  /** Inputs other than the ids and the cache. */
  inputs: readonly OnnxInput[]
  /** Key and value of each layer. An empty list means no cache: each call reads the whole sequence. */
  planes: readonly Plane[]
  /** Size of `logits` per position or sequence; undefined if the file leaves it open. */
  width: number | undefined
  /** Whether `logits` are [B, width] for the whole sequence, not [B, S, width]. */
  pooled: boolean
  /** Whether the bits of a row's `logits` are independent of the other rows in the batch. */
  rowsApart: boolean
  /** Whether that needs an even number of rows of one token, and a run alone for longer rows. */
  evenRows: boolean
}>

const LAYER = /^past_key_values\.(\d+)\.(key|value)$/
const KNOWN = {
  attention_mask: 'int64 [B, T + S], all 1',
  position_ids: 'int64 [B, S]',
  token_type_ids: 'int64 [B, S], all 0',
  use_cache_branch: 'bool [1]: there is a cache to go on from',
  num_logits_to_keep: 'int64 []: 1, only the last position is read',
} as const
export type OnnxInput = keyof typeof KNOWN

const describe = ({ name, type, dims }: OnnxValue): string => `\`${name}\` ${type} [${dims.join(', ')}]`

/**
 * Reads a graph's contract from the names, types and sizes of its inputs and outputs, in the hub's usual layout.
 *
 * @throws ModelError for an unknown input, a cache of another form, and missing logits
 * @see optimum exporters/onnx: input and output names of decoders and of sequence classification
 */
export function onnxContract({ inputs, outputs, operators }: OnnxHeader, file: string): OnnxContract {
  const refuse = (expected: string, got: string): never => {
    throw new ModelError(`Expected ${expected} in ${file}, got ${got}`)
  }
  const ids = inputs.find(({ name }) => name === 'input_ids')
  if (ids?.type !== 'int64' || ids.dims.length !== 2) refuse('an input `input_ids` int64 [B, S]', ids ? describe(ids) : 'none')
  const rest = inputs.filter(({ name }) => name !== 'input_ids' && !LAYER.test(name))
  for (const input of rest) {
    if (!(input.name in KNOWN))
      refuse(
        `inputs of a language or reward model (input_ids, past_key_values.N.key, ${Object.keys(KNOWN).join(', ')})`,
        describe(input),
      )
    const expected = KNOWN[input.name as OnnxInput]
    if (!expected.startsWith(`${input.type} `)) refuse(`\`${input.name}\` to be ${expected}`, describe(input))
  }
  const planes = planesOf(inputs, outputs, refuse)
  const logits = outputs.find(({ name }) => name === 'logits')
  if (!logits || !['float', 'float16'].includes(logits.type) || ![2, 3].includes(logits.dims.length))
    return refuse(
      'an output `logits` float or float16 [B, S, V] or [B, labels]',
      logits ? describe(logits) : outputs.map(({ name }) => name).join(', '),
    )
  const pooled = logits.dims.length === 2
  if (pooled && planes.length > 0) refuse('logits of each position beside a cache', describe(logits))
  const width = logits.dims.at(-1)
  return {
    inputs: rest.map(({ name }) => name as OnnxInput),
    planes,
    width: typeof width === 'number' ? width : undefined,
    pooled,
    rowsApart: keepsRowsApart(operators),
    evenRows: needsEvenBatch(operators),
  }
}

function planesOf(inputs: readonly OnnxValue[], outputs: readonly OnnxValue[], refuse: (expected: string, got: string) => never) {
  const pasts = new Map(inputs.filter(({ name }) => LAYER.test(name)).map((input) => [input.name, input]))
  const layers = Math.max(0, ...[...pasts.keys()].map((name) => Number(name.match(LAYER)![1]) + 1))
  return Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`])
    .flat()
    .map((name): Plane => {
      const past = pasts.get(`past_key_values.${name}`)
      const present = outputs.find((output) => output.name === `present.${name}`)
      if (!past) return refuse(`an input \`past_key_values.${name}\`, as other layers have`, 'none')
      if (!present) return refuse(`an output \`present.${name}\` for \`${past.name}\``, 'none')
      const [, heads, , headDim] = past.dims
      if (past.dims.length !== 4 || typeof heads !== 'number' || typeof headDim !== 'number')
        return refuse(`\`${past.name}\` to be [B, heads, T, width], heads and width fixed`, describe(past))
      const type = ({ float: 'float32', float16: 'float16' } as const)[past.type]
      if (type === undefined || present.type !== past.type)
        return refuse(`\`${past.name}\` and \`${present.name}\` both float or both float16`, `${past.type} and ${present.type}`)
      return { past: past.name, present: present.name, heads, headDim, type }
    })
}

/**
 * Standard operators that may give a row other bits in another batch. Activations that are quantised over the whole tensor mix rows (tests
 * showed logits off by 0.02 to 0.08). Fused attention was not tested.
 */
const ROWS_TOGETHER =
  /^:(Dynamic|QLinear|Quantize|Dequantize|MatMulInteger|ConvInteger|Attention|RotaryEmbedding|RMSNormalization)/

/** The runtime's own operators that keep a row's bits in any batch. Weights in blocks are a separate case. */
const BLOCKS = 'com.microsoft:MatMulNBits'
const ROWWISE = ['GroupQueryAttention', 'SkipSimplifiedLayerNormalization'].map((name) => `com.microsoft:${name}`)

/**
 * Whether a graph of these operators gives a row the same bits alone and in any batch of equal lengths. Tested on exports of optimum
 * (fp32, fp16, weights in 4-bit blocks) and on fused graphs with 1 to 6 rows of 1 to 100 tokens. For 4-bit blocks it holds only with 8-bit
 * inputs of products (accuracy level 4): the others have a special kernel for one row of one token, which rounds differently (1e-6).
 */
const keepsRowsApart = (operators: OnnxHeader['operators']): boolean =>
  operators.every(({ name, accuracyLevel }) => {
    if (name === BLOCKS) return accuracyLevel === 4
    return ROWWISE.includes(name) || (name.startsWith(':') && !ROWS_TOGETHER.test(name))
  })

/**
 * Whether a graph of these operators needs an even number of rows if each row has one token (see `needsEvenRows` in graph/quantize.ts).
 */
const needsEvenBatch = (operators: OnnxHeader['operators']): boolean =>
  operators.some(({ name, bits = 4 }) => name === BLOCKS && bits !== 8)
