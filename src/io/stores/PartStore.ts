import type { InputFile } from '../sources/inputFile.js'

/** A file of a place, for reads by position. */
export type StoredFile = Required<Pick<InputFile, 'name' | 'buffer'>>

/** A complete part that is safe in its place, without a name yet. */
export type StagedPart = Readonly<{
  /**
   * Gives the part its name, complete or not at all, unless there is a file of that name.
   *
   * @returns whether the part has the name now
   */
  place: (name: string) => Promise<boolean>
  /** Removes what is left of a part that got no name. */
  discard: () => Promise<void>
}>

/** The right of one process to write parts. */
export type StoreLock = Readonly<{
  release: () => Promise<void>
  /** Rejects when the lock is lost, so that this process must stop writing. A folder's lock is never lost. */
  lost: Promise<never>
}>

/** A place where the parts of a run live: a folder, or the objects of a bucket below a prefix. Paths are those that `pathOf` gives. */
export type PartStore = Readonly<{
  /** Path or address of the place, as messages name it. */
  name: string
  /** Path or address of a file there. */
  pathOf: (name: string) => string
  /** The file of a path there. */
  file: (path: string) => StoredFile
  /** Whether the place is a folder, or a prefix without an object of that very name. Rejects with `ENOENT` if a local one is not there. */
  isFolder: () => Promise<boolean>
  /** Lists the names of the files that lie directly there; empty if there is no such place. */
  list: () => Promise<readonly string[]>
  /** Whether a file of that name is there. */
  has: (name: string) => Promise<boolean>
  /** Checks that parts can be written. Leaves nothing behind. */
  check: () => Promise<void>
  /**
   * Makes the place, and does as `check`.
   *
   * @returns whether it is new
   */
  prepare: () => Promise<boolean>
  /** Removes the place if it is empty. */
  removeEmpty: () => Promise<void>
  /** Makes this process the only writer. */
  lock: () => Promise<StoreLock>
  /**
   * Removes unfinished parts of killed runs, once this process has the lock.
   *
   * @returns their names
   */
  removeUnfinished: () => Promise<readonly string[]>
  /**
   * Brings the bytes of a part to the place. If `expected` is given, they are safe there when the promise resolves.
   *
   * @param expected tells the name that the part will most likely get
   */
  stage: (bytes: Uint8Array, expected?: () => Promise<string>) => Promise<StagedPart>
  /** Replaces the bytes of a part at once. */
  replace: (path: string, bytes: Uint8Array) => Promise<void>
  /** Removes files. A missing one is no error. */
  remove: (paths: readonly string[]) => Promise<void>
}>
