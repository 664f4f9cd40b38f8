// Knows: the models available without a file picker: the built-in teacher, those stored in this browser, those in the host's `models` folder.
import type { ModelSource } from '../../domain/model-source.ts'
import { parseBuiltInTeacherCard, type BuiltInTeacherCard } from '../../pipeline/built-in-teacher-card.ts'
import { modelFiles } from '../../storage/files.ts'
import { modelFolders } from '../../storage/model-folders.ts'

export interface ListedModel {
  /** Name of the file or folder. */
  readonly name: string
  readonly bytes: number
  /** `built-in`: ships with the page; `stored` in this browser; `partial`: partly downloaded; `served` from the `models/` folder next to the page. */
  readonly where: 'built-in' | 'stored' | 'partial' | 'served'
  readonly source: ModelSource
  /** Milliseconds since 1970; only of stored models. */
  readonly savedAt?: number
  /** Bytes downloaded so far; only of partly downloaded models. */
  readonly downloadedBytes?: number
}

/** How the page fetches its own files. `page` is its address. */
export interface PageFiles {
  readonly fetch: (address: string) => Promise<Response>
  readonly page: string
}

/** Max models read from `models/index.json`. */
const MAX_SERVED = 200

/** The card of the built-in teacher; undefined if the page ships without one. Throws on an invalid card: the build is damaged. */
export async function readBuiltInTeacherCard({
  fetch,
  page,
}: PageFiles): Promise<BuiltInTeacherCard | undefined> {
  const response = await fetch(new URL('teacher/card.json', page).href).catch(() => undefined)
  if (!response?.ok || !/json/.test(response.headers.get('content-type') ?? '')) return undefined
  const card = parseBuiltInTeacherCard(await response.json().catch(() => undefined))
  if (card.ok) return card.value
  throw new Error(card.problems[0]?.sentence)
}

/** The built-in teacher as a listed model. */
export const listBuiltIn = ({ file, bytes }: BuiltInTeacherCard, page: string): ListedModel => ({
  name: file,
  bytes,
  where: 'built-in',
  source: { kind: 'built-in', url: new URL(`teacher/${file}`, page).href },
})

/** Interrupted downloads: choosing one again resumes it. */
const listPartial = async (): Promise<ListedModel[]> =>
  (await modelFolders.list()).flatMap(({ name, bytes, downloadedBytes, hub, wholeAt }): ListedModel[] => {
    if (wholeAt !== undefined) return []
    const source: ModelSource =
      hub === undefined
        ? { kind: 'stored', name }
        : { kind: 'hub', url: hub.url, ...(hub.variant === undefined ? {} : { variant: hub.variant }) }
    return [{ name, bytes, downloadedBytes, where: 'partial', source }]
  })

/** Stored models first, then partly downloaded ones, then served ones that are neither. A host without a `models/` folder serves none. */
export async function listModels({ fetch, page }: PageFiles): Promise<readonly ListedModel[]> {
  const stored = (await modelFiles.list()).map(({ name, bytes, savedAt }): ListedModel => ({
    name,
    bytes,
    savedAt,
    where: 'stored',
    source: { kind: 'stored', name },
  }))
  const partial = await listPartial()
  const names = new Set([...stored, ...partial].map(({ name }) => name))
  return [...stored, ...partial, ...(await listServed(fetch, page)).filter(({ name }) => !names.has(name))]
}

async function listServed(
  fetch: (address: string) => Promise<Response>,
  page: string,
): Promise<ListedModel[]> {
  const index = new URL('models/index.json', page)
  try {
    const response = await fetch(index.href)
    if (!response.ok || !/json/.test(response.headers.get('content-type') ?? '')) return []
    return parseServed(await response.json(), page)
  } catch {
    return [] // no network and no copy: an empty list, not an error
  }
}

/** Parses the listing; invalid entries, and those that point to another origin, are skipped. */
export function parseServed(listing: unknown, page: string): ListedModel[] {
  if (!Array.isArray(listing)) return []
  return listing.slice(0, MAX_SERVED).flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return []
    const { name, bytes, url } = entry as { name?: unknown; bytes?: unknown; url?: unknown }
    if (
      typeof name !== 'string' ||
      name === '' ||
      typeof url !== 'string' ||
      typeof bytes !== 'number' ||
      !Number.isSafeInteger(bytes) ||
      bytes < 0
    )
      return []
    if (!URL.canParse(url, page)) return []
    const address = new URL(url, page)
    return address.origin === new URL(page).origin
      ? [{ name, bytes, where: 'served' as const, source: { kind: 'url' as const, url: address.href } }]
      : []
  })
}
