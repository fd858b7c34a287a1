/** One line about a model: its name, its text, and its value in JSON if that differs. */
export type InspectedLine = readonly [name: string, text: string | undefined, data?: unknown]
