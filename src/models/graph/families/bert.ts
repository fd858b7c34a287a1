import type { EncoderConfig } from '../../checkpoint/families/encoderConfig.js'
import type { GraphBuilder, Value } from '../builder.js'
import { labelScore, pooler } from '../layers/classifier.js'
import { type EncoderReading, encoder } from '../layers/encoder.js'
import type { Weights } from '../weights.js'

/**
 * A BERT model. Returns what `read` selects: [B, 1] or [B, hidden]. The classifier reads the body's pooler.
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
  return labelScore(head, weights, pooled, { ...classifier, label: read.label })
}

/**
 * A RoBERTa or XLM-RoBERTa model. Returns what `read` selects: [B, 1] or [B, hidden]. The body is BERT's; the classifier has a dense layer
 * instead of the body's pooler.
 *
 * @see transformers 5 models/roberta/modeling_roberta.py `RobertaPooler`, `RobertaClassificationHead`; models/xlm_roberta is the same
 */
export function roberta(graph: GraphBuilder, weights: Weights, config: EncoderConfig, body: string, read: EncoderReading): Value {
  const { hiddenSize, labels } = config
  const hidden = encoder(graph, weights, config, body)
  if (read === 'mean' || read === 'cls') return hidden
  const head = graph.scope('head')
  if (read === 'pooler') return pooler(head, weights, hidden, `${body}pooler.dense`, hiddenSize)
  const turned = pooler(head, weights, hidden, 'classifier.dense', hiddenSize)
  const projection = { weight: 'classifier.out_proj.weight', bias: 'classifier.out_proj.bias', from: hiddenSize }
  return labelScore(head, weights, turned, { ...projection, labels: labels.length, label: read.label })
}
