import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ModelError } from '../../../../src/core/errors.js'
import { readSafetensors, type Tensors } from '../../../../src/models/checkpoint/weights/safetensors.js'
import { buildGraph } from '../../../../src/models/graph/buildGraph.js'
import { ModelProtoSchema } from '../../../../src/models/graph/generated/onnx_pb.js'
import { type Answer, chain, configOf, type GraphSession, goldenPath, ids, openGraph, type Pass, tree } from './graphSession.js'

const numbers = ({ heads, planes }: Answer) => [...heads, ...planes].flatMap((values) => [...values])
const gap = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))

// Positions that change with the length of a sequence are the runtime's affair.
const sameAtAnyLength = { ropeScaling: { type: 'none' } }
const graphs: [string, Record<string, unknown>?][] = [
  ...[['grouped/lm'], ['biased/lm'], ['linear/reward'], ['llama3/reward'], ['mistral/lm'], ['qwen2/reward'], ['qwen3/lm']],
  ...[['phi3/lm', sameAtAnyLength], ['gemma2/lm'], ['gemma3/lm'], ['opt/reward'], ['opt-350m/lm'], ['opt-plain/lm']],
  ...[['gpt2/lm'], ['gpt2-scaled/reward'], ['gpt_neox/lm'], ['gpt_neox-serial/reward']],
] as [string, Record<string, unknown>?][]

describe('a graph with rotary positions', () => {
  it.each(['biased', 'llama3', 'mistral', 'phi3', 'gemma3', 'gpt_neox'])(
    'is as small for a context of four million tokens (%s)',
    async (pair) => {
      const folder = goldenPath(`${pair}/lm`)
      const tensors = await readSafetensors(folder)
      const sizeOf = (contextLength: number) => buildGraph({ ...configOf(folder), contextLength }, tensors).model.length
      expect(sizeOf(4_194_304)).toBe(sizeOf(8192))
    },
  )
})

describe('a layer on a CPU', () => {
  it('has few nodes, since each costs a decode step time', async () => {
    const folder = goldenPath('biased/lm')
    const { model } = buildGraph(configOf(folder), await readSafetensors(folder))
    const nodes = fromBinary(ModelProtoSchema, model).graph!.node.filter(({ name }) => name.startsWith('layers.1/attention/'))
    const names = nodes.map(({ name }) => name.slice('layers.1/attention/'.length))
    expect(names).toEqual([
      'scaled',
      ...['query', 'key', 'value'].flatMap((name) => [`${name}/heads`, name]),
      ...['past_scores', 'self_scores', 'scores', 'masked', 'probabilities'],
      ...['parts', 'past_sum', 'self_sum', 'sum', 'tokens/heads', 'tokens', 'joined'],
    ])
  })

  it('multiplies scores without a factor, which would keep the runtime from its kernel for a single row', async () => {
    const folder = goldenPath('biased/lm')
    const { model } = buildGraph(configOf(folder), await readSafetensors(folder))
    const { node } = fromBinary(ModelProtoSchema, model).graph!
    const products = node.filter(({ name }) => name.endsWith('_scores'))
    const sources = products.map(({ input }) => node.find(({ output }) => output[0] === input[0])!.opType)
    expect(new Set(sources)).toEqual(new Set(['Gather']))
    expect(products.flatMap(({ attribute }) => attribute.map(({ name }) => name))).not.toContain('alpha')
  })
})

