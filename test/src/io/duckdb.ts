import { DuckDBInstance } from '@duckdb/node-api'

/** Rows that DuckDB reads: it shares no code with what we write or read by. It remembers files by path: use fresh names. */
export async function query(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[]
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
