// Knows: how Evol-Instruct makes prompts harder, and makes rarer ones, an operator at a time; and what it rejects.
// Must not know: workers, storage.
// Source: Xu et al. 2023 (arXiv 2304.12244) and its code, Evol_Instruct/{depth,breadth}.py: six operators drawn evenly, four reasons to
// reject; a rejected prompt leaves the one before it to the next round.
import { dropped, droppedByFailure, kept, type FilterDecision } from '../../domain/filter-decision.ts'
import { hashConversation } from '../../domain/conversation.ts'
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { PromptId } from '../../domain/id.ts'
import { promptIdOfSeed, type Prompt } from '../../domain/prompt.ts'
import { makeRng } from '../../domain/rng.ts'
import { GREEDY } from '../../domain/sampling.ts'
import { toggle, wholeNumber, type ValuesOf } from '../../domain/settings.ts'
import { writePromptChat } from '../completing/complete.ts'
import { firstOf } from '../cut-text.ts'
import { all, attempt, complete, emit, score, type Program } from '../programs/program.ts'
import { CHARACTERS_PER_TOKEN } from '../templates/judge-chat.ts'
import {
  EQUALITY_ANSWERS,
  EVOL_CONVERSATION_TEMPLATE,
  EVOL_TEMPLATE,
  OPERATORS,
  writeEquality,
  writeEvolution,
  type Operator,
  type TaskContext,
} from '../templates/evol-instruct.ts'
import { findUnsupportedSampling } from '../unsupported-sampling.ts'
import { rejectAnswer, rejectText } from './eliminate.ts'
import { defineGrow, grownId, type GrownRound, type Growth, type GrowthEnd, type Source } from './growth.ts'
import { maxTokensSetting, temperatureSetting, topPSetting } from '../sampling-settings.ts'

/** Seeds that are evolved side by side and stored together: enough to fill a teacher's batches. */
const SEEDS_PER_ROUND = 64
/** Max characters of a prompt. */
const MAX_CHARACTERS = 8_000

/** Characters of the messages before a task that a request shows. */
const MAX_CONTEXT = 6000
const MIN_CONTEXT = 400
/** Characters of a request besides the task and what is before it, about. */
const REQUEST_CHARACTERS = 800

/** The reason of prompts without gain. */
export const FOUND_EQUAL = 'is the same task as the prompt before'

const SETTINGS = {
  rounds: wholeNumber({
    label: 'Rounds',
    help: 'How often each seed is evolved, each time from the last good version; the paper has 4.',
    from: 1,
    to: 8,
    default: 4,
    unit: 'rounds',
  }),
  alsoSeeds: toggle({
    label: 'Include the seeds',
    help: 'Uses every seed as a prompt, in addition to the evolved ones, as the paper does. After another grow step: keeps the prompts that it evolves.',
    default: true,
  }),
  checkEquality: toggle({
    label: 'Drop what is equal',
    help: 'The teacher compares each evolved prompt with the one before, by the probabilities of its answer; prompts without gain are dropped.',
    default: true,
  }),
  checkResponse: toggle({
    label: 'Drop what cannot be answered',
    help: 'The teacher responds to each evolved prompt; a short refusal or a response without content drops it.',
    default: true,
  }),
  responseTokens: wholeNumber({
    usedIf: { setting: 'checkResponse', is: [true] },
    label: 'Max tokens of that response',
    help: 'Enough to see that it is one.',
    from: 16,
    to: 1024,
    default: 128,
    unit: 'tokens',
  }),
  maxWords: wholeNumber({
    label: 'Max words',
    help: 'Longer prompts are dropped.',
    from: 10,
    to: 1000,
    default: 200,
    unit: 'words',
  }),
  temperature: temperatureSetting(1, 'The paper has 1.'),
  topP: topPSetting(0.95),
  maxTokens: maxTokensSetting(256, {
    help: 'Max tokens of an evolved prompt; one that is cut is dropped.',
    from: 16,
    to: 2048,
  }),
}

