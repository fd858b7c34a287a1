/** One thing that was understood of a model: its name, as people read it, and for machines where that is something else. */
export type InspectedLine = readonly [name: string, text: string | undefined, data?: unknown]
