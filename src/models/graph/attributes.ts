import { create } from '@bufbuild/protobuf'
import { type AttributeProto, AttributeProto_AttributeType, AttributeProtoSchema } from './generated/onnx_pb.js'

/** An attribute with its ONNX type. JavaScript has one type of number, ONNX has two. */
export type Attribute = Readonly<{ int: number } | { float: number } | { ints: readonly number[] } | { text: string }>

export type Attributes = Readonly<Record<string, Attribute>>

export const attributeProtos = (attributes: Attributes): AttributeProto[] =>
  Object.entries(attributes).map(([name, attribute]) => create(AttributeProtoSchema, { name, ...content(attribute) }))

function content(attribute: Attribute) {
  if ('int' in attribute) return { type: AttributeProto_AttributeType.INT, i: BigInt(attribute.int) }
  if ('float' in attribute) return { type: AttributeProto_AttributeType.FLOAT, f: attribute.float }
  if ('ints' in attribute) return { type: AttributeProto_AttributeType.INTS, ints: attribute.ints.map(BigInt) }
  return { type: AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(attribute.text) }
}
