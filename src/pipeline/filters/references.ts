// Knows: which prompts have a reference answer: seeds that were added with one.
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { PromptId } from '../../domain/id.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { Seed } from '../../domain/seed.ts'

/** Reference answers by their prompts. */
export type References = ReadonlyMap<string, string>

export const referencesOf = (seeds: readonly Pick<Seed, 'text' | 'earlier' | 'answer'>[]): References =>
  new Map(
    seeds.flatMap(({ text, earlier, answer }) =>
      answer === undefined ? [] : [[keyOf(text, earlier), answer]],
    ),
  )

/** One question may end many conversations, and has another answer in each. */
const keyOf = (text: string, earlier: readonly ChatMessage[] = []): string =>
  earlier.length === 0 ? text : JSON.stringify([text, earlier.map(({ role, content }) => [role, content])])

/** The reference answer of a prompt, as a filter's input. `earlier` are the messages before it. */
export function referenceFor(
  prompt: string,
  references: References,
  earlier?: readonly ChatMessage[],
): { reference?: string } {
  const reference = references.get(keyOf(prompt, earlier))
  return reference === undefined ? {} : { reference }
}

/** Reference answers by the ids of their prompts. */
export type PromptReferences = ReadonlyMap<PromptId, string>

/** Those that prompts carry; else, for prompts of runs from before they did, those of the seeds with their text. */
export const referencesOfPrompts = (
  prompts: readonly Pick<Prompt, 'id' | 'text' | 'earlier' | 'reference'>[],
  answers: References,
): PromptReferences =>
  new Map(
    prompts.flatMap(
      ({ id, text, earlier, reference = answers.get(keyOf(text, earlier)) }): [PromptId, string][] =>
        reference === undefined ? [] : [[id, reference]],
    ),
  )

/** The reference answer of a prompt, as a step's input. */
export function referenceOf(promptId: PromptId, references: PromptReferences): { reference?: string } {
  const reference = references.get(promptId)
  return reference === undefined ? {} : { reference }
}
