import * as z from 'zod'

/**
 * The function between the products of a feed-forward layer: `silu(x) = x · sigmoid(x)`, `quick_gelu(x) = x · sigmoid(1.702 x)`,
 * `gelu(x) = x/2 · (1 + erf(x / √2))`, `gelu_tanh(x) = x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`.
 */
export type Activation = 'relu' | 'gelu' | 'gelu_tanh' | 'quick_gelu' | 'silu' | 'tanh'

/** transformers has several names for some functions: they differ only in how they are computed. */
const activations: Readonly<Record<string, Activation>> = {
  relu: 'relu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_accurate: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_python_tanh: 'gelu_tanh',
  quick_gelu: 'quick_gelu',
  silu: 'silu',
  swish: 'silu',
  tanh: 'tanh',
}

/**
 * The field of config.json that names an activation; `standard` is the default.
 *
 * @see transformers 5 activations.py `ACT2CLS`
 */
export const activationField = (standard: Activation) =>
  z
    .enum(Object.keys(activations))
    .nullish()
    .transform((name): Activation => (name == null ? standard : activations[name]!))
    .describe(`one of ${Object.keys(activations).join(', ')}`)