type EvolSettings = ValuesOf<typeof SETTINGS>

export const evolInstruct = defineGrow({
  name: 'evol-instruct',
  title: 'Evolve prompts (Evol-Instruct)',
  help: 'The teacher rewrites each seed as a harder or a rarer prompt, several times in a row; what brings nothing new is dropped.',
  source: { citation: 'Xu et al. 2023 (WizardLM)', link: 'https://arxiv.org/abs/2304.12244' },
  settings: SETTINGS,
  needs: ({ checkEquality }) => [
    {
      role: 'teacher',
      ability: 'chat',
      without: (model) =>
        `evolving prompts needs a model tuned for chat, and ${model} has no chat template. Load another model, or choose a chat template for this one on the Teacher screen.`,
    },
    ...(checkEquality
      ? [
          {
            role: 'teacher',
            ability: 'scores' as const,
            without: (model: string) =>
              `the comparison with the prompt before is read from token probabilities, and ${model} does not return them. Set \`checkEquality\` to false, or load another model.`,
          },
        ]
      : []),
  ],
  checkModels(settings, modelOf) {
    const teacher = modelOf('teacher')
    const { maxTokens } = settings
    return [
      ...(maxTokens >= teacher.contextLength
        ? [
            {
              field: 'maxTokens',
              sentence: `${maxTokens} tokens of response leave no room for the prompt to evolve: the teacher’s context length is ${teacher.contextLength}. Lower \`maxTokens\`.`,
            },
          ]
        : []),
      ...findUnsupportedSampling(settings, teacher),
    ]
  },
  countPrompts: ({ rounds }, seeds) => rounds * seeds,
  addsSeeds: ({ alsoSeeds }) => alsoSeeds,
  replaces: ({ alsoSeeds }) => !alsoSeeds,
  maxTokens: ({ maxTokens }) => maxTokens,
  grow: evolveSeeds,
  describe: ({ rounds, alsoSeeds, checkEquality, checkResponse }, from, isLater = false) =>
    `Prompts evolved from ${from} by Evol-Instruct (Xu et al. 2023): ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of one of six operators each${
      checkEquality || checkResponse
        ? `; a prompt was dropped if ${[
            ...(checkEquality ? ['the teacher found it equal to the one before'] : []),
            ...(checkResponse ? ['the teacher’s response to it was a short refusal or had no content'] : []),
          ].join(', or if ')}`
        : ''
    }.${alsoSeeds ? ` ${isLater ? 'Those' : 'The seeds'} are prompts too.` : ''}`,
})

/** Evolves the seeds that have no prompts yet, some at a time. */
function* evolveSeeds(growth: Growth, settings: EvolSettings): Program<GrowthEnd, GrownRound> {
  const done = findEvolved(growth.prompts)
  const { limit } = growth
  const rounds = Math.min(settings.rounds, limit?.rounds ?? Infinity)
  const left = growth.shown
    .filter(({ id }) => !done.has(id))
    .slice(0, limit === undefined ? undefined : Math.ceil(limit.prompts / rounds))
  let { requests, order } = growth
  let empty = 0
  for (let from = 0; from < left.length; from += SEEDS_PER_ROUND) {
    const some = left.slice(from, from + SEEDS_PER_ROUND)
    const evolved = yield* all(some.map((seed) => evolveSeed(seed, { ...settings, rounds }, growth)))
    const refusals = evolved.flatMap(({ refusal }) => refusal ?? [])
    if (refusals.length === some.length && requests === 0)
      return { requests: some.length, failure: `Every request to evolve a seed failed: ${refusals[0] ?? ''}` }
    const prompts = evolved.flatMap(({ versions }, i) =>
      versions.map((version) => promptOf(version, some[i] as Source, growth)),
    )
    const numbered = prompts.map((prompt) => ({ ...prompt, order: order++ }))
    requests += some.length
    empty += evolved.reduce((sum, seed) => sum + seed.empty, 0)
    yield* emit({
      prompts: numbered,
      requests,
      usable: numbered.filter(({ status }) => status === 'accepted').length,
      tokens: evolved.reduce((sum, { tokens }) => sum + tokens, 0),
    })
  }
  return {
    requests,
    ...(empty === 0 ? {} : { note: `${empty} of the requests to evolve a prompt returned no task.` }),
  }
}

