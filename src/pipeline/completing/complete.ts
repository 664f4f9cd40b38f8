// Knows: how prompts become requests for completions, and what each row is named after.
// Must not know: workers, storage.
import { defineStep } from '../define-step.ts'
import { realNumber, text, wholeNumber } from '../../domain/settings.ts'

/** Asks the teacher. Temperature: 0.7 to 1.0 is what best-of-n uses (algorithms: rejection sampling). */
export const complete = defineStep({
  family: 'complete',
  name: 'teacher',
  title: 'Complete',
  help: 'The teacher answers every prompt, once or several times.',
  settings: {
    n: wholeNumber({ label: 'Completions per prompt', help: 'With a judge, several let it choose the best one.', from: 1, to: 16, default: 1 }),
    system: text({ label: 'System prompt', help: 'Told to the teacher before every prompt; empty leaves it to the model’s own template.', default: '', lines: 3 }),
    temperature: realNumber({ label: 'Temperature', help: 'Higher writes less likely words; 0 always takes the likeliest.', from: 0, to: 2, default: 0.7, step: 0.05 }),
    topK: wholeNumber({ label: 'Top-k', help: 'Draws from this many likeliest tokens; 0 keeps all.', from: 0, to: 1000, default: 0 }),
    topP: realNumber({ label: 'Top-p', help: 'Draws from the likeliest tokens that together have this probability; 1 keeps all.', from: 0.01, to: 1, default: 0.95, step: 0.01 }),
    minP: realNumber({ label: 'Min-p', help: 'Leaves out tokens less likely than this share of the likeliest; 0 keeps all.', from: 0, to: 1, default: 0, step: 0.01 }),
    repetitionPenalty: realNumber({ label: 'Repetition penalty', help: 'Above 1, tokens that were used already become less likely.', from: 1, to: 2, default: 1.1, step: 0.05 }),
    maxTokens: wholeNumber({ label: 'Tokens at most', help: 'Where a completion is cut if the teacher does not end it.', from: 1, to: 4096, default: 160, unit: 'tokens' }),
  },
})
