// Knows: a hub's responses about a model and its files, parsed from untrusted JSON.
// Must not know: how they are requested (workers/teachers/hub).
// Format: the hub's API, `/api/models/{name}/revision/{revision}` and `/api/models/{name}/tree/{revision}`.
import * as v from 'valibot'
import type { Digest } from '../../domain/hash.ts'

const text = v.pipe(v.string(), v.maxLength(500))
const hex = (digits: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${digits}}$`)))
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

const model = v.object({
  id: v.optional(text),
  sha: v.optional(hex(40)),
  private: v.optional(v.boolean()),
  gated: v.optional(v.union([v.boolean(), text])),
  cardData: v.optional(v.nullable(v.looseObject({ license: v.optional(v.unknown()) }))),
})

/** A hub's description of a model. */
export interface HubModel {
  /** The commit; undefined if the hub does not state it. */
  readonly commit?: string
  readonly licence?: string
  /** Its files need the owner's approval. */
  readonly isGated: boolean
}

/** Reads the response about a model; undefined if it has another format. */
export function readHubModel(response: unknown): HubModel | undefined {
  const read = v.safeParse(model, response)
  if (!read.success || (read.output.id === undefined && read.output.sha === undefined)) return undefined
  const { sha, gated, cardData } = read.output
  const licence = cardData?.license
  return {
    ...(sha === undefined ? {} : { commit: sha }),
    ...(typeof licence === 'string' && licence !== '' ? { licence: licence.slice(0, 200) } : {}),
    isGated: read.output.private === true || (gated !== undefined && gated !== false),
  }
}

const entry = v.object({
  type: text,
  path: v.pipe(v.string(), v.maxLength(2000)),
  size,
  oid: v.optional(v.string()),
  lfs: v.optional(v.nullable(v.looseObject({ oid: v.optional(v.string()), size: v.optional(size) }))),
})

/** A file in a hub's folder. */
export interface HubFile {
  readonly path: string
  readonly bytes: number
  readonly digest?: Digest
}

/** Reads one page of the list of files; skips folders and unknown entries. Undefined if it is not a list. */
export function readHubFiles(response: unknown): readonly HubFile[] | undefined {
  if (!Array.isArray(response)) return undefined
  return response.flatMap((one: unknown): HubFile[] => {
    const read = v.safeParse(entry, one)
    if (!read.success || read.output.type !== 'file') return []
    const { path, oid, lfs } = read.output
    const digest = digestOf(lfs ? 'sha256' : 'git', lfs ? lfs.oid : oid)
    return [{ path, bytes: lfs?.size ?? read.output.size, ...(digest === undefined ? {} : { digest }) }]
  })
}

function digestOf(kind: 'sha256' | 'git', oid: string | undefined): Digest | undefined {
  const digits = oid?.replace(/^sha256:/, '')
  return digits !== undefined && v.is(hex(kind === 'git' ? 40 : 64), digits) ? `${kind}:${digits}` : undefined
}

/** The address of the next page from a `Link` header; undefined on the last page. */
export const readNextLink = (header: string | null): string | undefined =>
  /<([^<>]{1,4000})>\s*;[^,<]*\brel="?next"?/i.exec(header ?? '')?.[1]
