// Knows: how prompts become completion requests, and how row ids are derived.
// Must not know: workers, storage.
import { findSystem, hashConversation, writeConversation } from '../../domain/conversation.ts'
import type { ChatMessage, CompletionResult, PromptInput } from '../../domain/completion-request.ts'
import type { Sampling } from '../../domain/sampling.ts'
import { rowId } from '../../domain/row.ts'
import { realNumber, role, text, toggle, wholeNumber, type ValuesOf } from '../../domain/settings.ts'
import { complete as completeCall } from '../programs/program.ts'
import { defineCompleter, type CompletionPlan, type PlannedRow } from './completer.ts'
import { findUnsupportedSampling } from '../unsupported-sampling.ts'
import {
  maxTokensSetting,
  repetitionPenaltySetting,
  temperatureSetting,
  topPSetting,
} from '../sampling-settings.ts'

const SETTINGS = {
  by: role({ default: 'teacher' }),
  n: wholeNumber({
    label: 'Completions per prompt',
    help: 'With several, the judge can choose the best one.',
    from: 1,
    to: 16,
    default: 1,
  }),
  system: text({
    label: 'System prompt',
    help: 'Sent before every prompt that has no system message of its own; empty uses the default of the model’s chat template.',
    default: '',
    lines: 3,
  }),
  temperature: temperatureSetting(0.7),
  topK: wholeNumber({
    label: 'Top-k',
    help: 'Samples from the k most likely tokens; 0 keeps all.',
    from: 0,
    to: 1000,
    default: 0,
  }),
  topP: topPSetting(0.95),
  minP: realNumber({
    label: 'Min-p',
    help: 'Drops tokens whose probability is below this share of the most likely token’s; 0 keeps all.',
    from: 0,
    to: 1,
    default: 0,
    step: 0.01,
  }),
  repetitionPenalty: repetitionPenaltySetting(1),
  maxTokens: maxTokensSetting(512, {
    help: 'Max tokens of a completion, with its reasoning if it has any; a longer one is cut.',
  }),
  thinking: toggle({
    label: 'Reasoning',
    help: 'Lets a model that can reason do so before it responds. Its reasoning counts in max tokens and is kept apart from the text. Off: it is switched off where the model has a switch, and cut out of the text in any case.',
    default: false,
  }),
}

export type CompleteSettings = ValuesOf<typeof SETTINGS>

/** Generates completions with the teacher. Best-of-n uses temperatures of 0.7 to 1.0 (algorithms: rejection sampling). */
export const complete = defineCompleter({
  name: 'teacher',
  title: 'Complete',
  help: 'The teacher generates one or more completions of every prompt.',
  settings: SETTINGS,
  needs: ({ by }) => [
    {
      role: by,
      ability: 'chat',
      without: (model) =>
        `${model} has no chat template, so prompts cannot be formatted for it. Load a model tuned for chat (often called “Instruct”), or choose a chat template for this one on the Teacher screen.`,
    },
  ],
  checkModels(settings, modelOf) {
    const teacher = modelOf(settings.by)
    const { maxTokens } = settings
    return [
      ...(maxTokens >= teacher.contextLength
        ? [
            {
              field: 'maxTokens',
              sentence: `${maxTokens} tokens of completion leave no room for the prompt: the teacher’s context length is ${teacher.contextLength}. Lower \`maxTokens\`.`,
            },
          ]
        : []),
      ...findUnsupportedSampling(settings, teacher),
    ]
  },
  roleOf: ({ by }) => by,
  countRows: ({ n }) => n,
  maxTokens: ({ maxTokens }) => maxTokens,
  plan: (plan) => planCompletions(plan),
  *write({ id, request }, { by }) {
    if (request === undefined) throw new TypeError(`row ${id} was not planned by this step`)
    return yield* completeCall(by, request)
  },
  describe({ by, n, maxTokens, temperature, topP, topK, minP, repetitionPenalty, system }) {
    const sampling = `temperature ${temperature}, top-p ${topP}${topK > 0 ? `, top-k ${topK}` : ''}${minP > 0 ? `, min-p ${minP}` : ''}, repetition penalty ${repetitionPenalty}`
    const prompt = system.trim() === '' ? 'no system prompt' : 'with the system prompt in the recipe'
    return `${n} ${n === 1 ? 'completion' : 'completions'} per prompt${by === 'teacher' ? '' : ` by the model of the role \`${by}\``}, max ${maxTokens} tokens, ${sampling}, ${prompt}.`
  },
})

const UNFINISHED_REASONING =
  'The reasoning never ended, so there is no response. Raise max tokens, or switch reasoning off.'

/** Why the complete step drops a row with this result: the teacher refused, or the completion ended inside its reasoning. */
export const findNoResponse = ({
  refusal,
  unfinishedReasoning,
}: Pick<CompletionResult, 'refusal' | 'unfinishedReasoning'>): string | undefined =>
  refusal ?? (unfinishedReasoning ? UNFINISHED_REASONING : undefined)

/**
 * All rows of these prompts, in order: n per prompt. A row's random draws depend only on the recipe's rngSeed, the prompt's messages,
 * the variant and, where several steps write, on which of them it is: not on its batch, its run or earlier rows.
 */
export function planCompletions({
  prompts,
  settings,
  rngSeed,
  teacher,
  first = 0,
  place: { ordinal, perPrompt, offset } = { ordinal: 0, perPrompt: settings.n, offset: 0 },
}: Omit<CompletionPlan, 'settings'> & { readonly settings: CompleteSettings }): PlannedRow[] {
  return prompts.flatMap((prompt, i) => {
    const { text: last, earlier, fields } = prompt
    const system = findSystem(settings.system.trim(), earlier)
    const name = hashConversation(last, earlier).slice(0, 16)
    return Array.from({ length: settings.n }, (_, variant): PlannedRow => {
      const sampling: Sampling = {
        ...samplingOf(settings),
        rngSeed: `${rngSeed}/complete/${name}/${variant}${ordinal === 0 ? '' : `/${ordinal}`}`,
      }
      const id = rowId({
        prompt: prompt.id,
        variant,
        teacher: teacher.fingerprint,
        system,
        sampling: { ...sampling, stop: [...sampling.stop] },
        // Only where it is on: rows of recipes from before it existed keep their ids.
        ...(settings.thinking ? { thinking: true } : {}),
      })
      return {
        id,
        promptId: prompt.id,
        seedId: prompt.seedId,
        prompt: last,
        ...(earlier ? { earlier } : {}),
        ...(fields ? { fields } : {}),
        variant,
        order: (first + i) * perPrompt + offset + variant,
        system,
        sampling,
        request: {
          id,
          input: writePromptChat(last, system, earlier),
          sampling,
          ...(settings.thinking ? { thinking: true } : {}),
        },
      }
    })
  })
}

/** The step's sampling settings, without the row's own rngSeed. */
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

/** The chat of a prompt; without a system prompt the model's template uses its default. */
export const writePromptChat = (
  prompt: string,
  system: string,
  earlier?: readonly ChatMessage[],
): PromptInput => ({ kind: 'chat', messages: writeConversation({ system, earlier, prompt }) })
