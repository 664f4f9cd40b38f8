// Knows: that the store may refuse a model's files (full, not allowed, no way to write), and how a download continues in memory then.
// Must not know: where the files come from.
import { isAbort, RetortError } from '../../src/protocol/errors.ts'
import type { PartFiles } from '../../src/storage/part-files.ts'
import { guardQuota } from '../../src/storage/quota.ts'
import { openMemoryPart, openStoredPart, type OpenPart } from './download-parts.ts'
import type { LocateOptions } from './file-source.ts'

/** Does the store's part of the work on a model; whatever it throws becomes `StorageFull` or `StorageFailed`, but a stop stays a stop. */
export async function guardStore<T>(model: string, work: () => Promise<T>): Promise<T> {
  try {
    return await guardQuota(`The model “${model}”`, work)
  } catch (thrown) {
    if (thrown instanceof RetortError || isAbort(thrown)) throw thrown
    const detail = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    throw new RetortError(
      'StorageFailed',
      `The model “${model}” could not be stored: the browser refused to write it (${detail}).`,
      { cause: thrown },
    )
  }
}

/** Whether the store refused, and not the network or the model. */
const isStoreError = (thrown: unknown): thrown is RetortError =>
  thrown instanceof RetortError && (thrown.name === 'StorageFull' || thrown.name === 'StorageFailed')

/** What becomes of a copy of one model: stored as long as the store takes it. */
export class KeptCopy {
  readonly #model: string
  readonly #report: LocateOptions['onNotStored']
  #refused = false

  /** Without `onNotStored` the copy is the purpose: the store's first refusal is thrown. */
  constructor(model: string, { onNotStored }: Pick<LocateOptions, 'onNotStored'>) {
    this.#model = model
    this.#report = onNotStored
  }

  /** The store refused: nothing more is written to it. */
  get refused(): boolean {
    return this.#refused
  }

  /** Does work on the store; undefined if the store refuses, now or before. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#refused) return undefined
    try {
      return await guardStore(this.#model, work)
    } catch (thrown) {
      this.#note(thrown)
      return undefined
    }
  }

  /**
   * Downloads a file into its part in the store, and into memory from the byte on at which the store refuses. `download` fills and closes
   * the part that it is given, and is called again with another part after a refusal.
   */
  async fetch(files: PartFiles, name: string, download: (part: OpenPart) => Promise<unknown>): Promise<Blob> {
    const part = await this.attempt(() => openStoredPart(files, name))
    if (part !== undefined) {
      try {
        await download(guardPart(part, this.#model))
        const stored = await guardStore(this.#model, async () => {
          await files.finishPart(name)
          return files.find(name)
        })
        if (stored !== undefined) return stored
        throw new RetortError(
          'StorageFailed',
          `The model “${this.#model}” was stored, but is missing from this browser’s storage.`,
        )
      } catch (thrown) {
        this.#note(thrown)
      }
    }
    const memory = openMemoryPart(part && (await readBack(files, name, part.bytes)), part?.tag)
    if (part !== undefined) {
      await part.close().catch(() => undefined)
      await files.dropPart(name).catch(() => undefined) // rows and checkpoints need the space
    }
    await download(memory)
    return memory.toBlob()
  }

  /** Reports the first refusal of the store; throws everything else. */
  #note(thrown: unknown): void {
    if (this.#report === undefined || !isStoreError(thrown)) throw thrown
    if (!this.#refused)
      this.#report(
        `${thrown.message} The model is used from memory: after a reload it has to be opened or downloaded again.`,
      )
    this.#refused = true
  }
}

/** The part, with errors of the store by their names. */
const guardPart = (part: OpenPart, model: string): OpenPart => ({
  left: part.left,
  get bytes() {
    return part.bytes
  },
  get tag() {
    return part.tag
  },
  restart: (keep, tag) => guardStore(model, () => part.restart(keep, tag)),
  append: (bytes) => guardStore(model, () => part.append(bytes)),
  close: () => guardStore(model, () => part.close()),
  drop: () => part.drop(),
})

/** Bytes that are copied at a time. */
const CHUNK = 8 * 1024 * 1024

/** A copy of the first bytes of an unfinished file, max `bytes`; undefined if they cannot be read. */
async function readBack(files: PartFiles, name: string, bytes: number): Promise<Blob | undefined> {
  try {
    const part = (await files.readPart(name)) ?? new Blob()
    const pieces: ArrayBuffer[] = []
    const end = Math.min(bytes, part.size)
    for (let from = 0; from < end; from += CHUNK)
      pieces.push(await part.slice(from, Math.min(end, from + CHUNK)).arrayBuffer())
    return new Blob(pieces)
  } catch {
    return undefined
  }
}
