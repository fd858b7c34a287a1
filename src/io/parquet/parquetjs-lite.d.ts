/** The parts of parquetjs-lite 0.8.7 that `writeParquetFile` uses. The package ships no types. */
declare module 'parquetjs-lite' {
  type Leaf = { type: string; optional?: boolean; compression?: 'GZIP' | 'SNAPPY'; statistics?: boolean }
  type Group = { type?: 'LIST'; optional?: boolean; repeated?: boolean; fields: Record<string, Leaf | Group> }
  type Sink = { write(bytes: Uint8Array, done: (error?: Error) => void): void; end(done: (error?: Error) => void): void }
  type WriterOptions = { useDataPageV2: boolean; pageIndex: boolean; rowGroupSize: number; pageSize?: number }

  class ParquetSchema {
    constructor(fields: Record<string, Leaf | Group>)
    /** By name. The writer reads them for the footer when it closes. */
    readonly fields: Record<string, { originalType?: string }>
  }

  class ParquetWriter {
    static openStream(schema: ParquetSchema, sink: Sink, options: WriterOptions): Promise<ParquetWriter>
    /** Must be awaited before the next call. */
    appendRow(row: Readonly<Record<string, unknown>>): Promise<void>
    setMetadata(key: string, value: string): void
    close(): Promise<void>
  }

  const parquet: { ParquetSchema: typeof ParquetSchema; ParquetWriter: typeof ParquetWriter }
  export = parquet
}