describe.each(graphs)('the graph of %s', (path, changed) => {
  let graph: GraphSession
  beforeAll(async () => {
    graph = await openGraph(goldenPath(path), changed)
  })

  it('has the inputs and outputs of its contract', () => {
    const layers = [...Array(graph.config.layers).keys()]
    const masks = graph.masks.flatMap(({ past, self }) => [past, self])
    const isLm = path.endsWith('lm')
    const plain = [
      'input_ids',
      'position_ids',
      'slots',
      'places',
      ...masks,
      'read_positions',
      ...(isLm ? ['head_positions', 'top'] : []),
    ]
    const ropes = ['rope', ...('localRope' in graph.config ? ['local_rope'] : [])].flatMap((name) => [
      `${name}_cos`,
      `${name}_sin`,
    ])
    const tables = 'ropeTheta' in graph.config ? ropes : []
    const head = isLm ? ['logits', 'hidden_states', 'tops'] : ['reward']
    const past = layers.flatMap((layer) => [`past_key.${layer}`, `past_value.${layer}`])
    const made = layers.flatMap((layer) => [`key.${layer}`, `value.${layer}`])
    expect([...graph.inputs].sort()).toEqual([...plain, ...tables, ...past].sort())
    expect([...graph.outputs].sort()).toEqual([...head, ...made].sort())
  })

  it('gives the same bits with position tables of any length', async () => {
    const pass = chain(graph.empty(), ids(70), [0, 33, 69])
    const [used, longer] = [await graph.run([pass]), await graph.run([pass], { P: 3000 })]
    expect(longer).toEqual(used)
  })

  it('gives the same for any cut of a sequence, up to rounding', async () => {
    const tokens = ids(70)
    const [whole] = await graph.run([chain(graph.empty(), tokens)])
    for (const cut of [1, 32, 69]) {
      const first = chain(graph.empty(), tokens.slice(0, cut))
      const cached = graph.grown(first, (await graph.run([first]))[0]!)
      const [rest] = await graph.run([chain(cached, tokens.slice(cut))])
      expect(gap([...rest!.heads[0]!], [...whole!.heads[0]!])).toBeLessThan(2e-5)
    }
  })

  it('gives a candidate in a tree the same as in its own pass, up to rounding', async () => {
    const prompt = chain(graph.empty(), ids(40))
    const cached = graph.grown(prompt, (await graph.run([prompt]))[0]!)
    const candidateIds = ids(10, 3)
    const [together] = await graph.run([tree(cached, candidateIds)])
    for (const [i, candidateId] of candidateIds.entries()) {
      const [alone] = await graph.run([chain(graph.empty(), [...ids(40), candidateId])])
      expect(gap([...together!.heads[i]!], [...alone!.heads[0]!])).toBeLessThan(2e-5)
    }
  })

  it('gives a branch of several tokens beside others the same as a chain', async () => {
    const cached = graph.empty()
    // 5, then 6 7 and 8 9 side by side.
    const pass: Pass = { cached, tokenIds: [5, 6, 7, 8, 9], parents: [-1, 0, 1, 0, 3], reads: [4, 2] }
    const [branches] = await graph.run([pass])
    const alone = await graph.run([chain(cached, [5, 8, 9]), chain(cached, [5, 6, 7])])
    expect(gap([...branches!.heads[0]!], [...alone[0]!.heads[0]!])).toBeLessThan(2e-5)
    expect(gap([...branches!.heads[1]!], [...alone[1]!.heads[0]!])).toBeLessThan(2e-5)
  })

  it('gives a row the same bits in any batch and place, padded to any T, S and R', async () => {
    const kinds = fc.constantFrom('decode', 'tree', 'chain')
    // Without a past, a row alone reads no cache.
    const past = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 140 }))
    const setting = { kind: kinds, past, tokens: fc.integer({ min: 2, max: 12 }) }
    const row = fc.record({ ...setting, seed: fc.nat(20) })
    const padding = fc.record({ T: fc.integer({ min: 0, max: 8 }), S: fc.nat(9), R: fc.nat(4), at: fc.nat(20) })
    const passOf = async ({ kind, past, tokens, seed }: { kind: string; past: number; tokens: number; seed: number }) => {
      const prompt = chain(graph.empty(), ids(past + 1, seed))
      const cached = past === 0 ? graph.empty() : graph.grown(prompt, (await graph.run([prompt]))[0]!)
      if (kind === 'decode') return chain(cached, ids(1, seed))
      return kind === 'tree' ? tree(cached, ids(tokens, seed)) : chain(cached, ids(tokens, seed))
    }
    await fc.assert(
      fc.asyncProperty(row, fc.array(row, { maxLength: 7 }), padding, async (wanted, others, { T, S, R, at }) => {
        const same = others.filter(({ kind }) => (kind === 'decode') === (wanted.kind === 'decode'))
        const passes = await Promise.all([wanted, ...same].map(passOf))
        const [alone] = await graph.run([passes[0]!])
        const place = at % passes.length
        const batch = [...passes.slice(1, place + 1), passes[0]!, ...passes.slice(place + 1)]
        const width = wanted.kind === 'decode' ? 1 : wanted.tokens + S
        const answers = await graph.run(batch, { T: 160 + 32 * T, S: width, R: passes[0]!.reads.length + R })
        expect(gap(numbers(answers[place]!), numbers(alone!))).toBe(0)
      }),
      { numRuns: 25, seed: 7 },
    )
  })
})

