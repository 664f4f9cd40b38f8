// Knows: which prompts have a reference answer: seeds that were added with one.
import type { Seed } from '../../domain/seed.ts'

/** Reference answers by the texts of their prompts. */
export type References = ReadonlyMap<string, string>

export const referencesOf = (seeds: readonly Pick<Seed, 'text' | 'answer'>[]): References =>
  new Map(seeds.flatMap(({ text, answer }) => (answer === undefined ? [] : [[text, answer]])))

/** The reference answer of a prompt, as a filter's input. */
export function referenceFor(prompt: string, references: References): { reference?: string } {
  const reference = references.get(prompt)
  return reference === undefined ? {} : { reference }
}
