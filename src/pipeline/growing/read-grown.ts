// Knows: how a numbered answer becomes prompts, and every rule by which one is dropped.
// Must not know: what was asked before (novelty-pool.ts), workers.
// Source: post_process_gpt3_response in self_instruct/bootstrap_instructions.py. Two things differ: an answer cut by length loses
// its last prompt only, not all of them; and only the first letter is raised (the reference lowers all others).
import { dropped, kept, type FilterAnswer } from '../../domain/filter-answer.ts'
import type { ProjectId, RunId } from '../../domain/id.ts'
import type { CompletionResult, ModelRef } from '../../domain/model.ts'
import { promptId, type Prompt } from '../../domain/prompt.ts'
import type { Seed } from '../../domain/seed.ts'
import { SELF_INSTRUCT_TEMPLATE } from '../templates/self-instruct.ts'
import { countWords } from '../words.ts'
import type { GrowthRequest, SelfInstructSettings } from './self-instruct.ts'

/** A prompt as the teacher wrote it, with the rules' answer; novelty has not been asked yet. */
export interface Candidate {
  readonly request: GrowthRequest
  /** Place in the answer, from 0. */
  readonly item: number
  readonly text: string
  readonly answer: FilterAnswer
}

/** Words that speak of what a text model cannot see or make. */
const UNUSABLE = [
  'image',
  'images',
  'graph',
  'graphs',
  'picture',
  'pictures',
  'file',
  'files',
  'map',
  'maps',
  'draw',
  'plot',
  'go to',
]
const UNUSABLE_WORD = new RegExp(`\\b(${UNUSABLE.join('|')})\\b`, 'i')
const PUNCTUATION = /^[!-/:-@[-`{-~]/
/** Characters of a prompt at most; anything longer is no list item. */
const CHARACTERS = 8_000

/** The prompts of an answer in their order, each kept or dropped by the rules. Empty items are left out. */
export function readGrown(
  request: GrowthRequest,
  result: Pick<CompletionResult, 'text' | 'ending'>,
  settings: SelfInstructSettings,
): Candidate[] {
  const pieces = result.text.split(/\n\s*\d+\s?[.)](?=\s|$)/)
  return pieces.flatMap((piece, item): Candidate[] => {
    const flat = piece.replaceAll(/\s+/gu, ' ').trim()
    if (flat === '') return []
    const text = raiseFirst(flat.slice(0, CHARACTERS))
    const last = item === pieces.length - 1
    return [
      {
        request,
        item,
        text,
        answer: last && result.ending !== 'end' ? dropCut(result.ending) : decideUsable(text, settings),
      },
    ]
  })
}

const dropCut = (ending: 'length' | 'aborted'): FilterAnswer =>
  dropped(ending === 'length' ? 'cut by length' : 'stopped while it was being written', { ending })

/** The reference's rules on one prompt, in its order. */
export function decideUsable(
  text: string,
  settings: Pick<SelfInstructSettings, 'minWords' | 'maxWords' | 'asciiStart'>,
): FilterAnswer {
  const { minWords, maxWords, asciiStart } = settings
  const words = countWords(text)
  if (words < minWords)
    return dropped(`${words} ${words === 1 ? 'word' : 'words'}, fewer than ${minWords}`, { words })
  if (words > maxWords) return dropped(`${words} words, more than ${maxWords}`, { words })
  const unusable = UNUSABLE_WORD.exec(text)?.[1]
  if (unusable !== undefined)
    return dropped(`speaks of “${unusable.toLowerCase()}”, which a text model cannot see or make`, {
      word: unusable,
    })
  if (/^write a program/i.test(text)) return dropped('starts with “Write a program”', { words })
  if (PUNCTUATION.test(text)) return dropped('starts with punctuation', { start: text.slice(0, 1) })
  const first = text.codePointAt(0) ?? 0
  if (asciiStart && first > 127)
    return dropped('starts with a character outside ASCII', { start: String.fromCodePoint(first) })
  return kept({ words })
}

const raiseFirst = (text: string): string => {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 0)
  return first.toUpperCase().length === first.length ? first.toUpperCase() + text.slice(first.length) : text
}

/** Texts of the candidates that novelty has yet to judge, in order. */
export const novelTexts = (candidates: readonly Candidate[]): string[] =>
  candidates.filter(({ answer }) => answer.kind === 'kept').map(({ text }) => text)

/**
 * Candidates of a round as prompts. `novelty` holds one answer for each text of `novelTexts(candidates)`, in that order.
 * Once `wanted` prompts are accepted, further good ones are dropped and say so. `order` is the number of prompts stored before.
 */
export function settlePrompts(round: {
  projectId: ProjectId
  runId: RunId
  /** Index of the grow step. */
  step: number
  teacher: ModelRef
  candidates: readonly Candidate[]
  novelty: readonly FilterAnswer[]
  wanted: number
  order: number
}): Prompt[] {
  let asked = 0
  let accepted = 0
  return round.candidates.map(({ request, item, text, answer: usable }, i): Prompt => {
    let answer = usable
    if (usable.kind === 'kept') {
      const novel = round.novelty[asked++]
      if (!novel) throw new RangeError(`novelty has ${round.novelty.length} answers for more candidates`)
      const evidence = { ...usable.evidence, ...novel.evidence }
      const surplus = novel.kind === 'kept' && accepted >= round.wanted
      answer = surplus ? dropped('not needed: enough prompts were there', evidence) : { ...novel, evidence }
    }
    if (answer.kind === 'kept') accepted += 1
    return {
      projectId: round.projectId,
      runId: round.runId,
      id: promptId([round.runId, 'grown', SELF_INSTRUCT_TEMPLATE, request.index, item, text]),
      text,
      seedId: request.seedId,
      origin: {
        kind: 'grown',
        template: SELF_INSTRUCT_TEMPLATE,
        shots: request.shots,
        request: request.index,
        item,
        teacher: round.teacher,
      },
      order: round.order + i,
      answers: [{ step: round.step, name: 'self-instruct', answer }],
      status: answer.kind === 'kept' ? 'accepted' : 'dropped',
    }
  })
}

/** The seeds themselves as prompts: where nothing is grown, or beside what is (`alsoSeeds`). */
export function promptsFromSeeds(
  seeds: readonly Pick<Seed, 'projectId' | 'id' | 'text'>[],
  runId: RunId,
  order = 0,
): Prompt[] {
  return seeds.map((seed, i) => ({
    projectId: seed.projectId,
    runId,
    id: promptId([runId, 'seed', seed.id]),
    text: seed.text,
    seedId: seed.id,
    origin: { kind: 'seed' },
    order: order + i,
    answers: [],
    status: 'accepted',
  }))
}
