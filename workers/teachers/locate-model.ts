// Knows: the ways in which a model's file is reached: picked from disk, kept in this browser, at an address.
import { sourceFromBlob, type ByteSource } from '../../src/engine/weights/source.ts'
import { RetortError } from '../../src/protocol/errors.ts'
import type { LoadProgress } from '../../src/protocol/teacher.ts'
import { modelFiles } from '../../src/storage/files.ts'
import { estimateStorage, guardQuota } from '../../src/storage/quota.ts'
import { openAddress } from './address-source.ts'
import { bundleOfOne, type ModelBundle } from './bundle.ts'
import { fetchModel, nameInAddress, type DownloadPart } from './fetch-model.ts'
import type { FileSource } from './openers/files.ts'

export interface LocateOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: LoadProgress) => void
}

/** The model's files for reading their headers; an address is asked for ranges. */
export async function peekModel(source: FileSource, signal: AbortSignal): Promise<ModelBundle> {
  if (source.kind === 'url') return bundleOfOne(await openAddress(source.url, signal))
  if (source.kind === 'box') return bundleOfOne(await fetchBox(source.url, signal))
  return bundleOfOne(await openLocal(source))
}

/** The page's own file: it is small, and the copy that the service worker keeps is whole. */
async function fetchBox(url: string, signal: AbortSignal): Promise<ByteSource> {
  const response = await fetch(url, { signal }).catch((thrown: unknown) => {
    signal.throwIfAborted()
    throw new RetortError('DownloadFailed', 'The teacher in the box could not be had from where this page came from. Reload the page and try again.', { cause: thrown })
  })
  if (!response.ok) throw new RetortError('DownloadFailed', `The teacher in the box could not be had from where this page came from (${response.status}). Reload the page and try again.`)
  return sourceFromBlob(nameInAddress(url), await response.blob())
}

async function openLocal(source: Extract<FileSource, { kind: 'file' | 'stored' }>): Promise<ByteSource> {
  if (source.kind === 'file') return sourceFromBlob(source.file.name, source.file)
  const file = await modelFiles.find(source.name)
  if (file === undefined) throw new RetortError('ModelMissing', `The model “${source.name}” is not kept in this browser any more. Open it from disk or download it again.`)
  return sourceFromBlob(source.name, file)
}

/** The whole model, downloaded where it has to be, and kept in this browser where that is wished. */
export async function fetchWhole(source: FileSource, keep: boolean, options: LocateOptions): Promise<ModelBundle> {
  return bundleOfOne(await fetchFile(source, keep, options))
}

async function fetchFile(source: FileSource, keep: boolean, options: LocateOptions): Promise<ByteSource> {
  if (source.kind === 'box') return fetchBox(source.url, options.signal)
  if (source.kind === 'url') return keep ? downloadToStore(source.url, options) : downloadToMemory(source.url, options)
  if (source.kind === 'file' && keep) {
    await requireRoom(source.file.name, source.file.size)
    const { file } = source
    await guardQuota(`The model “${file.name}”`, () => modelFiles.write(file.name, file, { signal: options.signal, onProgress: (done) => options.onProgress({ phase: 'keeping', done, total: file.size }) }))
    return openLocal({ kind: 'stored', name: file.name })
  }
  return openLocal(source)
}

/** Downloads into the model store; what an earlier try left is not asked for again. */
export async function downloadToStore(url: string, { signal, onProgress }: LocateOptions): Promise<ByteSource> {
  const name = nameInAddress(url)
  const left = await modelFiles.findPart(name)
  const { size } = await openAddress(url, signal)
  await requireRoom(name, size - (left?.bytes ?? 0))
  let appender = await modelFiles.openPart(name, left?.bytes ?? 0, left?.tag ?? '')
  let tag = left?.tag ?? ''
  const part: DownloadPart = {
    get bytes() {
      return appender.bytes
    },
    get tag() {
      return tag
    },
    async restart(bytes, newTag) {
      await appender.close()
      tag = newTag
      appender = await modelFiles.openPart(name, bytes, newTag)
    },
    append: (bytes) => appender.append(bytes),
  }
  try {
    await guardQuota(`The model “${name}”`, () =>
      fetchModel(url, part, {
        signal,
        onProgress: (done, total) => onProgress({ phase: 'downloading', done, total }),
      }),
    )
  } finally {
    await appender.close()
  }
  await modelFiles.finishPart(name)
  return openLocal({ kind: 'stored', name })
}

async function downloadToMemory(url: string, { signal, onProgress }: LocateOptions): Promise<ByteSource> {
  let pieces: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  let tag = ''
  const part: DownloadPart = {
    get bytes() {
      return bytes
    },
    get tag() {
      return tag
    },
    async restart(keep, newTag) {
      tag = newTag
      if (keep === bytes) return
      pieces = []
      bytes = 0
    },
    async append(piece) {
      pieces.push(new Uint8Array(piece))
      bytes += piece.length
    },
  }
  await fetchModel(url, part, { signal, onProgress: (done, total) => onProgress({ phase: 'downloading', done, total }) })
  // A blob, which the browser may keep on disk, and not one array in the heap.
  const blob = new Blob(pieces)
  pieces = []
  return sourceFromBlob(nameInAddress(url), blob)
}

/** Throws `StorageFull` before anything is written where the browser says that it will not fit. */
async function requireRoom(name: string, bytes: number): Promise<void> {
  const estimate = await estimateStorage()
  if (estimate === undefined || estimate.usedBytes + bytes <= estimate.quotaBytes) return
  const free = Math.max(0, estimate.quotaBytes - estimate.usedBytes)
  const mb = (n: number): string => `${Math.ceil(n / 1e6)} MB`
  throw new RetortError('StorageFull', `“${name}” needs ${mb(bytes)}, and this browser has ${mb(free)} left for the page. Delete a model or a project, or load it without keeping it.`)
}
