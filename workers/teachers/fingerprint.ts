// Knows: how a model's files are named in provenance, so that two models of one shape have two names.
import { hashOfBytes } from '../../src/domain/hash.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'

/** Bytes of each look at the weights, and the shares of their length at which there is one. */
const LOOK_BYTES = 8192
const LOOKS_AT = [0.5, 1] as const

/**
 * Names a model: 16 hexadecimal digits of the SHA-256 of its header and of a look at the middle and at the end of its weights, which begin
 * at `dataStart`. Models of one shape and one maker have one header, and training changes every weight; to hash a whole file would take a
 * whole download.
 */
export async function nameByContents(
  header: readonly Uint8Array[],
  source: ByteSource,
  dataStart: number,
): Promise<string> {
  const parts = [...header]
  for (const share of LOOKS_AT) {
    const to = dataStart + Math.floor(Math.max(0, source.size - dataStart) * share)
    parts.push(
      await source.read(
        Math.min(source.size, Math.max(dataStart, to - LOOK_BYTES)),
        Math.min(source.size, to),
      ),
    )
  }
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return hashOfBytes(all).slice(0, 16)
}
