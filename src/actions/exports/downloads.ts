// Knows: the names of downloaded files, and how bytes become a download.
import type { NamedBlob, NamedFile } from '../../protocol/corpus.ts'
import type { Download } from '../machines.ts'

/** Max characters of a file's stem. */
const STEM_LIMIT = 60

/**
 * A file name's stem from any text: letters, digits, `-`, `_` and `.` stay, runs of anything else become one `-`.
 * Never empty, never hidden, no device name reserved by Windows.
 */
export function fileStem(text: string, otherwise = 'retort'): string {
  const stem = text
    .normalize('NFKC')
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')
    .replaceAll(/^[-._]+|[-._]+$/g, '')
    .slice(0, STEM_LIMIT)
    .replaceAll(/[-._]+$/g, '')
  if (stem === '') return otherwise
  return /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(stem) ? `${otherwise}-${stem}` : stem
}

export const makeDownload = ({ name, bytes, mime }: NamedFile, stem?: string): Download => ({
  name: stem === undefined ? name : `${stem}${extensionOf(name)}`,
  blob: new Blob([bytes as Uint8Array<ArrayBuffer>], { type: mime }),
})

export const blobDownload = ({ name, blob }: NamedBlob, stem: string): Download => ({
  name: `${stem}${extensionOf(name)}`,
  blob,
})

export const textDownload = (name: string, text: string, mime: string): Download => ({
  name,
  blob: new Blob([text], { type: `${mime};charset=utf-8` }),
})

const extensionOf = (name: string): string => /\.[a-z0-9.]+$/i.exec(name)?.[0] ?? ''
