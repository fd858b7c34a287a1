/** Memory of a GPU. `shared`: it is the system's. */
export type AdapterMemory = Readonly<{ bytes: number; free?: number; shared?: true }>

/** What an adapter can do. `software`: it computes on the CPU. */
export type AdapterDetails = Readonly<{
  vendor: string
  driver: string
  software: boolean
  float16: boolean
  subgroups: boolean
  /** Most bytes of a buffer. */
  maxBuffer: number
  /** Most bytes of a storage buffer that a shader reads in one piece. */
  maxBinding: number
}>

/** A way to a GPU, or to a renderer in software: a device of one of the system's drivers. */
export type GpuAdapter = Readonly<{
  name: string
  backend: string
  /** Absent if another adapter's name hides this one. */
  details?: AdapterDetails
  /** Absent if the system does not say. */
  memory?: AdapterMemory
}>

/** Bytes as cards are sold: `139 GiB`. */
export const gib = (bytes: number): string => {
  const size = bytes / 2 ** 30
  return size < 1 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${Number(size.toPrecision(3))} GiB`
}
