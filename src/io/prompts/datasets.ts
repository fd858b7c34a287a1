/** Datasets of the ARGS paper, read by their published columns. Users bring the files. */
export type Dataset = 'hh' | 'shp'

export const datasets: readonly Dataset[] = ['hh', 'shp']

/** The prompt of a dataset's row, up to where the reply begins; or `unfit`, which says what was expected and what came. */
export type DatasetPrompt = Readonly<{ text: string; stop?: readonly string[] } | { unfit: string }>

const REPLY = '\n\nAssistant:'
const NEXT_TURN = '\n\nHuman:'

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Cuts a transcript where its last reply begins. */
function openingOf(transcript: string): string | undefined {
  const at = transcript.lastIndexOf(REPLY)
  return at === -1 ? undefined : transcript.slice(0, at + REPLY.length)
}

/** Reads HH-RLHF: `prompt` of the full set as it is, else the transcript `chosen` (or `rejected`) up to its last reply. */
function hh({ prompt, chosen, rejected }: Readonly<Record<string, unknown>>): DatasetPrompt {
  if (isText(prompt)) return { text: prompt, stop: [NEXT_TURN] }
  const transcript = [chosen, rejected].find(isText)
  if (transcript === undefined) return { unfit: 'a row of HH-RLHF (`prompt`, or `chosen` or `rejected`), got none of them' }
  const text = openingOf(transcript)
  if (text === undefined) return { unfit: 'the transcript to have a turn of `Assistant:`, got none' }
  return { text, stop: [NEXT_TURN] }
}

/** Reads SHP: the post `history` is the human's turn. */
function shp({ history }: Readonly<Record<string, unknown>>): DatasetPrompt {
  return isText(history) ? { text: `Human: ${history} Assistant:` } : { unfit: 'a row of SHP (`history`), got none' }
}

type Reading = Readonly<{
  columns: readonly string[]
  /** A file needs one of these columns. */
  prompts: readonly string[]
  /** The column of a row's id. */
  id: string
  prompt: (values: Readonly<Record<string, unknown>>) => DatasetPrompt
  /** Whether several rows share an id, and the first gives the prompt. SHP has one row per pair of comments. */
  repeats: boolean
}>

export const readings: Readonly<Record<Dataset, Reading>> = {
  hh: {
    columns: ['id', 'prompt', 'chosen', 'rejected'],
    prompts: ['prompt', 'chosen', 'rejected'],
    id: 'id',
    prompt: hh,
    repeats: false,
  },
  shp: { columns: ['post_id', 'history'], prompts: ['history'], id: 'post_id', prompt: shp, repeats: true },
}
