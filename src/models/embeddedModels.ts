import { fileURLToPath } from 'node:url'

const folder = (name: string): string => fileURLToPath(new URL(`../../../data/models/${name}`, import.meta.url))

/** The folders of the models that come with this package. */
export const embeddedModels = {
  /** The language model. */
  chatLm: folder('chat-lm'),
  /** The reward model that steers. */
  chatRm: folder('chat-rm'),
  /** A reward model trained on other data, which judges. */
  judgeRm: folder('judge-rm'),
  /** The sentence encoder that measures coherence. */
  encoder: folder('encoder'),
} as const
