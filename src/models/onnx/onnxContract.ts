import { ModelError } from '../../core/errors.js'
import type { OnnxHeader, OnnxValue } from './readOnnxHeader.js'

/** Keys or values of one layer: names of the input and the output, [B, heads, positions, headDim]. */
export type Plane = Readonly<{ past: string; present: string; heads: number; headDim: number; type: 'float32' | 'float16' }>

/** What a ready graph takes and gives, beside `input_ids` int64 [B, S]. */
export type OnnxContract = Readonly<{
  /** Inputs besides the ids and the cache. */
  inputs: readonly OnnxInput[]
  /** Key and value of each layer; none: the graph keeps nothing, a sequence is read as a whole each time. */
  planes: readonly Plane[]
  /** Numbers that `logits` has a position or sequence; undefined where the file leaves it open. */
  width: number | undefined
  /** `logits` are [B, width], of the whole sequence, not [B, S, width]. */
  pooled: boolean
  /** What `logits` says of a row is the same bits whatever other rows are in the batch. */
  rowsApart: boolean
  /** That holds of rows of one token in even numbers only, and of longer rows alone. */
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

const shown = ({ name, type, dims }: OnnxValue): string => `\`${name}\` ${type} [${dims.join(', ')}]`

/**
 * Understands a graph by the names, types and sizes of its inputs and outputs, in the hub's usual layout.
 *
 * @throws ModelError for an input that is not known, for a cache of another form, and where there are no logits
 * @see optimum exporters/onnx: input and output names of decoders and of sequence classification
 */
export function onnxContract({ inputs, outputs, operators }: OnnxHeader, file: string): OnnxContract {
  const refuse = (expected: string, got: string): never => {
    throw new ModelError(`Expected ${expected} in ${file}, got ${got}`)
  }
  const ids = inputs.find(({ name }) => name === 'input_ids')
  if (ids?.type !== 'int64' || ids.dims.length !== 2) refuse('an input `input_ids` int64 [B, S]', ids ? shown(ids) : 'none')
  const rest = inputs.filter(({ name }) => name !== 'input_ids' && !LAYER.test(name))
  for (const input of rest) {
    if (!(input.name in KNOWN))
      refuse(
        `inputs of a language or reward model (input_ids, past_key_values.N.key, ${Object.keys(KNOWN).join(', ')})`,
        shown(input),
      )
    const expected = KNOWN[input.name as OnnxInput]
    if (!expected.startsWith(`${input.type} `)) refuse(`\`${input.name}\` to be ${expected}`, shown(input))
  }
  const planes = planesOf(inputs, outputs, refuse)
  const logits = outputs.find(({ name }) => name === 'logits')
  if (!logits || !['float', 'float16'].includes(logits.type) || ![2, 3].includes(logits.dims.length))
    return refuse(
      'an output `logits` float or float16 [B, S, V] or [B, labels]',
      logits ? shown(logits) : outputs.map(({ name }) => name).join(', '),
    )
  const pooled = logits.dims.length === 2
  if (pooled && planes.length > 0) refuse('logits of each position beside a cache', shown(logits))
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
        return refuse(`\`${past.name}\` to be [B, heads, T, width], heads and width fixed`, shown(past))
      const type = ({ float: 'float32', float16: 'float16' } as const)[past.type]
      if (type === undefined || present.type !== past.type)
        return refuse(`\`${past.name}\` and \`${present.name}\` both float or both float16`, `${past.type} and ${present.type}`)
      return { past: past.name, present: present.name, heads, headDim, type }
    })
}

/**
 * Standard operators that were not found to give each row the same bits in any batch: activations quantised for the whole tensor at once
 * mix rows (tried: logits off by 0.02 to 0.08), fused attention was not tried.
 */
const ROWS_TOGETHER =
  /^:(Dynamic|QLinear|Quantize|Dequantize|MatMulInteger|ConvInteger|Attention|RotaryEmbedding|RMSNormalization)/

/** The runtime's own operators that were found to. Weights in blocks are another matter. */
const BLOCKS = 'com.microsoft:MatMulNBits'
const ROWWISE = ['GroupQueryAttention', 'SkipSimplifiedLayerNormalization'].map((name) => `com.microsoft:${name}`)

/**
 * Whether a graph of these operators gives a row the same bits alone and in any batch of equal lengths. Tried on exports of optimum
 * (fp32, fp16, weights in 4-bit blocks) and on fused graphs with 1 to 6 rows of 1 to 100 tokens. With 4-bit blocks only where products
 * are of 8-bit inputs (accuracy level 4): the others have a kernel of its own for one row of one token, which rounds otherwise (1e-6).
 */
const keepsRowsApart = (operators: OnnxHeader['operators']): boolean =>
  operators.every(({ name, accuracyLevel }) => {
    if (name === BLOCKS) return accuracyLevel === 4
    return ROWWISE.includes(name) || (name.startsWith(':') && !ROWS_TOGETHER.test(name))
  })

/**
 * Whether a graph of these operators needs an even number of rows for that, where each has one token (see `needsEvenRows` of
 * graph/quantize.ts).
 */
const needsEvenBatch = (operators: OnnxHeader['operators']): boolean =>
  operators.some(({ name, bits = 4 }) => name === BLOCKS && bits !== 8)
