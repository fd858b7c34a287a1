import { create } from '@bufbuild/protobuf'
import {
  TensorProto_DataType,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './generated/onnx_pb.js'

export const elementTypes = {
  float: TensorProto_DataType.FLOAT,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  uint8: TensorProto_DataType.UINT8,
} as const

export type ElementType = keyof typeof elementTypes

/** Sizes. A name stands for a size that only a run knows; the same name is the same size. */
export type Dims = readonly (number | string)[]

const dimension = (size: number | string) =>
  create(TensorShapeProto_DimensionSchema, {
    value: typeof size === 'number' ? { case: 'dimValue', value: BigInt(size) } : { case: 'dimParam', value: size },
  })

/** An input or output of a graph. */
export const valueInfo = (name: string, type: ElementType, dims: Dims): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: elementTypes[type], shape: { dim: dims.map(dimension) } } } },
  })
