// Knows: how to read one value of the expected kind from a GGUF file's metadata.
// Must not know: what the keys mean.
import type { GgufValue } from './gguf-header.ts'

export type Metadata = ReadonlyMap<string, GgufValue>

/**
 * The finite number of a key, or undefined if it is missing or of another kind. Bigints above 2^53 count as missing.
 */
export function readNumber(metadata: Metadata, key: string): number | undefined {
  const value = metadata.get(key)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** The number of a key that has one, or a list of one equal number per layer; undefined if the numbers differ. */
export function readUniform(metadata: Metadata, key: string): number | undefined {
  const list = readNumbers(metadata, key)
  const [first] = list ?? []
  return list !== undefined && first !== undefined && list.every((value) => value === first)
    ? first
    : readNumber(metadata, key)
}

export function readText(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)
  return typeof value === 'string' ? value : undefined
}

export function readFlag(metadata: Metadata, key: string): boolean | undefined {
  const value = metadata.get(key)
  return typeof value === 'boolean' ? value : undefined
}

/** The list of texts of a key, or undefined if it is missing or has items of another kind. */
export function readTexts(metadata: Metadata, key: string): readonly string[] | undefined {
  const value = metadata.get(key)
  if (!Array.isArray(value)) return undefined
  const texts: string[] = []
  for (const item of value) {
    if (typeof item !== 'string') return undefined
    texts.push(item)
  }
  return texts
}

export function readNumbers(metadata: Metadata, key: string): readonly number[] | undefined {
  const value = metadata.get(key)
  if (!Array.isArray(value)) return undefined
  const numbers: number[] = []
  for (const item of value) {
    if (typeof item !== 'number') return undefined
    numbers.push(item)
  }
  return numbers
}
