// Knows: how to take one value of the expected kind out of a GGUF file's metadata.
// Must not know: what the keys are for.
import type { GgufValue } from './gguf-header.ts'

export type Metadata = ReadonlyMap<string, GgufValue>

/** The finite number under a key, or undefined where there is none or another kind. Bigints beyond 2^53 count as none. */
export function readNumber(metadata: Metadata, key: string): number | undefined {
  const value = metadata.get(key)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

export function readText(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)
  return typeof value === 'string' ? value : undefined
}

export function readFlag(metadata: Metadata, key: string): boolean | undefined {
  const value = metadata.get(key)
  return typeof value === 'boolean' ? value : undefined
}

/** The list of texts under a key, or undefined where there is none or one of its items is something else. */
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
