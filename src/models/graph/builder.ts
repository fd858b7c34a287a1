import { create, toBinary } from '@bufbuild/protobuf'
import { type Attributes, attributeProtos } from './attributes.js'
import {
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from './generated/onnx_pb.js'
import { type Dims, type ElementType, elementTypes, valueInfo } from './tensorTypes.js'

/** A value of the graph, by its name. */
export type Value = string

/** A tensor in a file of the weights' folder: bytes `begin` to `begin + length`. */
export type ExternalData = Readonly<{ location: string; begin: number; length: number }>

/** `outputs`: the names of outputs that other nodes already refer to. */
export type NodeOptions = Readonly<{
  attributes?: Attributes
  name?: string
  domain?: '' | 'com.microsoft'
  outputs?: readonly (Value | undefined)[]
}>

/**
 * Writes a graph node by node. A node's name is `scope/name`, and its value has the same name. A second node of one name gets a number (`Add`,
 * `Add:2`), so names are unique and still say where they belong.
 */
export type GraphBuilder = Readonly<{
  /** The device that runs the graph. CPU and GPU have different operators and keep caches in different memory. */
  device: Device
  /** The type of weights and activations from here on. */
  real: Real
  /** The type of embeddings and MLPs: fp16 if the weights are to be in fp16. */
  lowPrecision: Real
  /** The same graph with weights and activations in this type from here on. */
  as(type: Real): GraphBuilder
  /** The same graph with `name/` before all names. */
  scope(name: string): GraphBuilder
  input(name: string, type: ElementType, dims: Dims): Value
  /** Makes `value` an output of this name. */
  output(name: string, value: Value, type: ElementType, dims: Dims): void
  /** Adds a node with one output. */
  node(op: string, inputs: readonly Value[], options?: NodeOptions): Value
  /** Adds a node with several outputs. */
  nodes(op: string, inputs: readonly Value[], count: number, options?: NodeOptions): Value[]
  /** Removes the node of this operator and name that makes `value`, and returns its inputs. Undefined if there is none. */
  removeNode(value: Value, op: string, name: string): readonly Value[] | undefined
  /** A tensor inside the graph. */
  constant(name: string, data: Float32Array | BigInt64Array | Int32Array, dims: readonly number[]): Value
  /** Numbers inside the graph, in the type of activations. The runtime converts them once, when it loads the graph. */
  numbers(name: string, values: Float32Array, dims: readonly number[]): Value
  /** A tensor in a file beside the graph, in the type of the file. The same name is the same tensor. */
  external(name: string, type: ElementType, dims: readonly number[], data: ExternalData): Value
  /** The graph as an ONNX file's bytes. */
  model(): Uint8Array
}>

/** The device of a model: the CPU, or a GPU through WebGPU. */
export type Device = 'cpu' | 'webgpu'

/** Types of weights and activations: fp32 or fp16. */
export type Real = 'float' | 'float16'

/** ONNX 1.12, the first version with all operators that we use. */
const OPSET = 17n
const IR_VERSION = 8n

/** Weights and activations are in fp32, those of embeddings and MLPs in `lowPrecision`. */
export function graphBuilder(name: string, device: Device = 'cpu', lowPrecision: Real = 'float'): GraphBuilder {
  const graph = create(GraphProtoSchema, { name })
  const names = new Set<string>()
  const externals = new Map<string, Value>()
  const renamed = new Map<Value, string>()

  const unique = (base: string): string => {
    let free = base
    for (let n = 2; names.has(free); n++) free = `${base}:${n}`
    names.add(free)
    return free
  }

  /** Inputs and outputs keep their exact names: callers rely on them. */
  const exactly = (base: string): string => {
    if (names.has(base)) throw new Error(`Expected the name \`${base}\` once in graph ${name}, got it twice`)
    return unique(base)
  }

  const scoped = (prefix: string, real: Real): GraphBuilder => {
    const nodes: GraphBuilder['nodes'] = (
      op,
      inputs,
      count,
      { attributes = {}, name: own = op, domain = '', outputs = [] } = {},
    ) => {
      const node = unique(prefix + own)
      const named = (index: number) => outputs[index] ?? (count === 1 ? node : `${node}.${index}`)
      const output = Array.from({ length: count }, (_, index) => named(index))
      graph.node.push(
        create(NodeProtoSchema, {
          name: node,
          opType: op,
          domain,
          input: [...inputs],
          output,
          attribute: attributeProtos(attributes),
        }),
      )
      return output
    }
    const constant: GraphBuilder['constant'] = (own, data, dims) => {
      const full = unique(prefix + own)
      const dataType = elementTypes[typeOf(data)]
      const rawData = littleEndian(data)
      graph.initializer.push(create(TensorProtoSchema, { name: full, dataType, dims: dims.map(BigInt), rawData }))
      return full
    }
    return {
      device,
      real,
      lowPrecision,
      as: (type) => scoped(prefix, type),
      scope: (inner) => scoped(`${prefix}${inner}/`, real),
      input(input, type, dims) {
        graph.input.push(valueInfo(exactly(input), type, dims))
        return input
      },
      output(output, value, type, dims) {
        graph.output.push(valueInfo(exactly(output), type, dims))
        renamed.set(value, output)
      },
      nodes,
      node: (op, inputs, options) => nodes(op, inputs, 1, options)[0]!,
      removeNode(value, op, name) {
        const index = graph.node.findLastIndex(({ opType, output }) => opType === op && output.includes(value))
        if (index < 0 || !graph.node[index]!.name.includes(name)) return undefined
        return graph.node.splice(index, 1)[0]!.input
      },
      constant,
      numbers(own, values, dims) {
        const value = constant(own, values, dims)
        if (real === 'float') return value
        return nodes('Cast', [value], 1, { name: `${own}/${real}`, attributes: { to: { int: elementTypes[real] } } })[0]!
      },
      external(base, type, dims, { location, begin, length }) {
        const existing = externals.get(base)
        if (existing !== undefined) return existing
        const full = unique(base)
        externals.set(base, full)
        const externalData = Object.entries({ location, offset: String(begin), length: String(length) })
        graph.initializer.push(
          create(TensorProtoSchema, {
            name: full,
            dataType: elementTypes[type],
            dims: dims.map(BigInt),
            dataLocation: TensorProto_DataLocation.EXTERNAL,
            externalData: externalData.map(([key, value]) => ({ key, value })),
          }),
        )
        return full
      },
      model: () => modelBytes(graph, renamed),
    }
  }
  return scoped('', 'float')
}

function modelBytes(graph: GraphProto, renamed: ReadonlyMap<Value, string>): Uint8Array {
  const rename = (value: Value) => renamed.get(value) ?? value
  const node = graph.node.map((one): NodeProto => ({ ...one, input: one.input.map(rename), output: one.output.map(rename) }))
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'rxargs',
    opsetImport: [
      { domain: '', version: OPSET },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: { ...graph, node },
  })
  return toBinary(ModelProtoSchema, model)
}

type Data = Parameters<GraphBuilder['constant']>[1]

function typeOf(data: Data): ElementType {
  if (data instanceof Float32Array) return 'float'
  return data instanceof Int32Array ? 'int32' : 'int64'
}

/** Converts numbers to little-endian bytes, the order of ONNX files, on any machine. */
function littleEndian(data: Data): Uint8Array {
  const bytes = new Uint8Array(data.byteLength)
  const view = new DataView(bytes.buffer)
  data.forEach((value, index) => {
    if (typeof value !== 'number') view.setBigInt64(8 * index, value, true)
    else if (data instanceof Float32Array) view.setFloat32(4 * index, value, true)
    else view.setInt32(4 * index, value, true)
  })
  return bytes
}
