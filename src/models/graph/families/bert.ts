import type { EncoderConfig } from '../../checkpoint/families/encoderConfig.js'
import type { GraphBuilder, Value } from '../builder.js'
import { chosenLabel, pooler } from '../layers/classifier.js'
import type { EncoderReading } from '../layers/encoder.js'
import { encoder } from '../layers/encoder.js'
import type { Weights } from '../weights.js'

/**
 * A BERT model: what `read` asks for, [B, 1] or [B, hidden]. Its classifier stands on the body's pooler.
 *
 * @see transformers 5 models/bert/modeling_bert.py `BertPooler`, `BertForSequenceClassification`
 */
export function bert(graph: GraphBuilder, weights: Weights, config: EncoderConfig, body: string, read: EncoderReading): Value {
  const { hiddenSize, labels } = config
  const hidden = encoder(graph, weights, config, body)
  if (read === 'mean' || read === 'cls') return hidden
  const head = graph.scope('head')
  const pooled = pooler(head, weights, hidden, `${body}pooler.dense`, hiddenSize)
  if (read === 'pooler') return pooled
  const classifier = { weight: 'classifier.weight', bias: 'classifier.bias', from: hiddenSize, labels: labels.length }
  return chosenLabel(head, weights, pooled, { ...classifier, label: read.label })
}
