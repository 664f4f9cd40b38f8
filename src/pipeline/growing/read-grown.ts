// Knows: how a numbered response becomes prompts, and every rule that drops one.
// Must not know: earlier prompts (novelty-pool.ts), workers.
// Source: post_process_gpt3_response in self_instruct/bootstrap_instructions.py. Two differences: a response cut by length loses
// only its last prompt, not all of them; only the first letter is capitalised (the reference lowercases the others); quotes and bold
// marks around a prompt are removed instead of dropping it; and a word for an image or a file drops it in that sense only.
import { dropped, droppedByFailure, kept, type FilterDecision } from '../../domain/filter-decision.ts'
import type { ProjectId, RunId } from '../../domain/id.ts'
import type { CompletionResult } from '../../domain/completion-request.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import { promptIdOfSeed, type Prompt } from '../../domain/prompt.ts'
import type { Seed } from '../../domain/seed.ts'
import { SELF_INSTRUCT_TEMPLATE } from '../templates/self-instruct.ts'
import { firstOf } from '../cut-text.ts'
import { countWords } from '../words.ts'
import { grownId } from './growth.ts'
import type { GrowthRequest, SelfInstructSettings } from './plan-growth.ts'
import { splitList } from './split-list.ts'
import { findUnusable } from './unusable.ts'

/** A prompt as the teacher generated it, with the rules' decision; novelty is not decided yet. */
export interface Candidate {
  readonly request: GrowthRequest
  /** Index in the response, from 0. */
  readonly item: number
  readonly text: string
  readonly decision: FilterDecision
}