describe('a config that does not fit the weights', () => {
  it.each([
    ['num_key_value_heads', { kvHeads: 4 }, 'k_proj.weight'],
    ['head_dim', { headDim: 8 }, 'q_proj.weight'],
    ['attention_bias', { attentionBias: true }, 'q_proj.bias'],
    ['mlp_bias', { mlpBias: true }, 'gate_proj.bias'],
    ['vocab_size', { vocabSize: 281 }, 'model.embed_tokens.weight'],
    ['num_hidden_layers', { layers: 3 }, 'model.layers.2.'],
  ])('is refused with the name of a tensor: %s', async (_, changed, tensor) => {
    await expect(openGraph(goldenPath('grouped/lm'), changed)).rejects.toThrow(tensor)
    await expect(openGraph(goldenPath('grouped/lm'), changed)).rejects.toThrow(ModelError)
  })
})

describe('the output projection', () => {
  it('comes from the checkpoint, even if the config ties it to the embedding, as in transformers 5', async () => {
    const answers = [true, false].map(async (tieWordEmbeddings) => {
      const graph = await openGraph(goldenPath('grouped/lm'), { tieWordEmbeddings })
      return [...(await graph.run([chain(graph.empty(), ids(5))]))[0]!.heads[0]!]
    })
    expect(await answers[0]).toEqual(await answers[1])
  })

  it('is named in the error if neither exists', async () => {
    await expect(openGraph(goldenPath('biased/lm'), { tieWordEmbeddings: false })).rejects.toThrow('`lm_head.weight` [280, 32]')
  })
})

describe('weights', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'graph-'))
  afterAll(() => rmSync(scratch, { recursive: true }))
  const path = goldenPath('linear/lm')
  const built = (change: (tensors: Tensors) => Tensors) =>
    readSafetensors(path).then((read) => buildGraph(configOf(path), change(read)))

  it('lists tensors that the graph does not use', async () => {
    const config = { ...configOf(goldenPath('biased/reward')), layers: 1, attentionBias: false }
    const { unusedTensors } = buildGraph(config, await readSafetensors(goldenPath('biased/reward')))
    expect(unusedTensors).toContain('model.layers.1.mlp.up_proj.weight')
    expect(unusedTensors).toContain('model.layers.0.self_attn.q_proj.bias')
    expect((await built((tensors) => tensors)).unusedTensors).toEqual([])
  })

  it('go into memory if the shards lie in different folders', async () => {
    const moved = (file: string) => join(scratch, 'elsewhere', basename(file))
    const split = await built((tensors) => ({
      ...tensors,
      files: tensors.files.map((file, i) => (i === 0 ? moved(file) : file)),
    }))
    expect(split.inMemory.map(({ name }) => name)).toContain('model.embed_tokens.weight')
    expect((await built((tensors) => tensors)).inMemory).toEqual([])
  })

  // On Windows links are a privilege.
  it.skipIf(process.platform === 'win32')('are found through links, as the Hub cache lays them out', async () => {
    const { files } = await readSafetensors(path)
    const linked = mkdtempSync(join(scratch, 'snapshot-'))
    for (const name of ['config.json', 'model.safetensors.index.json']) copyFileSync(join(path, name), join(linked, name))
    for (const [i, file] of files.entries()) {
      copyFileSync(file, join(scratch, `blob${i}`))
      symlinkSync(join(scratch, `blob${i}`), join(linked, basename(file)), 'file')
    }
    const pass = (graph: GraphSession) => graph.run([chain(graph.empty(), ids(5))])
    const [plain, through] = [await pass(await openGraph(path)), await pass(await openGraph(linked))]
    expect([...through[0]!.heads[0]!]).toEqual([...plain[0]!.heads[0]!])
  })
})
