// Knows: how a model's files are identified in provenance, so that two models of one shape have two fingerprints.
import { hashOfBytes } from '../../src/domain/hash.ts'
import type { ByteSource } from '../../src/engine/weights/source.ts'

/** Bytes of each sample of the weights, and the shares of their length at which a sample ends. */
const SAMPLE_BYTES = 8192
const SAMPLES_AT = [0.5, 1] as const

/**
 * A model's fingerprint: 16 hexadecimal digits of the SHA-256 of its header and of samples from the middle and the end of its weights,
 * which begin at `dataStart`. Models of one shape and one maker share a header, and training changes every weight; hashing the whole file
 * would need a whole download.
 */
export async function fingerprintOf(
  header: readonly Uint8Array[],
  source: ByteSource,
  dataStart: number,
): Promise<string> {
  const parts = [...header]
  for (const share of SAMPLES_AT) {
    const to = dataStart + Math.floor(Math.max(0, source.size - dataStart) * share)
    parts.push(
      await source.read(
        Math.min(source.size, Math.max(dataStart, to - SAMPLE_BYTES)),
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
