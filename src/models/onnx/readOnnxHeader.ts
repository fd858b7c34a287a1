import type { FileHandle } from 'node:fs/promises'
import { fromBinary } from '@bufbuild/protobuf'
import { ModelError, messageOf } from '../../core/errors.js'
import { openFile } from '../checkpoint/readJson.js'
import {
  FunctionProtoSchema,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from '../graph/generated/onnx_pb.js'
import { type Field, fieldsOf, fileWindow } from './fields.js'
import { graphTensors } from './graphTensors.js'

/** An input or output of a graph: its element type by ONNX's name, and its sizes. A size that is not fixed is a name. */
export type OnnxValue = Readonly<{ name: string; type: string; dims: readonly (number | string)[] }>

/** Header of an ONNX file. */
export type OnnxHeader = Readonly<{
  inputs: readonly OnnxValue[]
  outputs: readonly OnnxValue[]
  /** All operators as `domain:name` (the standard domain is empty), including those of branches and functions. */
  operators: readonly Readonly<{ name: string; accuracyLevel?: number; bits?: number }>[]
  /** Names of the files that hold its weights, as the graph spells them; empty if the graph holds them itself. */
  dataFiles: readonly string[]
}>

/** The fields of ModelProto and GraphProto to read. All others are skipped. */
const GRAPH = 7
const FUNCTION = 25
const [NODE, INITIALIZER, INPUT, OUTPUT] = [1, 5, 11, 12]
/** The most bytes of a tensor without values. A larger one holds its values itself. */
const MOST_OF_A_REFERENCE = 1 << 14

/**
 * Reads inputs, outputs and operators of an ONNX file. It does not read weights.
 *
 * @throws ModelError if the file cannot be read, is truncated, or is no ONNX model
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export async function readOnnxHeader(file: string): Promise<OnnxHeader> {
  const handle = await openFile(file)
  try {
    return await headerOf(handle)
  } catch (error) {
    throw new ModelError(`Expected an ONNX model in ${file}: ${messageOf(error)}`)
  } finally {
    await handle.close()
  }
}

async function headerOf(handle: FileHandle): Promise<OnnxHeader> {
  const window = fileWindow(handle)
  const inputs: OnnxValue[] = []
  const outputs: OnnxValue[] = []
  const nodes: NodeProto[] = []
  const tensors: TensorProto[] = []
  const bytesOf = ({ begin, end }: Field) => window.bytes(begin, end - begin)
  const value = async (field: Field) => onnxValue(await bytesOf(field))
  for await (const field of fieldsOf(window, 0, (await handle.stat()).size)) {
    if (field.number === FUNCTION) nodes.push(...fromBinary(FunctionProtoSchema, await bytesOf(field)).node)
    if (field.number !== GRAPH) continue
    for await (const part of fieldsOf(window, field.begin, field.end)) {
      if (part.number === NODE) nodes.push(fromBinary(NodeProtoSchema, await bytesOf(part)))
      else if (part.number === INPUT) inputs.push(await value(part))
      else if (part.number === OUTPUT) outputs.push(await value(part))
      else if (part.number === INITIALIZER && part.end - part.begin <= MOST_OF_A_REFERENCE)
        tensors.push(fromBinary(TensorProtoSchema, await bytesOf(part)))
    }
  }
  if (outputs.length === 0) throw new Error('it has no graph with outputs')
  const all = { node: nodes, initializer: tensors }
  return { inputs, outputs, operators: operatorsOf(nodes), dataFiles: dataFilesOf(all) }
}

function onnxValue(bytes: Uint8Array): OnnxValue {
  const { name, type } = fromBinary(ValueInfoProtoSchema, bytes)
  if (type?.value.case !== 'tensorType') return { name, type: 'no tensor', dims: [] }
  const { elemType, shape } = type.value.value
  return {
    name,
    type: (TensorProto_DataType[elemType] ?? `type ${elemType}`).toLowerCase(),
    dims: (shape?.dim ?? []).map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : (value.value ?? '?'))),
  }
}

function operatorsOf(nodes: readonly NodeProto[]): OnnxHeader['operators'] {
  const found = new Map<string, OnnxHeader['operators'][number]>()
  const visit = ({ domain, opType, attribute }: NodeProto): void => {
    const name = `${domain === 'ai.onnx' ? '' : domain}:${opType}`
    const [level, bits] = ['accuracy_level', 'bits'].map((name) => attribute.find((one) => one.name === name)?.i)
    const operator = {
      name,
      ...(level !== undefined && { accuracyLevel: Number(level) }),
      ...(bits !== undefined && { bits: Number(bits) }),
    }
    found.set(JSON.stringify(operator), operator)
    for (const { g, graphs } of attribute) for (const inner of g ? [g, ...graphs] : graphs) inner.node.forEach(visit)
  }
  nodes.forEach(visit)
  return [...found.values()]
}

function dataFilesOf(graph: Pick<GraphProto, 'node' | 'initializer'>): string[] {
  const external = graphTensors(graph).filter(({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL)
  const locations = external.map(({ externalData }) => externalData.find(({ key }) => key === 'location')?.value)
  if (locations.includes(undefined)) throw new Error('a tensor lies in another file, but it does not say which')
  return [...new Set(locations as string[])].sort()
}
