import {
  aFolder,
  aLoop,
  allIn,
  both,
  type Corruption,
  cut,
  type Header,
  INDEX,
  sharded,
  WEIGHTS,
  weights,
  without,
  write,
} from './corrupt.js'

const Q = 'model.layers.0.self_attn.q_proj.weight'
const entry = (edit: (entry: Header[string]) => unknown) => weights((header) => edit(header[Q]!))
const value = (element: number, number: number) =>
  weights((header, data) => data.writeFloatLE(number, header[Q]!.data_offsets[0] + 4 * element))
const moved = (by: number) =>
  entry((tensor) => {
    const [from, to] = tensor.data_offsets
    tensor.data_offsets = [from + by, to + by]
  })
const renamed = weights((header) => {
  header.other = header[Q]!
  delete header[Q]
})
const twice = (header: Header) => JSON.stringify(header).replace(/\}$/, `,"${Q}":{}}`)

/** Weights and their index. */
export const weightCorruptions: readonly Corruption[] = [
  ['weights cut short', cut(WEIGHTS, 9000), /model\.safetensors, got offset \d+: the file is truncated/],
  ['weights of no bytes', write(WEIGHTS, ''), /model\.safetensors to begin with an 8-byte header length, got 0 bytes/],
  [
    'weights that are a page',
    write(WEIGHTS, '<!doctype html>'.repeat(9)),
    /the header of .*model\.safetensors to be at most \d+ bytes/,
  ],
  [
    'a header of 2^60 bytes',
    write(WEIGHTS, Buffer.from([0, 0, 0, 0, 0, 0, 0, 16])),
    /at most 100000000 bytes, got 1152921504606846976/,
  ],
  ['a header longer than its file', cut(WEIGHTS, 90), /bytes of header in .*model\.safetensors, got 82: the file is truncated/],
  [
    'a header that is no JSON',
    weights(
      () => 0,
      () => '{"a":',
    ),
    /the header of .*model\.safetensors to be JSON/,
  ],
  [
    'a header with a tensor twice',
    weights(() => 0, twice),
    /each key of the header of .*model\.safetensors once, got "model\.layers\.0\.\S+" twice/,
  ],
  [
    'tensors over each other',
    moved(-4),
    /Expected tensors of .*model\.safetensors not to overlap, got `model\.\S+` over `model\.\S+`/,
  ],
  ['a tensor out of the file', moved(1e9), /tensor `model\.\S+` in .*model\.safetensors to begin at offset \d+, after/],
  [
    'a side below zero',
    entry(({ shape }) => {
      shape[0] = -48
    }),
    /`shape` .* of tensor `\S+q_proj\.weight` in .*model\.safetensors, got/,
  ],
  [
    'sides beyond all bounds',
    entry((tensor) => {
      tensor.shape = [2 ** 40, 2 ** 40]
    }),
    /bytes for tensor `\S+q_proj\.weight` .*model\.safetensors, got/,
  ],
  [
    'a type that is not read',
    entry((tensor) => {
      tensor.dtype = 'I32'
    }),
    /`\S+q_proj\.weight` in .* to be one of F32, F16, BF16, got I32/,
  ],
  [
    'a type that there is not',
    entry((tensor) => {
      tensor.dtype = 'F1'
    }),
    /`\S+q_proj\.weight` in .* to be one of F32, F16, BF16, got F1/,
  ],
  [
    'a matrix with its sides swapped',
    entry(({ shape }) => shape.reverse()),
    /q_proj\.weight` in .* to have shape \[48, 32\], got \[32, 48\]/,
  ],
  ['a tensor under another name', renamed, /Expected tensor `\S+q_proj\.weight` \[48, 32\] in .*model\.safetensors, found none/],
  [
    'a weight that is not a number',
    value(10, Number.NaN),
    /finite weights in tensor `\S+q_proj\.weight` of .*model\.safetensors, got NaN at element 10/,
  ],
  [
    'a weight that is infinite',
    value(0, -Infinity),
    /finite weights in tensor `\S+q_proj\.weight` of .*, got an infinity at element 0/,
  ],
  ['weights that are a folder', aFolder(WEIGHTS), /Expected to read .*model\.safetensors: EISDIR/],
  ['weights that cannot be read', aLoop(WEIGHTS), /Expected to read .*model\.safetensors: ELOOP/],
  [
    'pickled weights only',
    both(without(WEIGHTS), write('pytorch_model.bin', 'x')),
    /got only pytorch_model\.bin: pickled weights can run code/,
  ],
  ['no weights', without(WEIGHTS), /Expected model\.safetensors or model\.safetensors\.index\.json in .*lm, found neither/],
  [
    'a shard that is missing',
    sharded((names) => allIn(names, 'model-2.safetensors')),
    /Expected .*model-2\.safetensors, which .*index\.json names, found no such file/,
  ],
  [
    'an index of other tensors',
    sharded((names) => ({ ...allIn(names, 'model-1.safetensors'), more: 'model-1.safetensors' })),
    /Expected tensor `more` in model-1\.safetensors, where .*index\.json puts it, found none/,
  ],
  [
    'an index that leaves the folder',
    sharded((names) => allIn(names, '../reward/model.safetensors')),
    /file names in .*index\.json to stay inside its folder, got "\.\.\/reward/,
  ],
  ['an index without files', sharded(() => ({})), /`weight_map` in .*index\.json to be an object of tensor names and file names/],
  [
    'an index with a key twice',
    both(without(WEIGHTS), write(INDEX, '{"weight_map":{"a":"x","a":"y"}}')),
    /each key of .*index\.json once, got "a" twice/,
  ],
  ['an index that is no JSON', both(without(WEIGHTS), write(INDEX, 'weight_map')), /index\.json to be JSON/],
]
