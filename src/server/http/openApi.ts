import * as z from 'zod'
import { version } from '../../core/run.js'
import { chatRequest } from '../requests/chatRequest.js'
import { completionRequest } from '../requests/completionRequest.js'
import { classifyRequest, scoreRequest } from '../requests/scoreRequests.js'
import { answers } from './answerSchemas.js'

type Schema = Readonly<Record<string, unknown>>

/** JSON Schema of a zod schema, as OpenAPI 3.1 takes it. */
function jsonSchema(schema: z.ZodType): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12', unrepresentable: 'any' })
  return rest
}

const content = (schema: string, type = 'application/json') => ({
  [type]: { schema: { $ref: `#/components/schemas/${schema}` } },
})

const errors = Object.fromEntries(
  Object.entries({
    400: 'The request is wrong; `param` names the field',
    401: 'The key is missing or wrong',
    403: 'The request is to another host',
    404: 'The model is not served here',
    408: 'The request took too long',
    413: 'The body is too large',
    415: 'The body is no JSON',
    429: 'Too many requests wait; `Retry-After` says when to try again',
    500: 'A reward or the server failed',
    503: 'The server is shutting down, or has lost a model',
  }).map(([status, description]) => [status, { description, content: content('Error') }]),
)

const get = (summary: string, schema: string, more: object = {}) => ({
  get: {
    ...{ summary, operationId: schema },
    responses: { 200: { description: summary, content: content(schema) }, ...more },
  },
})

const post = (summary: string, request: string, answer: string, streams: boolean) => ({
  post: {
    ...{ summary, operationId: request },
    requestBody: { required: true, content: content(request) },
    responses: {
      200: {
        description: streams ? `${summary}: as JSON, or as events with \`stream\`` : summary,
        content: { ...content(answer), ...(streams && { 'text/event-stream': { schema: { type: 'string' } } }) },
      },
      ...errors,
    },
  },
})

/** The description of the API, from the schemas that check its requests. */
export const openApi = () => ({
  openapi: '3.1.0',
  info: { title: 'rxargs', version, description: "OpenAI's API with reward-guided decoding", license: { name: 'Apache-2.0' } },
  paths: {
    '/v1/models': get('The model, its decoders and rewards', 'ModelList', { 401: errors['401'] }),
    '/v1/completions': post('Completes prompts', 'CompletionRequest', 'Completion', true),
    '/v1/chat/completions': post('Completes a conversation', 'ChatRequest', 'ChatCompletion', true),
    '/v1/score': post('Scores completions of prompts', 'ScoreRequest', 'ScoreList', false),
    '/classify': post("Scores texts, in vLLM's shape", 'ClassifyRequest', 'Classification', false),
    '/health': get('Whether the process answers', 'Health'),
    '/ready': get('Whether requests are taken', 'Ready', { 503: { description: 'They are not', content: content('Ready') } }),
  },
  components: {
    securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    schemas: {
      ...Object.fromEntries(
        Object.entries({
          ...{ CompletionRequest: completionRequest, ChatRequest: chatRequest },
          ...{ ScoreRequest: scoreRequest, ClassifyRequest: classifyRequest },
          ...answers,
        }).map(([name, schema]) => [name, jsonSchema(schema)]),
      ),
    },
  },
  security: [{}, { key: [] }],
})