/** The ids of what these prompts were made from, their first versions' that is: each version names the one before it. */
function findEvolved(prompts: readonly Prompt[]): ReadonlySet<string> {
  const evolvedFrom = new Map<string, string>()
  for (const { id, origin } of prompts) {
    const from = origin.kind === 'grown' ? origin.shots[0] : undefined
    if (from !== undefined) evolvedFrom.set(id, evolvedFrom.get(from) ?? from)
  }
  return new Set(evolvedFrom.values())
}

/** A rewritten text, and what was decided on it. */
interface Version {
  readonly text: string
  readonly operator: Operator
  /** From 0. */
  readonly round: number
  /** Id of the seed or prompt that it was made from. */
  readonly from: string
  /** The prompt that it was made from; absent if that is a seed which is no prompt. */
  readonly parent?: PromptId
  readonly decision: FilterDecision
}
interface EvolvedSeed {
  readonly versions: readonly Version[]
  readonly tokens: number
  /** Requests that returned no text: there is no prompt that shows them. */
  readonly empty: number
  /** Why the teacher returned nothing, if it refused in every round. */
  readonly refusal?: string
}

/** All versions of one seed: a rejected one leaves the one before it to the next round. */
function* evolveSeed(seed: Source, settings: EvolSettings, growth: Growth): Program<EvolvedSeed> {
  const { rngSeed } = growth
  const versions: Version[] = []
  let tokens = 0
  let refused: string | undefined
  let refusals = 0
  let empty = 0
  const own = seed.prompt ?? (settings.alsoSeeds ? promptIdOfSeed(growth.runId, seed.seedId) : undefined)
  let current: Pick<Source, 'id' | 'text' | 'prompt'> = {
    id: seed.id,
    text: seed.text,
    ...(own === undefined ? {} : { prompt: own }),
  }
  const { earlier = [] } = seed
  for (let round = 0; round < settings.rounds; round++) {
    const name = `${rngSeed}/evolve/${hashConversation(current.text, earlier).slice(0, 16)}/${round}`
    const operator = OPERATORS[makeRng(name).below(OPERATORS.length)] as Operator
    const made = {
      text: current.text,
      operator,
      round,
      from: current.id,
      ...(current.prompt === undefined ? {} : { parent: current.prompt }),
    }
    const attempted = yield* attempt(evolveOnce(name, made, seed, settings, growth))
    if (!attempted.ok) {
      // One bad text ends no run. What would have come of it is not known, so that the prompt shows what it was made from.
      versions.push({ ...made, decision: droppedByFailure(attempted.thrown) })
      continue
    }
    const evolved = attempted.outcome
    tokens += evolved.tokens
    if ('refusal' in evolved) {
      refusals += 1
      empty += 1
      refused = evolved.refusal
      continue
    }
    const { text, decision } = evolved
    const version: Version = { ...made, text, decision }
    if (text === '') empty += 1
    else versions.push(version)
    if (decision.kind !== 'kept') continue
    const id = idOf(version, seed, growth)
    current = { id, text, prompt: id }
  }
  return {
    versions,
    empty,
    tokens,
    ...(refusals === settings.rounds && refused !== undefined ? { refusal: refused } : {}),
  }
}

/** One version of a text, with what is decided on it, or why the teacher refused. */
function* evolveOnce(
  rngSeed: string,
  { text: before, operator, round }: Pick<Version, 'text' | 'operator' | 'round'>,
  { id, earlier = [] }: Growth['shown'][number],
  settings: EvolSettings,
  growth: Growth,
): Program<
  { readonly tokens: number } & (Pick<Version, 'text' | 'decision'> | { readonly refusal: string })
