// Knows: which prompts have an answer that is known beforehand: seeds that a person brought with one.
import type { Seed } from '../../domain/seed.ts'

/** Known answers by the texts of their prompts. */
export type KnownAnswers = ReadonlyMap<string, string>

export const answersOf = (seeds: readonly Pick<Seed, 'text' | 'answer'>[]): KnownAnswers =>
  new Map(seeds.flatMap(({ text, answer }) => (answer === undefined ? [] : [[text, answer]])))

/** What a filter is told of a prompt's answer. */
export function answerTo(prompt: string, answers: KnownAnswers): { answer?: string } {
  const answer = answers.get(prompt)
  return answer === undefined ? {} : { answer }
}
