// Knows: which prompts have a reference answer: seeds that were added with one.
import type { PromptId } from '../../domain/id.ts'
import type { Prompt } from '../../domain/prompt.ts'
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

/** Reference answers by the ids of their prompts. */
export type PromptReferences = ReadonlyMap<PromptId, string>

/** Those that prompts carry; else, for prompts of runs from before they did, those of the seeds with their text. */
export const referencesOfPrompts = (
  prompts: readonly Pick<Prompt, 'id' | 'text' | 'reference'>[],
  answers: References,
): PromptReferences =>
  new Map(
    prompts.flatMap(({ id, text, reference = answers.get(text) }): [PromptId, string][] =>
      reference === undefined ? [] : [[id, reference]],
    ),
  )

/** The reference answer of a prompt, as a step's input. */
export function referenceOf(promptId: PromptId, references: PromptReferences): { reference?: string } {
  const reference = references.get(promptId)
  return reference === undefined ? {} : { reference }
}