> {
  const { temperature, topP, maxTokens } = settings
  const result = yield* complete('teacher', {
    id: `grow-${id}-${round}`,
    input: writeEvolution(before, operator, contextOf(earlier, before, settings, growth)),
    sampling: { ...GREEDY, temperature, topP, maxTokens, rngSeed },
  })
  const { tokens, finishReason } = result
  if (result.refusal !== undefined) return { tokens, refusal: result.refusal }
  const text = firstOf(result.text.trim(), MAX_CHARACTERS)
  const decision =
    finishReason === 'end'
      ? ((yield* reject({ before, text, earlier }, settings, growth, `${id}-${round}`)) ??
        kept({ operator, round: round + 1 }))
      : dropped('cut by length', { 'finish reason': finishReason })
  return { tokens, text, decision }
}

/** Why a version is rejected: by its text, by a comparison with the one before, by the response to it. */
function* reject(
  {
    before,
    text,
    earlier,
  }: { readonly before: string; readonly text: string; readonly earlier: readonly ChatMessage[] },
  settings: EvolSettings,
  growth: Growth,
  id: string,
): Program<FilterDecision | undefined> {
  const { maxWords, checkEquality, checkResponse, responseTokens } = settings
  const rejected = rejectText(text, before, maxWords)
  if (rejected !== undefined) return rejected
  if (checkEquality) {
    const { logProbs } = yield* score('teacher', {
      id: `equal-${id}`,
      input: writeEquality(before, text, contextOf(earlier, `${before}${text}`, settings, growth)),
      continuations: EQUALITY_ANSWERS,
    })
    const [equal = -Infinity, different = -Infinity] = logProbs
    // A comparison that could not be read drops nothing.
    if (equal > different)
      return dropped(FOUND_EQUAL, {
        'probability of equal': Math.round(1000 / (1 + Math.exp(different - equal))) / 1000,
      })
  }
  if (!checkResponse) return undefined
  const response = yield* complete('teacher', {
    id: `response-${id}`,
    input: writePromptChat(text, '', earlier),
    sampling: { ...GREEDY, maxTokens: responseTokens, rngSeed: 'response' },
  })
  return response.refusal === undefined
    ? rejectAnswer(response.text)
    : dropped(`the teacher cannot respond to it: ${response.refusal}`)
}

/** What a request shows of the messages before a task: what the task and its response leave room for. */
const contextOf = (
  earlier: readonly ChatMessage[],
  text: string,
  { maxTokens }: EvolSettings,
  { contextLength }: Growth,
): TaskContext => ({
  earlier,
  limit: Math.min(
    MAX_CONTEXT,
    Math.max(
      MIN_CONTEXT,
      (contextLength - maxTokens) * CHARACTERS_PER_TOKEN - text.length - REQUEST_CHARACTERS,
    ),
  ),
})

const templateOf = ({ earlier = [] }: Source): string =>
  earlier.length === 0 ? EVOL_TEMPLATE : EVOL_CONVERSATION_TEMPLATE

const idOf = ({ text, round }: Pick<Version, 'text' | 'round'>, seed: Source, growth: Growth): PromptId =>
  grownId(growth, [templateOf(seed), seed.id, round, text])

const promptOf = (version: Version, seed: Source, growth: Growth): Omit<Prompt, 'order'> => ({
  projectId: growth.projectId,
  runId: growth.runId,
  id: idOf(version, seed, growth),
  text: version.text,
  ...(seed.earlier ? { earlier: seed.earlier } : {}),
  ...(seed.fields ? { fields: seed.fields } : {}),
  ...(version.parent === undefined ? {} : { parent: version.parent }),
  seedId: seed.seedId,
  origin: {
    kind: 'grown',
    template: templateOf(seed),
    shots: [version.from],
    request: version.round,
    item: 0,
    teacher: growth.teacher,
    operator: version.operator,
    ...(growth.laterStep === undefined ? {} : { step: growth.laterStep }),
  },
  decisions: [{ step: growth.step, name: 'evol-instruct', decision: version.decision }],
  status: version.decision.kind === 'kept' ? 'accepted' : 'dropped',
})
