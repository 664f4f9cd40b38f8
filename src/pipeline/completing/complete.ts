// Knows: how prompts become requests for completions, and what each row is named after.
// Must not know: workers, storage.
import { hashOf } from '../../domain/hash.ts'
import type { PromptId, RowId, SeedId } from '../../domain/id.ts'
import type { Asked, CompletionRequest, ModelRef, Sampling } from '../../domain/model.ts'
import type { Prompt } from '../../domain/prompt.ts'
import { rowId } from '../../domain/row.ts'
import { realNumber, text, wholeNumber, type ValuesOf } from '../../domain/settings.ts'
import { defineStep } from '../define-step.ts'

/** Asks the teacher. Temperature: 0.7 to 1.0 is what best-of-n uses (algorithms: rejection sampling). */
export const complete = defineStep({
  family: 'complete',
  name: 'teacher',
  title: 'Complete',
  help: 'The teacher answers every prompt, once or several times.',
  settings: {
    n: wholeNumber({
      label: 'Completions per prompt',
      help: 'With a judge, several let it choose the best one.',
      from: 1,
      to: 16,
      default: 1,
    }),
    system: text({
      label: 'System prompt',
      help: 'Told to the teacher before every prompt; empty leaves it to the model’s own template.',
      default: '',
      lines: 3,
    }),
    temperature: realNumber({
      label: 'Temperature',
      help: 'Higher writes less likely words; 0 always takes the likeliest.',
      from: 0,
      to: 2,
      default: 0.7,
      step: 0.05,
    }),
    topK: wholeNumber({
      label: 'Top-k',
      help: 'Draws from this many likeliest tokens; 0 keeps all.',
      from: 0,
      to: 1000,
      default: 0,
    }),
    topP: realNumber({
      label: 'Top-p',
      help: 'Draws from the likeliest tokens that together have this probability; 1 keeps all.',
      from: 0.01,
      to: 1,
      default: 0.95,
      step: 0.01,
    }),
    minP: realNumber({
      label: 'Min-p',
      help: 'Leaves out tokens less likely than this share of the likeliest; 0 keeps all.',
      from: 0,
      to: 1,
      default: 0,
      step: 0.01,
    }),
    repetitionPenalty: realNumber({
      label: 'Repetition penalty',
      help: 'Above 1, tokens that were used already become less likely.',
      from: 1,
      to: 2,
      default: 1.1,
      step: 0.05,
    }),
    maxTokens: wholeNumber({
      label: 'Tokens at most',
      help: 'Where a completion is cut if the teacher does not end it.',
      from: 1,
      to: 4096,
      default: 160,
      unit: 'tokens',
    }),
  },
})

export type CompleteSettings = ValuesOf<typeof complete.settings>

/** A row before its completion exists: its id is known, so a run that goes on can tell what is done. */
export interface PlannedRow {
  readonly id: RowId
  readonly promptId: PromptId
  readonly seedId: SeedId
  readonly prompt: string
  /** Which of the n completions, from 0. */
  readonly variant: number
  /** Order within the run, from 0. */
  readonly order: number
  readonly system: string
  readonly sampling: Sampling
  /** Its id is the row's. */
  readonly request: CompletionRequest
}

/**
 * Every row that these prompts ask for, in order: n a prompt. `first` is the number of accepted prompts that stand before them
 * in the run. A row's draws depend on the recipe's rngSeed, the prompt's text and the variant alone: not on its batch, its run
 * or what was done before.
 */
export function planCompletions(plan: {
  prompts: readonly Pick<Prompt, 'id' | 'seedId' | 'text'>[]
  settings: CompleteSettings
  rngSeed: number
  teacher: ModelRef
  first?: number
}): PlannedRow[] {
  const { prompts, settings, rngSeed, teacher, first = 0 } = plan
  const system = settings.system.trim()
  return prompts.flatMap((prompt, i) => {
    const name = hashOf(prompt.text).slice(0, 16)
    return Array.from({ length: settings.n }, (_, variant): PlannedRow => {
      const sampling: Sampling = {
        ...samplingOf(settings),
        rngSeed: `${rngSeed}/complete/${name}/${variant}`,
      }
      const id = rowId({
        prompt: prompt.id,
        variant,
        teacher: teacher.fingerprint,
        system,
        sampling: { ...sampling, stop: [...sampling.stop] },
      })
      return {
        id,
        promptId: prompt.id,
        seedId: prompt.seedId,
        prompt: prompt.text,
        variant,
        order: (first + i) * settings.n + variant,
        system,
        sampling,
        request: { id, asked: askPrompt(prompt.text, system), sampling },
      }
    })
  })
}

/** How the step draws tokens, but for the row's own rngSeed. */
export const samplingOf = ({
  temperature,
  topK,
  topP,
  minP,
  repetitionPenalty,
  maxTokens,
}: CompleteSettings): Omit<Sampling, 'rngSeed'> => ({
  temperature,
  topK,
  topP,
  minP,
  repetitionPenalty,
  maxTokens,
  stop: [],
})

/** The chat that asks a prompt; without a system prompt the model's template decides what stands there. */
export const askPrompt = (prompt: string, system: string): Asked => ({
  kind: 'chat',
  messages: [
    ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user', content: prompt },
  ],
})
