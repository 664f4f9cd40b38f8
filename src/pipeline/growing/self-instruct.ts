// Knows: how Self-Instruct grows prompts: which examples a request shows and how it asks. Reading the answer is read-grown.ts.
// Must not know: workers, storage.
// Source: Wang et al. 2022 (arXiv 2212.10560) and its code, self_instruct/bootstrap_instructions.py.
import { defineStep } from '../define-step.ts'
import { realNumber, toggle, wholeNumber } from '../../domain/settings.ts'

/** Grows prompts from the seeds. Defaults: the reference's, but for the number of tokens (1024 there) and the penalty (presence 2 there). */
export const selfInstruct = defineStep({
  family: 'grow',
  name: 'self-instruct',
  title: 'Grow prompts (Self-Instruct)',
  help: 'The teacher sees a numbered list of prompts, yours and some it wrote before, and goes on with the list; only new and usable ones are taken.',
  settings: {
    prompts: wholeNumber({ label: 'Prompts to grow', help: 'How many new prompts to collect; 0 asks the seeds themselves.', from: 0, to: 100_000, default: 40, unit: 'prompts' }),
    alsoSeeds: toggle({ label: 'Ask the seeds too', help: 'Every seed becomes a prompt beside the grown ones.', default: false }),
    humanShots: wholeNumber({ label: 'Seeds shown', help: 'Seeds in the list that each request shows.', from: 1, to: 16, default: 6, unit: 'seeds' }),
    machineShots: wholeNumber({ label: 'Grown prompts shown', help: 'Prompts accepted earlier that each request shows beside the seeds.', from: 0, to: 16, default: 2, unit: 'prompts' }),
    novelty: realNumber({ label: 'Novelty threshold', help: 'A prompt whose ROUGE-L with any seed or accepted prompt is above this is dropped; 1 drops nothing.', from: 0, to: 1, default: 0.7, step: 0.05 }),
    minWords: wholeNumber({ label: 'Fewest words', help: 'Shorter prompts are dropped.', from: 1, to: 1000, default: 4, unit: 'words' }),
    maxWords: wholeNumber({ label: 'Most words', help: 'Longer prompts are dropped.', from: 1, to: 1000, default: 150, unit: 'words' }),
    asciiStart: toggle({ label: 'Must start with a Latin letter or digit', help: 'Drops prompts that start outside ASCII, as the paper does; switch it off for seeds in other scripts.', default: true }),
    temperature: realNumber({ label: 'Temperature', help: 'Higher writes less likely words; 0 always takes the likeliest.', from: 0, to: 2, default: 0.7, step: 0.05 }),
    topP: realNumber({ label: 'Top-p', help: 'Draws from the likeliest tokens that together have this probability.', from: 0.01, to: 1, default: 0.5, step: 0.01 }),
    repetitionPenalty: realNumber({ label: 'Repetition penalty', help: 'Above 1, tokens that were used already become less likely.', from: 1, to: 2, default: 1, step: 0.05 }),
    maxTokens: wholeNumber({ label: 'Tokens of a request', help: 'Where an answer is cut; its last prompt is dropped then.', from: 16, to: 4096, default: 320, unit: 'tokens' }),
    lastItem: wholeNumber({ label: 'Last number of the list', help: 'A request ends when the list reaches this number.', from: 2, to: 64, default: 16 }),
  },
})
