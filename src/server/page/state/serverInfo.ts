/** What the page reads of the JSON Schema of one option of a decoder or reward function. */
export type OptionSchema = Readonly<{
  type?: string
  default?: unknown
  enum?: readonly string[]
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  exclusiveMaximum?: number
  /** What it may be. */
  description?: string
  /** What it does. */
  about?: string
}>

export type OptionsSchema = Readonly<{ properties?: Readonly<Record<string, OptionSchema>> }>

export type DecoderInfo = Readonly<{
  name: string
  kind: 'decoder' | 'search'
  about: string
  options: OptionsSchema
  /** Why this server cannot run it. */
  unavailable?: string
}>

/** What GET /v1/models says of the server, as far as the page reads it. */
export type ServerInfo = Readonly<{
  lm: string
  decoder: string
  decoders: readonly DecoderInfo[]
  rewards: readonly string[]
  functions: readonly Readonly<{ name: string; options: OptionsSchema }>[]
  maxCandidates: number
}>

type ModelAnswer = Readonly<{
  data: readonly Readonly<{
    id: string
    rxargs: Readonly<{
      decoder: string
      decoders: readonly DecoderInfo[]
      rewards: readonly Readonly<{ name: string }>[]
      reward_functions: ServerInfo['functions']
      limits: Readonly<{ candidates: number }>
    }>
  }>[]
}>

/** Functions that the page offers; requests to the API can name further ones. */
const offered = ['length', 'regex', 'words']

export function serverInfoOf(answer: unknown): ServerInfo {
  const model = (answer as ModelAnswer).data[0]
  if (model === undefined) throw new Error('The server has no model')
  const { decoder, decoders, rewards, reward_functions: functions, limits } = model.rxargs
  return {
    lm: model.id,
    decoder,
    decoders,
    rewards: rewards.map(({ name }) => name),
    functions: functions.filter(({ name }) => offered.includes(name)),
    maxCandidates: limits.candidates,
  }
}
