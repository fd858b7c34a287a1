import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { type GraphBuilder, graphBuilder } from '../../../../src/models/graph/builder.js'
import { ModelProtoSchema, TensorProto_DataLocation } from '../../../../src/models/graph/generated/onnx_pb.js'

const written = (graph: GraphBuilder) => fromBinary(ModelProtoSchema, graph.model())

describe('graphBuilder', () => {
  it('separates names that would be equal without separators', () => {
    const graph = graphBuilder('test')
    const a = graph.scope('layers.1').node('Relu', ['x'], { name: '0' })
    const b = graph.scope('layers.10').node('Relu', ['x'], { name: '' })
    expect([a, b]).toEqual(['layers.1/0', 'layers.10/'])
  })

  it('numbers a name that a node, an input or a tensor already has', () => {
    const graph = graphBuilder('test')
    graph.input('x', 'float', [1])
    graph.constant('c', Float32Array.of(1), [1])
    const names = ['x', 'c', 'y', 'y', 'y'].map((name) => graph.node('Relu', ['x'], { name }))
    expect(names).toEqual(['x:2', 'c:2', 'y', 'y:2', 'y:3'])
    expect(written(graph).graph!.node.map(({ name }) => name)).toEqual(names)
  })

  it('refuses two inputs or outputs with one name', () => {
    const graph = graphBuilder('test')
    graph.input('x', 'float', [1])
    expect(() => graph.input('x', 'float', [1])).toThrow('Expected the name `x` once')
    expect(() => graph.output('x', graph.node('Relu', ['x']), 'float', [1])).toThrow('Expected the name `x` once')
  })

  it('renames an output wherever a node uses it', () => {
    const graph = graphBuilder('test')
    const first = graph.node('Relu', [graph.input('x', 'float', ['B', 2])])
    graph.output('result', first, 'float', ['B', 2])
    graph.node('Neg', [first])
    const { node, output } = written(graph).graph!
    expect(node.map(({ input, output: made }) => [...input, ...made])).toEqual([
      ['x', 'result'],
      ['result', 'Neg'],
    ])
    expect(output[0]!.name).toBe('result')
  })

  it('writes fixed sizes as numbers and others by name', () => {
    const graph = graphBuilder('test')
    graph.input('x', 'int64', ['B', 2])
    const type = written(graph).graph!.input[0]!.type!.value
    const dims = type.case === 'tensorType' ? type.value.shape!.dim.map(({ value }) => value.value) : []
    expect(dims).toEqual(['B', 2n])
  })

  it('keeps a tensor inside the graph, its bytes in little-endian order', () => {
    const graph = graphBuilder('test').scope('a')
    expect(graph.constant('one', BigInt64Array.of(1n, -2n), [2])).toBe('a/one')
    expect(graph.constant('one', Float32Array.of(0.5), [])).toBe('a/one:2')
    const [one, half] = written(graph).graph!.initializer
    expect([...one!.rawData]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 254, 255, 255, 255, 255, 255, 255, 255])
    expect([...half!.rawData]).toEqual([0, 0, 0, 63])
  })

  it('refers to a tensor in a file by name, offset and length', () => {
    const graph = graphBuilder('test')
    const add = () => graph.external('w', 'bfloat16', [2, 3], { location: 'model.safetensors', begin: 80, length: 12 })
    expect([add(), add()]).toEqual(['w', 'w'])
    const [tensor, more] = written(graph).graph!.initializer
    expect(more).toBeUndefined()
    expect(tensor!.dataLocation).toBe(TensorProto_DataLocation.EXTERNAL)
    expect(tensor!.rawData).toHaveLength(0)
    expect(Object.fromEntries(tensor!.externalData.map(({ key, value }) => [key, value]))).toEqual({
      location: 'model.safetensors',
      offset: '80',
      length: '12',
    })
  })

  it('writes attributes in their type', () => {
    const graph = graphBuilder('test')
    const attributes = { a: { int: 1 }, b: { float: 1 }, c: { ints: [0, -1] }, d: { text: 'é' } }
    graph.nodes('Split', ['x'], 2, { attributes, domain: 'com.microsoft' })
    const [node] = written(graph).graph!.node
    expect(node!.output).toEqual(['Split.0', 'Split.1'])
    expect(node!.domain).toBe('com.microsoft')
    const [a, b, c, d] = node!.attribute
    expect([a!.i, b!.f, c!.ints, new TextDecoder().decode(d!.s)]).toEqual([1n, 1, [0n, -1n], 'é'])
    expect(new Set([a, b, c, d].map((one) => one!.type)).size).toBe(4)
  })
})