const PUNCTUATION = /^[!-/:-@[-`{-~]/
/** Max characters of a prompt; anything longer is not a list item. */
const MAX_CHARACTERS = 8_000

/** The prompts of a response in order, each kept or dropped by the rules. Empty items are skipped. */
export function readGrown(
  request: GrowthRequest,
  result: Pick<CompletionResult, 'text' | 'finishReason'>,
  settings: SelfInstructSettings,
): Candidate[] {
  // The response continues the list after its examples.
  const pieces = splitList(result.text, request.shots.length + 1)
  return pieces.flatMap((piece, item): Candidate[] => {
    const flat = piece.replaceAll(/\s+/gu, ' ').trim()
    if (flat === '') return []
    const text = capitalise(firstOf(unwrap(flat), MAX_CHARACTERS))
    if (text === '') return []
    const last = item === pieces.length - 1
    return [
      {
        request,
        item,
        text,
        decision:
          last && result.finishReason !== 'end' ? dropCut(result.finishReason) : decideUsable(text, settings),
      },
    ]
  })
}

/** The prompts of a response; a response that cannot be read is one prompt, dropped for that. */
export function readOrDrop(...response: Parameters<typeof readGrown>): Candidate[] {
  const [request, { text }] = response
  try {
    return readGrown(...response)
  } catch (thrown) {
    return [
      { request, item: 0, text: firstOf(text.trim(), MAX_CHARACTERS), decision: droppedByFailure(thrown) },
    ]
  }
}

const dropCut = (finishReason: 'length' | 'aborted'): FilterDecision =>
  dropped(finishReason === 'length' ? 'cut by length' : 'stopped during generation', {
    'finish reason': finishReason,
  })

/** The reference's rules for one prompt, in their order. */
export function decideUsable(
  text: string,
  settings: Pick<SelfInstructSettings, 'minWords' | 'maxWords' | 'asciiStart'>,
): FilterDecision {
  const { minWords, maxWords, asciiStart } = settings
  const words = countWords(text)
  if (words < minWords)
    return dropped(`${words} ${words === 1 ? 'word' : 'words'}, fewer than ${minWords}`, { words })
  if (words > maxWords) return dropped(`${words} words, more than ${maxWords}`, { words })
  const unusable = findUnusable(text)
  if (unusable !== undefined)
    return dropped(`mentions “${unusable}”, which a text model cannot see or make`, { word: unusable })
  if (/^write a program/i.test(text)) return dropped('starts with “Write a program”', { words })
  if (PUNCTUATION.test(text)) return dropped('starts with punctuation', { start: text.slice(0, 1) })
  const first = text.codePointAt(0) ?? 0
  if (asciiStart && first > 127)
    return dropped('starts with a character outside ASCII', { start: String.fromCodePoint(first) })
  return kept({ words })
}

/** Pairs of marks around a whole prompt. */
const WRAPPERS = [
  ['**', '**'],
  ['__', '__'],
  ['*', '*'],
  ['`', '`'],
  ['"', '"'],
  ["'", "'"],
  ['“', '”'],
  ['„', '“'],
  ['«', '»'],
  ['‘', '’'],
] as const

/** A prompt without the quotes and marks of emphasis around it, and without the bold marks of a title before it. */
function unwrap(text: string): string {
  for (const [open, close] of WRAPPERS) {
    const inner = text.slice(open.length, -close.length)
    const wrapped = text.length > open.length + close.length && text.startsWith(open) && text.endsWith(close)
    // “A” and “B” begins and ends with quotes that are no pair.
    if (wrapped && !inner.includes(open) && !inner.includes(close)) return unwrap(inner.trim())
  }
  return text.replace(/^\*\*([^*]{1,80})\*\*(?=[:\s])/u, '$1').trim()
}

const capitalise = (text: string): string => {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 0)
  return first.toUpperCase().length === first.length ? first.toUpperCase() + text.slice(first.length) : text
}

/** Texts of the candidates that still need a novelty decision, in order. */
export const novelTexts = (candidates: readonly Candidate[]): string[] =>
  candidates.filter(({ decision }) => decision.kind === 'kept').map(({ text }) => text)

/**
 * Candidates of a round as prompts. `novelty` has one decision for each text of `novelTexts(candidates)`, in that order.
 * Once `wanted` prompts are accepted, further good ones are dropped for that reason. `order` is the number of prompts stored before.
 */
export function promptsFromCandidates(round: {
  projectId: ProjectId
  runId: RunId
  /** Index of the grow step. */
  step: number
  laterStep?: number
  teacher: ModelRef
  /** The system message that all seeds have: the grown prompts get it too. */
  system?: string | undefined
  candidates: readonly Candidate[]
  novelty: readonly FilterDecision[]
  wanted: number
  order: number
}): Prompt[] {
  let next = 0
  let accepted = 0
  return round.candidates.map(({ request, item, text, decision: usable }, i): Prompt => {
    let decision = usable
    if (usable.kind === 'kept') {
      const novel = round.novelty[next++]
      if (!novel) throw new RangeError(`${round.novelty.length} novelty decisions for more candidates`)
      const evidence = { ...usable.evidence, ...novel.evidence }
      const surplus = novel.kind === 'kept' && accepted >= round.wanted
      decision = surplus ? dropped('not needed: there were enough prompts', evidence) : { ...novel, evidence }
    }
    if (decision.kind === 'kept') accepted += 1
    return {
      projectId: round.projectId,
      runId: round.runId,
      id: grownId(round, [SELF_INSTRUCT_TEMPLATE, request.index, item, text]),
      text,
      ...(round.system === undefined ? {} : { earlier: [{ role: 'system', content: round.system }] }),
      seedId: request.seedId,
      origin: {
        kind: 'grown',
        template: SELF_INSTRUCT_TEMPLATE,
        shots: request.shots,
        request: request.index,
        item,
        teacher: round.teacher,
        ...(round.laterStep === undefined ? {} : { step: round.laterStep }),
      },
      order: round.order + i,
      decisions: [{ step: round.step, name: 'self-instruct', decision }],
      status: decision.kind === 'kept' ? 'accepted' : 'dropped',
    }
  })
}

/** The seeds themselves as prompts, each with its conversation, its answer and its fields: instead of grown ones, or in addition (`alsoSeeds`). */
export function promptsFromSeeds(
  seeds: readonly Pick<Seed, 'projectId' | 'id' | 'text' | 'earlier' | 'answer' | 'fields'>[],
  runId: RunId,
  order = 0,
): Prompt[] {
  return seeds.map((seed, i) => ({
    projectId: seed.projectId,
    runId,
    id: promptIdOfSeed(runId, seed.id),
    text: seed.text,
    ...(seed.earlier ? { earlier: seed.earlier } : {}),
    ...(seed.answer === undefined ? {} : { reference: seed.answer }),
    ...(seed.fields ? { fields: seed.fields } : {}),
    seedId: seed.id,
    origin: { kind: 'seed' },
    order: order + i,
    decisions: [],
    status: 'accepted',
  }))
}
